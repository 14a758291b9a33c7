// SPDX-License-Identifier: Apache-2.0
#include "builder/initrd.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "builder/unpack.h"
#include "imagefmt/base/handle.h"

namespace builder {

using imagefmt::as_bytes;
using imagefmt::as_text;
using imagefmt::ByteView;
using imagefmt::Error;

namespace {

constexpr uint64_t kMaxUnpacked = uint64_t{1} << 30;

using Archive = imagefmt::Handle<archive, archive_read_free>;

std::string with_underscores(std::string_view module) {
  std::string name(module);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// The module that lies at `path`; empty if none does.
std::string module_at(std::string_view path) {
  std::string_view file = path.substr(path.rfind('/') + 1);
  for (std::string_view ending : {".ko", ".ko.gz", ".ko.xz", ".ko.zst"}) {
    if (file.size() > ending.size() && file.ends_with(ending)) {
      return with_underscores(file.substr(0, file.size() - ending.size()));
    }
  }
  return {};
}

class InitrdReader {
 public:
  InitrdReader(std::string_view name, Initrd& initrd) : name_(name), initrd_(initrd) {}

  void read(ByteView bytes, bool may_be_packed) {
    for (size_t at = 0; at < bytes.size();) {
      if (bytes[at] == 0) {
        ++at;
        continue;
      }
      const ByteView rest = bytes.subspan(at);
      const std::string_view compression = compression_of(rest);
      uint64_t length = 0;
      if (as_text(rest).starts_with("07070")) {
        length = list_archive(rest, at);
      } else if (may_be_packed && !compression.empty()) {
        initrd_.compressions.emplace(compression);
        length = read_packed(rest, at, compression);
      } else {
        fail(at, "expected a cpio archive or compressed data");
      }
      if (length == 0) fail(at, "nothing can be read");
      at += length;
    }
  }

 private:
  [[noreturn]] void fail(uint64_t at, std::string_view reason) const {
    throw Error(fmt::format("cannot read initrd '{}': offset {}: {}", name_, at, reason));
  }

  uint64_t list_archive(ByteView bytes, uint64_t at) {
    Archive reader(archive_read_new());
    if (!reader) throw std::bad_alloc();
    archive_read_support_format_cpio(reader.get());
    archive_read_open_memory(reader.get(), bytes.data(), bytes.size());
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(reader.get(), &entry)) >= ARCHIVE_WARN &&
           status != ARCHIVE_EOF) {
      const char* path = archive_entry_pathname(entry);
      if (std::string module = path ? module_at(path) : ""; !module.empty()) {
        initrd_.modules.insert(std::move(module));
      }
    }
    if (status != ARCHIVE_EOF) fail(at, "the cpio archive is damaged");
    return static_cast<uint64_t>(archive_filter_bytes(reader.get(), 0));
  }

  /// The length of what is compressed at the beginning of `packed`.
  uint64_t read_packed(ByteView packed, uint64_t at, std::string_view compression) {
    std::string plain;
    auto unpack_all = [&](ByteView bytes) {
      uint64_t budget = kMaxUnpacked - unpacked_;
      plain.clear();
      const Unpacked result = unpack(bytes, budget, [&](ByteView part) {
        plain += as_text(part);
        return false;
      });
      if (budget == 0) fail(at, fmt::format("more than {} bytes unpacked", kMaxUnpacked));
      return result;
    };
    Unpacked result = unpack_all(packed);
    // What lies behind compressed data may be taken for damage; then they end where it begins.
    if (!result.whole && result.packed_bytes < packed.size()) {
      result = unpack_all(packed.first(result.packed_bytes));
    }
    if (!result.whole) fail(at, fmt::format("the {} data are damaged", compression));
    unpacked_ += plain.size();
    read(as_bytes(plain), false);
    return result.packed_bytes;
  }

  std::string_view name_;
  Initrd& initrd_;
  uint64_t unpacked_ = 0;
};

}  // namespace

bool Initrd::carries(std::string_view module) const {
  return modules.count(with_underscores(module)) != 0;
}

Initrd read_initrd(ByteView bytes, std::string_view name) {
  Initrd initrd;
  InitrdReader(name, initrd).read(bytes, true);
  return initrd;
}

}  // namespace builder
