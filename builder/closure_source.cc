// SPDX-License-Identifier: Apache-2.0
#include "builder/closure_source.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "builder/text.h"
#include "imagefmt/nar/nar.h"

namespace builder {

namespace fs = std::filesystem;
using imagefmt::Error;

namespace {

/// Exports begin with the number 1, and neither tars nor what is compressed begin so.
constexpr int kFirstOfExport = 1;

}  // namespace

void check_nar(const StorePathInfo& info, const imagefmt::NarSum& sum) {
  if (sum.size_bytes != info.nar_size_bytes) {
    throw Error(
        fmt::format("its NAR has {} bytes, expected {}", sum.size_bytes, info.nar_size_bytes));
  }
  if (const std::string hash = imagefmt::to_hex(sum.sha256); hash != info.nar_hash) {
    throw Error(fmt::format("its NAR has the hash sha256:{}, expected sha256:{}", to_base32(hash),
                            to_base32(info.nar_hash)));
  }
}

void check_references(const std::vector<StorePathInfo>& paths, const std::string& source,
                      imagefmt::Faults& faults) {
  for (const StorePathInfo& info : paths) {
    for (const std::string& reference : info.references) {
      if (find_store_path(paths, reference)) continue;
      faults.add(fmt::format("cannot read '{}': {} refers to {}, which is not in it", source,
                             in_quotes(info.path), in_quotes(reference)));
    }
  }
}

StoreContents store_contents(std::vector<StorePathInfo> paths, std::vector<imagefmt::Node> nodes,
                             unsigned jobs) {
  StoreContents contents{std::move(paths), {}};
  for (size_t i = 0; i < nodes.size(); ++i) {
    contents.store.entries.push_back(
        {std::string(base_name_of(contents.paths[i].path)), std::move(nodes[i])});
  }
  identify_files(contents.store, contents.paths, jobs);
  return contents;
}

std::string spool_folder_of(const SourceOptions& options) {
  if (!options.spool_folder.empty()) return options.spool_folder;
  std::error_code none;
  const fs::path folder = fs::temp_directory_path(none);
  return none ? "." : folder.string();
}

StoreContents read_closure_source(const std::string& source, const SourceOptions& options) {
  std::error_code ignored;  // closureInfo's reader says what is wrong
  const fs::file_status status = fs::status(source, ignored);
  if (!fs::exists(status) || fs::is_directory(status)) {
    return fs::exists(source + "/nix-cache-info", ignored) ? read_binary_cache(source, options)
                                                           : read_closure_info(source, options);
  }
  if (!fs::is_regular_file(status)) return read_store_export(source, options);  // a pipe
  std::ifstream stream(source, std::ios::binary);
  return stream.peek() == kFirstOfExport ? read_store_export(source, options)
                                         : read_store_tar(source, options);
}

}  // namespace builder
