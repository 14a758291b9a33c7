// SPDX-License-Identifier: Apache-2.0
//
// The contexts that an image's mounts name: `rootcontext=` and the like among the options of its mount
// units and of /etc/fstab. A kernel refuses a mount whose context its policy does not know, and a
// system without its /var does not come up.
#pragma once

#include <functional>
#include <string_view>

#include "imagefmt/tree.h"

namespace builder {

/// Throws one Error with a line for each context that `accepts` refuses: `cannot mount by
/// '<file>': the policy does not know '<context>' (rootcontext=)`. Of a unit the last Options=
/// counts, its drop-ins read; masked units count for nothing.
void check_mount_contexts(const imagefmt::FileTree& tree,
                          const std::function<bool(std::string_view context)>& accepts);

}  // namespace builder
