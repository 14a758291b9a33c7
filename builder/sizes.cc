// SPDX-License-Identifier: Apache-2.0
#include "builder/sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "builder/store_name.h"
#include "builder/terminal.h"
#include "imagefmt/dump.h"
#include "policy/store_path.h"

namespace builder {

namespace {

constexpr size_t kSummaryPackages = 10;

void add(FileSizes& sum, const FileSizes& more) {
  sum.files += more.files;
  sum.bytes += more.bytes;
  sum.stored_bytes += more.stored_bytes;
}

/// Rows in the making. Files of one row tend to follow each other.
class Table {
 public:
  void add(std::string_view name, const FileSizes& sizes) {
    if (!last_ || last_->first != name) last_ = &*rows_.try_emplace(std::string(name)).first;
    builder::add(last_->second, sizes);
  }
  std::vector<NamedSizes> take() {
    std::vector<NamedSizes> rows;
    for (auto& [name, sizes] : rows_) rows.push_back({name, sizes});
    std::ranges::sort(rows, [](const NamedSizes& a, const NamedSizes& b) {
      if (a.sizes.stored_bytes != b.sizes.stored_bytes) {
        return a.sizes.stored_bytes > b.sizes.stored_bytes;
      }
      return a.sizes.bytes != b.sizes.bytes ? a.sizes.bytes > b.sizes.bytes : a.name < b.name;
    });
    return rows;
  }

 private:
  std::unordered_map<std::string, FileSizes> rows_;
  std::pair<const std::string, FileSizes>* last_ = nullptr;
};

/// What `pack` meets below /nix/store need not be a store path.
std::string_view checked_store_path_of(std::string_view path) {
  const std::string_view store_path = store_path_of(path);
  return store_path_fault(store_path).empty() ? store_path : std::string_view();
}

std::string_view package_of(std::string_view store_path) {
  if (store_path.empty()) return {};
  return policy::package_name(policy::derivation_name(base_name_of(store_path)));
}

}  // namespace

SizeTables tabulate_sizes(const imagefmt::FileTree& tree, std::span<const uint64_t> stored_bytes) {
  SizeTables tables;
  Table store_paths, packages, labels;
  size_t number = 0;
  imagefmt::walk_files(tree, [&](const std::string& path, const imagefmt::Node& node) {
    const FileSizes file{1, node.regular()->content.size_bytes(),
                         stored_bytes.empty() ? 0 : stored_bytes[number]};
    ++number;
    const std::string_view store_path = checked_store_path_of(path);
    add(tables.all, file);
    store_paths.add(store_path, file);
    packages.add(package_of(store_path), file);
    labels.add(node.label.text(), file);
  });
  tables.by_store_path = store_paths.take();
  tables.by_package = packages.take();
  tables.by_label = labels.take();
  return tables;
}

ImageSizes measure_sizes(const imagefmt::FileTree& tree, imagefmt::WrittenImage written) {
  ImageSizes sizes;
  sizes.image_bytes = written.size_bytes();
  sizes.files = tabulate_sizes(tree, written.file_bytes);
  written.file_bytes = {};
  sizes.written = std::move(written);
  return sizes;
}

std::vector<Part> parts_of(const ImageSizes& sizes) {
  const imagefmt::WrittenImage& written = sizes.written;
  return {{"files", sizes.files.all.stored_bytes},
          {"inodes", written.inodes},
          {"directories", written.directories},
          {"xattrs", written.xattrs},
          {"indexes", written.indexes},
          {"superblock", written.superblock},
          {"padding", written.padding},
          {"free", written.free}};
}

std::string format_image_size(const ImageSizes& sizes) {
  std::string text = format_amount(sizes.image_bytes, "bytes");
  if (const uint64_t reused = sizes.written.reused_bytes; reused != 0) {
    text += fmt::format(" ({} of it reused)", format_amount(reused, "bytes"));
  }
  return text;
}

std::string sizes_summary(const ImageSizes& sizes) {
  auto bytes = [](uint64_t amount) { return format_amount(amount, "bytes"); };
  std::string text = fmt::format("image: {}", bytes(sizes.image_bytes));
  const char* between = ", of which ";
  for (const Part& part : parts_of(sizes)) {
    if (part.bytes == 0) continue;
    text += fmt::format("{}{} {}", between, part.name, bytes(part.bytes));
    between = ", ";
  }
  const SizeTables& files = sizes.files;
  text += fmt::format("\nfiles: {}, {} in the image", bytes(files.all.bytes),
                      bytes(files.all.stored_bytes));
  if (sizes.written.equal_files != 0) {
    text += fmt::format("; {}, equal to others, save {}",
                        format_amount(sizes.written.equal_files, "files"),
                        bytes(sizes.written.saved_bytes));
  }
  text += "\nlargest packages, in the image and before:\n";
  size_t rows = 0;
  for (const NamedSizes& package : files.by_package) {
    if (++rows > kSummaryPackages) break;
    text += fmt::format(
        "{:>10} {:>10}  {}\n", bytes(package.sizes.stored_bytes), bytes(package.sizes.bytes),
        package.name.empty() ? "outside of the store" : imagefmt::escape(package.name));
  }
  return text;
}

}  // namespace builder
