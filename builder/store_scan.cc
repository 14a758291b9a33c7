// SPDX-License-Identifier: Apache-2.0
#include "builder/store_scan.h"

#include "builder/store_name.h"
#include "imagefmt/base/parallel.h"
#include "imagefmt/scan.h"

namespace builder {

namespace {

constexpr size_t kDepthOfStorePaths = 3;

/// `source` names the node: the hash of its store path and its place in it.
void set_ids(imagefmt::Node& node, const std::string& source) {
  if (auto* file = std::get_if<imagefmt::Regular>(&node.kind)) {
    file->content.set_id(imagefmt::content_id(source));
  } else if (imagefmt::Directory* folder = node.directory()) {
    for (imagefmt::Entry& entry : folder->entries) set_ids(entry.node, source + '/' + entry.name);
  }
}

}  // namespace

imagefmt::Directory scan_store(const Closure& closure, unsigned jobs) {
  std::vector<std::string> names;
  names.reserve(closure.paths.size());
  for (const StorePathInfo& info : closure.paths) names.emplace_back(base_name_of(info.path));
  imagefmt::Directory store = imagefmt::scan_entries(
      closure.host_path(kStoreFolder), names,
      {.metadata = imagefmt::Metadata::kCanonical, .jobs = jobs, .depth = kDepthOfStorePaths});
  imagefmt::parallel_for(jobs, store.entries.size(), [&](size_t i) {
    set_ids(store.entries[i].node, "nar " + closure.paths[i].nar_hash);
  });
  return store;
}

}  // namespace builder
