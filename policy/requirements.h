// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace policy {

/// Takes out of packages' CIL each `(typeattributeset cil_gen_require X)` (and roleattributeset)
/// whose X one of the packages declares outside of all blocks; its line stays, empty.
///
/// A statement of this form is how libsepol's converter says that a module requires X: resolving it
/// fails, and so switches an optional block off, if there is no X, and does nothing else
/// (libsepol/src/module_to_cil.c). Where X is declared for all it cannot fail. A sixth of
/// refpolicy's statements are such, and resolving them takes the CIL compiler a third of its time,
/// as all belong to one attribute. `packages` are texts of the converter, which puts one statement
/// on a line and indents what stands in blocks.
void drop_met_requirements(const std::vector<std::string*>& packages, unsigned jobs);

}  // namespace policy
