// SPDX-License-Identifier: Apache-2.0
//
// A policy that is compiled already, in the folder that becomes an image's /etc/selinux: as
// `intaglio policy compile` writes it, or `make install` of a monolithic refpolicy with a `config`
// beside it. Over what libselinux reads (etc_selinux.h) it holds what the home directories of an
// image's users are expanded from:
//   NAME/contexts/files/homedir_template   the rules with HOME_DIR, HOME_ROOT, ROLE, USER
//   NAME/users_extra                       `user NAME prefix PREFIX;` lines
#pragma once

#include <optional>
#include <string>

#include "imagefmt/base/reporter.h"
#include "imagefmt/tree.h"
#include "policy/compile.h"

namespace policy {

/// Adds the two files to what make_selinux_folder() made of the same policy.
void add_home_templates(imagefmt::FileTree& selinux, const std::string& name,
                        const CompiledPolicy& policy);

struct CompiledFolder {
  std::string name;             // SELINUXTYPE of its `config`
  std::string contexts_folder;  // where the application contexts are
  CompiledPolicy policy;
};

/// Reads such a folder: what compile() and the folder's own contexts gave when it was written. Its
/// own file_contexts.homedirs counts for nothing. Without users_extra each user has the prefix
/// `user`, as libsemanage has it. Warns of policy capabilities that `kernel` ignores.
///
/// Throws if a file is missing, if there is not one policy.N, if its header names another version,
/// if it is damaged, and for what `kernel` does not read: a newer version, and what no version tells.
CompiledFolder read_compiled_folder(const std::string& folder,
                                    const std::optional<KernelVersion>& kernel,
                                    imagefmt::Reporter& reporter);

}  // namespace policy
