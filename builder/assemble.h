// SPDX-License-Identifier: Apache-2.0
//
// The root file tree of an appliance that needs no activation at boot, from the closure's store and
// nothing else: no file of the host is looked at but the sources of --contents.
//
// What a caller may rely on:
//
// - /nix/store is what was handed over. Everything else belongs to 0:0 and has the one time that
// was
//   asked for, but for what /etc's .uid and .gid, homes, shadow and --contents say of owners.
// - /etc is as setup-etc.pl leaves it (etc.h); passwd, group, shadow, subuid and subgid are as a
// first
//   boot makes them (accounts.h). The rest of what activation and stage 2 make lies in the tree too
//   (skeleton.h, activation.h), or is named in `warnings`: nothing is left out in silence.
// - Each path has one source; two are an error that names both (root.h).
// - The tree depends on the arguments alone.
//
// A sealed image starts with `/init` (init/sealed_init.c), a regular file, so that no initrd takes
// the toplevel's own init for the way to start and prepares the root for it. An image that starts
// with the closure's init has the same tree without /init and /etc/machine-id; activation then runs
// at each boot, so it needs a writable root, and nothing is reported as missing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/accounts.h"
#include "builder/contents.h"
#include "builder/root.h"

namespace builder {

enum class InitKind { kSealed, kClosure };

struct AssembleOptions {
  std::string toplevel;      // a store path of the tree
  std::string architecture;  // "x86_64" or "aarch64": of the first process
  InitKind init = InitKind::kSealed;
  int64_t mtime = 1;  // seconds; SOURCE_DATE_EPOCH
  std::vector<ContentsEntry> contents;
  std::string contents_folder = ".";  // where relative sources of contents lie
  std::string store_root;             // where contents' sources in /nix/store lie, "" for `/`
};

struct Assembly {
  /// Still open for /etc/selinux (add_selinux in etc.h); `std::move(root).take()` gives the tree.
  Root root;
  std::string init;                        // what `init=` of the command line names
  std::vector<std::string> kernel_params;  // to be added to the command line
  std::vector<std::string> warnings;       // a line each
};

/// `store` is a closure's: /nix/store. Throws every mistake of the closure and of the contents
/// that can be told apart, or `cannot seal '<toplevel>': …` if it has nothing to start.
Assembly assemble(imagefmt::FileTree store, const AssembleOptions& options);

/// The first process of sealed images of an architecture: a static ELF executable. Throws `there is
/// no first process for '<architecture>'`.
std::string_view sealed_init(std::string_view architecture);

}  // namespace builder
