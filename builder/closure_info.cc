// SPDX-License-Identifier: Apache-2.0
//
// What nixpkgs' closureInfo makes, and the store that it speaks of.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "builder/closure_source.h"
#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "builder/text.h"
#include "imagefmt/base/file.h"

namespace builder {

using imagefmt::Faults;

namespace {

/// Adds a fault for each path that one of the two files alone has.
void check_same_paths(const std::vector<ListedPath>& listed, const std::string& listing,
                      const std::vector<RegisteredPath>& registered,
                      const std::string& registration, Faults& faults) {
  auto here = listed.begin();
  auto there = registered.begin();
  while (here != listed.end() || there != registered.end()) {
    int order = here == listed.end()        ? 1
                : there == registered.end() ? -1
                                            : here->path.compare(there->info.path);
    if (order < 0) {
      faults.add(fmt::format("{}:{}: {} is not registered in '{}'", listing, here->line,
                             in_quotes(here->path), registration));
    } else if (order > 0) {
      faults.add(fmt::format("{}:{}: {} is not listed in '{}'", registration, there->line,
                             in_quotes(there->info.path), listing));
    }
    if (order <= 0) ++here;
    if (order >= 0) ++there;
  }
}

void check_on_disk(const std::vector<ListedPath>& listed, const std::string& listing,
                   const std::string& store_root, Faults& faults) {
  const std::string store = store_root + std::string(kStoreFolder);
  if (access(store.c_str(), F_OK) != 0) {
    // All that is listed is missing, then.
    faults.add(fmt::format("cannot find the store '{}': {}", store, strerrordesc_np(errno)));
    return;
  }
  for (const ListedPath& path : listed) {
    std::string host_path = store_root + path.path;
    struct stat status {};
    if (lstat(host_path.c_str(), &status) == 0) continue;
    const char* reason = errno == ENOENT ? "nothing stands there" : strerrordesc_np(errno);
    faults.add(fmt::format("{}:{}: cannot find '{}': {}", listing, path.line, host_path,
                           reason ? reason : "unknown error"));
  }
}

}  // namespace

StoreContents read_closure_info(const std::string& folder, const SourceOptions& options) {
  const std::string store_root = plain_store_root(options.store_root);
  const std::string listing = folder + "/store-paths", registration = folder + "/registration";
  std::vector<ListedPath> listed = parse_store_paths(imagefmt::read_file(listing), listing);
  std::vector<RegisteredPath> registered =
      parse_registration(imagefmt::read_file(registration), registration);

  Faults faults;
  check_same_paths(listed, listing, registered, registration, faults);
  check_on_disk(listed, listing, store_root, faults);
  faults.throw_if_any();

  StoreContents contents;
  contents.paths.reserve(registered.size());
  for (RegisteredPath& path : registered) contents.paths.push_back(std::move(path.info));
  contents.store = scan_store(contents.paths, store_root, options.jobs);
  return contents;
}

}  // namespace builder
