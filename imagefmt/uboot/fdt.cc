// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uboot/fdt.h"

#include "imagefmt/base/endian.h"

namespace imagefmt::uboot {

namespace {

/// Names of properties. libfdt looks through them for each property that it compares.
constexpr uint32_t kMaxStringsBytes = 64 << 10;

/// Of what dtc and mkimage have written since 2005, whose headers say how large the structure is.
constexpr uint32_t kVersion = 17;

/// libfdt adds the sizes of properties as they are, and walks in a circle where one wraps around.
void check_sizes_of_properties(ByteView structure) {
  Cursor cursor(structure, "its structure");
  while (cursor.remaining() != 0) {
    const uint32_t tag = cursor.take_struct<be32>();
    if (tag == FDT_END) return;
    uint64_t size = 0;  // behind the tag
    if (tag == FDT_PROP) {
      size = cursor.take_struct<be32>();
      cursor.take(sizeof(be32));  // its name
    } else if (tag == FDT_BEGIN_NODE) {
      const std::string_view name = as_text(structure.subspan(cursor.offset()));
      size = std::min(name.find('\0'), name.size()) + 1;
    }
    cursor.take(align_up(size, sizeof(be32)));
  }
}

}  // namespace

int check_fdt(int result, std::string_view what) {
  if (result < 0) throw Error(fmt::format("{}: {}", what, fdt_strerror(result)));
  return result;
}

Fdt::Fdt(ByteView bytes) {
  if (bytes.size() < FDT_V1_SIZE) {
    throw Error(fmt::format("it has {} bytes, fewer than a header's", bytes.size()));
  }
  bytes_.assign(bytes.begin(), bytes.end());
  check_fdt(fdt_check_header(bytes_.data()), "its header");
  const uint32_t size = fdt_totalsize(bytes_.data());
  if (size > bytes_.size()) {
    throw Error(fmt::format("its header says {} bytes, and it has {}", size, bytes_.size()));
  }
  bytes_.resize(size);
  if (fdt_size_dt_strings(bytes_.data()) > kMaxStringsBytes) {
    throw Error(fmt::format("the names of its properties have {} bytes, at most {} are read",
                            fdt_size_dt_strings(bytes_.data()), kMaxStringsBytes));
  }
  if (fdt_version(bytes_.data()) < kVersion) {
    throw Error(fmt::format("its header has version {}, expected {} or newer",
                            fdt_version(bytes_.data()), kVersion));
  }
  check_sizes_of_properties(ByteView(bytes_).subspan(fdt_off_dt_struct(bytes_.data()),
                                                     fdt_size_dt_struct(bytes_.data())));
  check_fdt(fdt_check_full(bytes_.data(), bytes_.size()), "its structure");
}

int Fdt::node(const char* path) const {
  const int found = fdt_path_offset(bytes_.data(), path);
  if (found == -FDT_ERR_NOTFOUND) throw Error(fmt::format("there is no node {}", path));
  return check_fdt(found, path);
}

std::vector<int> Fdt::children(int node) const {
  std::vector<int> found;
  for (int child = fdt_first_subnode(bytes_.data(), node); child >= 0;
       child = fdt_next_subnode(bytes_.data(), child)) {
    found.push_back(child);
  }
  return found;
}

std::string Fdt::name(int node) const {
  int size = 0;
  const char* name = fdt_get_name(bytes_.data(), node, &size);
  check_fdt(name ? size : -FDT_ERR_BADSTRUCTURE, "a node's name");
  return {name, static_cast<size_t>(size)};
}

std::optional<std::string_view> Fdt::find(int node, const char* property) const {
  int size = 0;
  const void* value = fdt_getprop(bytes_.data(), node, property, &size);
  if (!value) return std::nullopt;
  return std::string_view(static_cast<const char*>(value), static_cast<size_t>(size));
}

std::vector<std::string> Fdt::texts(int node, const char* property) const {
  std::vector<std::string> found;
  std::string_view rest = find(node, property).value_or("");
  while (!rest.empty()) {
    const size_t end = rest.find('\0');
    if (end == rest.npos) refuse(node, property, "does not end in a NUL");
    found.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return found;
}

std::string Fdt::text(int node, const char* property) const {
  std::vector<std::string> found = texts(node, property);
  if (found.size() > 1) refuse(node, property, "holds a NUL");
  return found.empty() ? std::string() : std::move(found[0]);
}

std::optional<uint32_t> Fdt::number(int node, const char* property) const {
  const std::optional<std::string_view> value = find(node, property);
  if (!value) return std::nullopt;
  if (value->size() != sizeof(be32)) {
    refuse(node, property, fmt::format("has {} bytes, expected {}", value->size(), sizeof(be32)));
  }
  return Cursor(as_bytes(*value), property).take_struct<be32>();
}

void Fdt::refuse(int node, const char* property, std::string_view why) const {
  throw Error(fmt::format("'{}' of node '{}' {}", property, name(node), why));
}

}  // namespace imagefmt::uboot
