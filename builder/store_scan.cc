// SPDX-License-Identifier: Apache-2.0
#include "builder/store_scan.h"

#include "builder/store_name.h"
#include "imagefmt/scan.h"

namespace builder {

constexpr size_t kDepthOfStorePaths = 3;

imagefmt::Directory scan_store(const Closure& closure, unsigned jobs) {
  std::vector<std::string> names;
  names.reserve(closure.paths.size());
  for (const StorePathInfo& info : closure.paths) names.emplace_back(base_name_of(info.path));
  return imagefmt::scan_entries(
      closure.host_path(kStoreFolder), names,
      {.metadata = imagefmt::Metadata::kCanonical, .jobs = jobs, .depth = kDepthOfStorePaths});
}

}  // namespace builder
