// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// A CIL source, by the name that libsepol was given for it.
struct CilSource {
  std::string name;
  std::string_view text;
};

/// Makes messages of what libsepol's CIL compiler printed: one for each paragraph, without its
/// closing generalities, with the statement that stands at the line which it names.
std::vector<std::string> explain_cil_errors(std::string_view printed,
                                            const std::vector<CilSource>& sources);

}  // namespace policy
