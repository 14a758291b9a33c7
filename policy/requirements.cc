// SPDX-License-Identifier: Apache-2.0
#include "policy/requirements.h"

#include <string_view>
#include <unordered_set>

#include "imagefmt/base/parallel.h"
#include "policy/text_lines.h"

namespace policy {

namespace {

struct Symbols {
  std::unordered_set<std::string_view> types, roles;
};

/// `X` of `<start>X)`, or nothing.
std::string_view name_after(std::string_view start, std::string_view line) {
  if (!line.starts_with(start) || !line.ends_with(')')) return {};
  return line.substr(start.size(), line.size() - start.size() - 1);
}

void note_declaration(std::string_view line, Symbols& declared) {
  for (std::string_view start : {"(type ", "(typeattribute ", "(typealias "}) {
    if (std::string_view name = name_after(start, line); !name.empty()) declared.types.insert(name);
  }
  for (std::string_view start : {"(role ", "(roleattribute "}) {
    if (std::string_view name = name_after(start, line); !name.empty()) declared.roles.insert(name);
  }
}

bool is_met(std::string_view line, const Symbols& declared) {
  size_t indent = line.find_first_not_of(' ');
  if (indent == std::string_view::npos) return false;
  line.remove_prefix(indent);
  return declared.types.contains(name_after("(typeattributeset cil_gen_require ", line)) ||
         declared.roles.contains(name_after("(roleattributeset cil_gen_require ", line));
}

}  // namespace

void drop_met_requirements(const std::vector<std::string*>& packages, unsigned jobs) {
  Symbols declared;
  for (const std::string* text : packages) {
    for_each_line(*text, [&](std::string_view line, size_t) { note_declaration(line, declared); });
  }
  std::vector<std::string> shortened(packages.size());
  imagefmt::parallel_for(jobs, packages.size(), [&](size_t i) {
    shortened[i].reserve(packages[i]->size());
    for_each_line(*packages[i], [&](std::string_view line, size_t) {
      if (!is_met(line, declared)) shortened[i] += line;
      shortened[i] += '\n';
    });
  });
  // Only now: the names that were declared are views of these texts.
  for (size_t i = 0; i < packages.size(); ++i) *packages[i] = std::move(shortened[i]);
}

}  // namespace policy
