// SPDX-License-Identifier: Apache-2.0
#include "policy/store_path.h"

namespace policy {
namespace {

// Outputs as nixpkgs names them (pkgs/build-support/setup-hooks/multiple-outputs.sh and what its
// packages add).
constexpr std::string_view kOutputs[] = {"-bin",  "-data",   "-debug",   "-dev", "-devdoc",
                                         "-dist", "-doc",    "-info",    "-lib", "-man",
                                         "-out",  "-static", "-terminfo"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string_view derivation_name(std::string_view base_name) {
  return base_name.substr(base_name.find('-') + 1);
}

std::string_view package_name(std::string_view derivation_name) {
  for (size_t i = 0; i + 1 < derivation_name.size(); ++i) {
    if (derivation_name[i] == '-' && !is_letter(derivation_name[i + 1])) {
      return derivation_name.substr(0, i);
    }
  }
  for (std::string_view output : kOutputs) {
    if (!derivation_name.ends_with(output)) continue;
    derivation_name.remove_suffix(output.size());
    break;
  }
  return derivation_name;
}

}  // namespace policy
