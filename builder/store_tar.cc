// SPDX-License-Identifier: Apache-2.0
//
// A tar of a store with its registration, such as nixpkgs' make-system-tarball.nix makes.
#include <fmt/format.h>

#include <algorithm>

#include "builder/closure_source.h"
#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "builder/text.h"
#include "imagefmt/base/parallel.h"
#include "imagefmt/nar/nar.h"
#include "imagefmt/tar/tar.h"

namespace builder {

using namespace imagefmt;

namespace {

constexpr uint64_t kMaxRegistration = 256 << 20;
constexpr std::string_view kRegistrations[] = {"registration", "nix-path-registration"};
constexpr std::string_view kListing = "store-paths";

/// What a scan with Metadata::kCanonical would have taken of the node.
void make_canonical(Node& node) {
  const bool executable = node.directory() || (node.mode & 0100) != 0;
  node.mode = node.symlink() ? 0777 : executable ? 0555 : 0444;
  node.uid = node.gid = 0;
  node.mtime = 1;
  node.xattrs.reset();
  if (Directory* directory = node.directory()) {
    for (Entry& entry : directory->entries) make_canonical(entry.node);
  }
}

std::vector<RegisteredPath> read_registration(const FileTree& tree, const std::string& file) {
  for (std::string_view name : kRegistrations) {
    const Entry* entry = find_entry(*tree.root().directory(), name);
    if (!entry) continue;
    const Regular* text = entry->node.regular();
    if (!text) throw Error(fmt::format("cannot read '{}': '{}' is no file", file, name));
    return parse_registration(text->content.read_all(kMaxRegistration),
                              fmt::format("{}:{}", file, name));
  }
  throw Error(fmt::format("cannot read '{}': neither '{}' nor '{}' is at its top", file,
                          kRegistrations[0], kRegistrations[1]));
}

/// Adds a fault for each entry of the folder at `path` that is none of `names`.
void check_entries(const Node* folder, const std::string& path, const std::string& file,
                   std::initializer_list<std::string_view> names, Faults& faults) {
  const Directory* directory = folder ? folder->directory() : nullptr;
  if (!directory) return;
  for (const Entry& entry : directory->entries) {
    if (std::ranges::find(names, entry.name) != names.end()) continue;
    faults.add(fmt::format("cannot read '{}': '{}/{}' lies outside of {}", file, path, entry.name,
                           kStoreFolder));
  }
}

/// The store, if its entries are what is registered.
Directory take_store(FileTree& tree, const std::vector<StorePathInfo>& paths,
                     const std::string& file) {
  Faults faults;
  check_entries(&tree.root(), "", file, {"nix", kRegistrations[0], kRegistrations[1], kListing},
                faults);
  check_entries(tree.find("/nix"), "/nix", file, {"store"}, faults);
  Node* node = tree.find(kStoreFolder);
  Directory store = node && node->directory() ? std::move(*node->directory()) : Directory();
  auto entry = store.entries.begin();
  for (const StorePathInfo& info : paths) {
    const std::string_view name = base_name_of(info.path);
    for (; entry != store.entries.end() && entry->name < name; ++entry) {
      faults.add(fmt::format("cannot read '{}': '{}/{}' is not registered", file, kStoreFolder,
                             entry->name));
    }
    if (entry != store.entries.end() && entry->name == name) {
      ++entry;
    } else {
      faults.add(fmt::format("cannot read '{}': {} is registered, and nothing stands there", file,
                             in_quotes(info.path)));
    }
  }
  for (; entry != store.entries.end(); ++entry) {
    faults.add(fmt::format("cannot read '{}': '{}/{}' is not registered", file, kStoreFolder,
                           entry->name));
  }
  faults.throw_if_any();
  return store;
}

}  // namespace

StoreContents read_store_tar(const std::string& file, const SourceOptions& options) {
  FileTree tree = read_tar(std::make_shared<const File>(File::open_for_reading(file)),
                           {.spool_folder = spool_folder_of(options), .each_once = true});
  StoreContents contents;
  for (RegisteredPath& path : read_registration(tree, file)) {
    contents.paths.push_back(std::move(path.info));
  }
  contents.store = take_store(tree, contents.paths, file);

  std::vector<std::string> wrong(contents.paths.size());
  parallel_for(options.jobs, contents.paths.size(), [&](size_t i) {
    const StorePathInfo& info = contents.paths[i];
    try {
      make_canonical(contents.store.entries[i].node);
      check_nar(info, sum_nar(contents.store.entries[i].node));
    } catch (const Error& error) {
      wrong[i] = fmt::format("cannot read '{}': {}: {}", file, in_quotes(info.path), error.what());
    }
  });
  Faults faults;
  for (std::string& fault : wrong) {
    if (!fault.empty()) faults.add(std::move(fault));
  }
  faults.throw_if_any();
  identify_files(contents.store, contents.paths, options.jobs);
  return contents;
}

}  // namespace builder
