// SPDX-License-Identifier: Apache-2.0
//
// Which module each rule of a compiled file_contexts comes from. Compiling does not tell: this
// looks into the modules again, for whoever asks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/contexts.h"
#include "policy/modules.h"

namespace policy {

struct RuleOrigin {
  std::string module;  // its name
  std::string file;    // as Module::path
  ModuleForm form = ModuleForm::kCil;
  /// Of CIL, the line of the `filecon` statement. Of a package, the line in its own file contexts:
  /// the `.fc` that it was made with, which semodule_unpackage(8) gives back.
  uint32_t line = 0;
};

/// `FILE line N` of CIL, `FILE, file_contexts line N` of a package.
std::string to_string(const RuleOrigin& origin);

/// For each of contexts.rules(), by index, every place that holds a rule of its pattern and file
/// type, in the order of `modules`. CIL may hold one twice; one that stands in an optional block
/// which the policy switched off is among them. A rule of a `.homedirs` comes from its template:
/// `home_templates` has, in their order, the lines that those rules were made of
/// (HomeRules::templates). Empty for a rule of no module: those that a build adds itself.
///
/// `modules` are those of load_modules(), which compile() takes; of another throws
/// `cannot read policy module 'x.pp': …`. Thread-safe.
std::vector<std::vector<RuleOrigin>> find_rule_origins(std::span<const Module> modules,
                                                       const FileContexts& contexts,
                                                       std::span<const std::string> home_templates);

}  // namespace policy
