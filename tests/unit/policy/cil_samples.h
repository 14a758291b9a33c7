// SPDX-License-Identifier: Apache-2.0
//
// CIL that compiles, to which tests add what they try.
#pragma once

#include <string>
#include <vector>

#include "policy/compile.h"

namespace policy {

/// 30 lines; types kernel_t, file_t, a_t; classes file, process, dir; the user system_u with the
/// roles system_r and object_r.
inline std::string base_cil(bool mls = true) {
  return std::string("(handleunknown allow)\n(mls ") + (mls ? "true" : "false") + R"()
(class file (read write open ioctl))
(class process (transition))
(class dir (read search))
(classorder (file process dir))
(sid kernel)
(sidorder (kernel))
(user system_u)
(role system_r)
(type kernel_t)
(type file_t)
(type a_t)
(roletype system_r kernel_t)
(roletype object_r file_t) (role object_r)
(userrole system_u system_r)
(userrole system_u object_r)
(sensitivity s0)
(sensitivityorder (s0))
(category c0)
(categoryorder (c0))
(sensitivitycategory s0 (c0))
(level low (s0))
(level high (s0 (c0)))
(levelrange lowhigh (low high))
(userlevel system_u low)
(userrange system_u lowhigh)
(context kernel_ctx (system_u system_r kernel_t (low low)))
(sidcontext kernel kernel_ctx)
(allow kernel_t file_t (file (read)))
)";
}

inline Module cil_module(const std::string& name, const std::string& text) {
  return {name, "folder/" + name + ".cil", kFolderPriority, ModuleForm::kCil, text};
}

/// The base, and `more` as 'folder/more.cil'.
inline std::vector<Module> sample_modules(const std::string& more, bool mls = true) {
  std::vector<Module> modules;
  modules.push_back(cil_module("base", base_cil(mls)));
  modules.push_back(cil_module("more", more));
  return modules;
}

/// Keeps the warnings.
class WarningReporter : public imagefmt::SilentReporter {
 public:
  void warn(std::string_view message) noexcept override { warnings.emplace_back(message); }
  std::vector<std::string> warnings;
};

inline CompiledPolicy compile_sample(const std::string& more, CompileOptions options = {},
                                     bool mls = true) {
  imagefmt::SilentReporter reporter;
  if (options.version == 0) options.version = newest_policy_version();
  return compile(sample_modules(more, mls), options, reporter);
}

}  // namespace policy
