// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "builder/closure_source.h"
#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "builder/text.h"
#include "imagefmt/nar/nar.h"

namespace builder {

using namespace imagefmt;

namespace {

constexpr uint64_t kExportMagic = 0x4558494e;  // behind each NAR
constexpr uint64_t kMaxStorePath = kStoreFolder.size() + 1 + kStoreHashLength + 1 + kMaxStoreName;
constexpr uint64_t kMaxSignature = 4096;  // of Nix 1, which nobody checks

struct Exported {
  StorePathInfo info;
  Node node;
};

[[noreturn]] void fail(uint64_t offset, const std::string& reason) {
  throw Error(fmt::format("offset {}: {}", offset, reason));
}

std::string read_store_path(NarStream& stream, std::string_view what) {
  const uint64_t start = stream.offset();
  std::string path = stream.read_string(kMaxStorePath, what);
  if (std::string fault = store_path_fault(path); !fault.empty()) {
    fail(start, fmt::format("bad {} {}: {}", what, in_quotes(path), fault));
  }
  return path;
}

/// A number that says what comes.
uint64_t read_choice(NarStream& stream, std::initializer_list<uint64_t> choices) {
  const uint64_t start = stream.offset(), number = stream.read_number();
  if (std::ranges::find(choices, number) == choices.end()) {
    fail(start,
         fmt::format("the number {:#x}, expected {:#x}", number, fmt::join(choices, " or ")));
  }
  return number;
}

Exported read_exported(NarStream& stream) {
  Nar nar = stream.read_nar({.depth = kDepthOfStorePaths});
  read_choice(stream, {kExportMagic});
  Exported exported{{}, std::move(nar.node)};
  StorePathInfo& info = exported.info;
  info.path = read_store_path(stream, "store path");
  info.nar_hash = to_hex(nar.sum.sha256);
  info.nar_size_bytes = nar.sum.size_bytes;
  for (uint64_t count = stream.read_number(); count != 0; --count) {
    info.references.push_back(read_store_path(stream, "reference"));
  }
  std::ranges::sort(info.references);
  info.references.erase(std::unique(info.references.begin(), info.references.end()),
                        info.references.end());
  stream.read_string(kMaxStorePath, "deriver");
  if (read_choice(stream, {1, 0}) == 1) stream.read_string(kMaxSignature, "signature");
  return exported;
}

std::vector<Exported> read_all(NarStream& stream) {
  std::vector<Exported> all;
  while (read_choice(stream, {1, 0}) == 1) all.push_back(read_exported(stream));
  if (!stream.at_end()) fail(stream.offset(), "more bytes behind the export");
  if (all.empty()) throw Error("it holds no store path");
  std::ranges::sort(all, {}, [](const Exported& one) { return one.info.path; });
  const auto twice = std::ranges::adjacent_find(
      all, {}, [](const Exported& one) -> const std::string& { return one.info.path; });
  if (twice != all.end())
    throw Error(fmt::format("{} is there twice", in_quotes(twice->info.path)));
  return all;
}

}  // namespace

StoreContents read_store_export(const std::string& file, const SourceOptions& options) {
  std::vector<Exported> all = with_context(fmt::format("cannot read export '{}'", file), [&] {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) {
      const auto opened = std::make_shared<const File>(File::open_for_reading(file));
      FileByteStream bytes(opened);
      NarStream stream(bytes, DataFile{opened, opened->status().st_mtim});
      return read_all(stream);
    }
    std::ifstream pipe(file, std::ios::binary);
    if (!pipe) throw_errno(fmt::format("open '{}'", file));
    StandardByteStream bytes(pipe);
    Spool spool(spool_folder_of(options));
    NarStream stream(bytes, spool);
    std::vector<Exported> read = read_all(stream);
    spool.flush();
    return read;
  });
  std::vector<StorePathInfo> paths;
  std::vector<Node> nodes;
  for (Exported& one : all) {
    paths.push_back(std::move(one.info));
    nodes.push_back(std::move(one.node));
  }
  Faults faults;
  check_references(paths, file, faults);
  faults.throw_if_any();
  return store_contents(std::move(paths), std::move(nodes), options.jobs);
}

}  // namespace builder
