// SPDX-License-Identifier: Apache-2.0
//
// The neverallow rules of policy modules: a compiled policy no longer holds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rules.h"

namespace policy {

struct CilModule {
  std::string name;  // for messages
  std::string_view cil;
};

struct Neverallow {
  std::string module;
  size_t line = 0;
  std::string text;  // `neverallow a b:file { read write };`, names as the module has them
};

/// Any number of threads may ask.
class Neverallows {
 public:
  /// All modules of a policy, and what became of them (which must outlive this). Attributes that
  /// the policy still has are taken from there, others from the modules' own sets of types. What
  /// the policy does not have (types of an optional that is off) is in no set. Only plain rules: not
  /// those of extended permissions, nor those in blocks or macros, whose names are other ones.
  /// Throws `cannot read module 'x': line N: …`; so it does for sets that name each other through
  /// more than 1000 levels.
  Neverallows(const PolicyRules& policy, const std::vector<CilModule>& modules);

  size_t size() const { return rules_.size(); }
  /// The rules that forbid it, in the order of the modules. Throws for a name that the policy does
  /// not have, as PolicyRules does.
  std::vector<Neverallow> forbidding(std::string_view source, std::string_view target,
                                     std::string_view object_class,
                                     std::string_view permission) const;

 private:
  enum class Target : uint8_t { kTypes, kSelf, kNotSelf };
  struct Entry {
    Neverallow rule;
    std::vector<bool> sources, targets;  // an entry for each type of the policy
    Target target = Target::kTypes;
    ClassId object_class = 0;
    uint32_t permissions = 0;
  };
  class Reader;

  const PolicyRules& policy_;
  std::vector<Entry> rules_;
};

}  // namespace policy
