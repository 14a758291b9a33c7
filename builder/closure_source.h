// SPDX-License-Identifier: Apache-2.0
//
// What a closure is read from: a folder of closureInfo and a store beside it, a binary cache, a tar of
// a store, or an export. Each gives the same value. Nothing is unpacked to a folder: data of files stay
// where they are, or go to files without a name (imagefmt/spool.h) if they were compressed or came
// through a pipe.
#pragma once

#include <string>
#include <vector>

#include "builder/narinfo.h"
#include "builder/registration.h"
#include "imagefmt/base/error.h"
#include "imagefmt/nar/nar.h"
#include "imagefmt/tree.h"

namespace builder {

struct StoreContents {
  std::vector<StorePathInfo> paths;  // sorted, each once; references lead to one of them
  imagefmt::Directory store;         // what stands at them, in their order, with ids (store_scan.h)
};

struct SourceOptions {
  std::string store_root = {};                // of closureInfo's paths
  std::string toplevel = {};                  // of a cache: what it refers to is read; empty: all
  std::vector<TrustedKey> trusted_keys = {};  // of a cache's paths; none: signatures do not count
  std::string spool_folder = {};              // empty: that of temporary files
  unsigned jobs = 0;
};

/// What `source` is shows by itself. Throws all independent mistakes as one Error.
StoreContents read_closure_source(const std::string& source, const SourceOptions& options);

// One file each. All but closureInfo's compare what they read with its hash.

/// `folder`/store-paths, `folder`/registration and the store. They are checked against each other and
/// the disk: every path that is listed stands there.
StoreContents read_closure_info(const std::string& folder, const SourceOptions& options);

/// `nix copy --to file://<folder>`: nix-cache-info, <hash>.narinfo, nar/….
StoreContents read_binary_cache(const std::string& folder, const SourceOptions& options);

/// A tar of /nix/store, compressed or not, with `registration` or `nix-path-registration` at its top,
/// and nothing else but closureInfo's `store-paths`.
StoreContents read_store_tar(const std::string& file, const SourceOptions& options);

/// `nix-store --export` (libstore/export-import.cc).
StoreContents read_store_export(const std::string& file, const SourceOptions& options);

// What they share.

/// Throws unless the NAR is the one that is known.
void check_nar(const StorePathInfo& info, const imagefmt::NarSum& sum);

/// Adds a fault for each reference that leads out of `paths`, which are sorted.
void check_references(const std::vector<StorePathInfo>& paths, const std::string& source,
                      imagefmt::Faults& faults);

/// The source's nodes in the order of `paths`.
StoreContents store_contents(std::vector<StorePathInfo> paths, std::vector<imagefmt::Node> nodes,
                             unsigned jobs);

std::string spool_folder_of(const SourceOptions& options);

}  // namespace builder
