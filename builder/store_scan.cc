// SPDX-License-Identifier: Apache-2.0
#include "builder/store_scan.h"

#include "builder/store_name.h"
#include "imagefmt/base/parallel.h"
#include "imagefmt/scan.h"

namespace builder {

namespace {

/// `source` names the node: the hash of its store path and its place in it.
void set_ids(imagefmt::Node& node, const std::string& source) {
  if (auto* file = std::get_if<imagefmt::Regular>(&node.kind)) {
    file->content.set_id(imagefmt::content_id(source));
  } else if (imagefmt::Directory* folder = node.directory()) {
    for (imagefmt::Entry& entry : folder->entries) set_ids(entry.node, source + '/' + entry.name);
  }
}

}  // namespace

std::string plain_store_root(std::string store_root) {
  while (!store_root.empty() && store_root.back() == '/') store_root.pop_back();
  return store_root;
}

imagefmt::Directory scan_store(const std::vector<StorePathInfo>& paths,
                               const std::string& store_root, unsigned jobs) {
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const StorePathInfo& info : paths) names.emplace_back(base_name_of(info.path));
  imagefmt::Directory store = imagefmt::scan_entries(
      store_root + std::string(kStoreFolder), names,
      {.metadata = imagefmt::Metadata::kCanonical, .jobs = jobs, .depth = kDepthOfStorePaths});
  identify_files(store, paths, jobs);
  return store;
}

void identify_files(imagefmt::Directory& store, const std::vector<StorePathInfo>& paths,
                    unsigned jobs) {
  imagefmt::parallel_for(jobs, store.entries.size(), [&](size_t i) {
    set_ids(store.entries[i].node, "nar " + paths[i].nar_hash);
  });
}

}  // namespace builder
