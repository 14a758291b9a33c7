// SPDX-License-Identifier: Apache-2.0
//
// What stands against writing a tree, asked before the first byte: all of it is named at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/error.h"
#include "imagefmt/tree.h"

namespace imagefmt {

/// What no format can hold of a node, where `format` names the one that is written: device numbers
/// beyond Linux's 12 and 20 bits, and targets of symlinks.
std::vector<std::string> common_faults(const Node& node, std::string_view format);

/// Adds `cannot write '<path>': <fault>` for each fault that `faults_of` finds in a node. Gives the
/// number of nodes.
uint64_t find_faults(const FileTree& tree,
                     const std::function<std::vector<std::string>(const Node&)>& faults_of,
                     Faults& faults);

}  // namespace imagefmt
