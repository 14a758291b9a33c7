// SPDX-License-Identifier: Apache-2.0
#include "policy/rule_origins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <unordered_map>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/error.h"
#include "policy/cil_text.h"
#include "policy/text_lines.h"

namespace policy {
namespace {

using imagefmt::le32;

// libsepol's module.c: the section of a package that holds its file contexts begins so.
constexpr uint32_t kFileContextsMagic = 0xf97cff90;

/// Called for each rule: pattern, type field (as type_field()), line.
using VisitRule = std::function<void(std::string_view, std::string_view, uint32_t)>;

/// The file type of CIL as a type field; nothing if there is no such type.
std::optional<std::string_view> type_field_of(std::string_view cil_type) {
  constexpr std::array<std::pair<std::string_view, FileType>, 8> kTypes = {{
      {"any", FileType::kAny},
      {"file", FileType::kRegular},
      {"dir", FileType::kDirectory},
      {"symlink", FileType::kSymlink},
      {"char", FileType::kCharacter},
      {"block", FileType::kBlock},
      {"pipe", FileType::kFifo},
      {"socket", FileType::kSocket},
  }};
  for (const auto& [name, type] : kTypes) {
    if (name == cil_type) return type_field(type);
  }
  return std::nullopt;
}

/// Whether other statements stand in one of this keyword.
bool is_container(std::string_view keyword) {
  constexpr std::array<std::string_view, 7> kContainers = {"block",     "in",   "macro", "optional",
                                                           "tunableif", "true", "false"};
  return std::ranges::find(kContainers, keyword) != kContainers.end();
}

// A macro's filecon is found where it stands: libsepol puts no argument into a pattern.
void visit_statement(CilNode statement, const VisitRule& visit) {
  if (!statement.is_list() || statement.size() == 0) return;
  const std::string_view keyword = statement[0].text();
  if (keyword == "filecon" && statement.size() == 4) {
    if (auto type = type_field_of(statement[2].text())) {
      visit(statement[1].text(), *type, static_cast<uint32_t>(statement.line()));
    }
  } else if (is_container(keyword)) {
    for (CilNode inner : statement) visit_statement(inner, visit);
  }
}

void visit_cil(std::string_view text, const VisitRule& visit) {
  for (CilReader reader(text); reader.next();) visit_statement(reader.statement(), visit);
}

/// The file contexts of a package: `magic, version, N, N offsets` and N sections, each up to the
/// next, which begin with a magic of their own.
std::string_view file_contexts_of(std::string_view package) {
  imagefmt::Cursor header(imagefmt::as_bytes(package), "package");
  header.take(2 * sizeof(le32));
  const uint32_t sections = header.take_struct<le32>();
  uint32_t begin = sections > 0 ? uint32_t{header.take_struct<le32>()} : 0;
  for (uint32_t i = 1; i <= sections; ++i) {
    const size_t end = i < sections ? size_t{header.take_struct<le32>()} : package.size();
    if (begin > end || end > package.size()) {
      throw imagefmt::Error(fmt::format("section {} of {} ends outside of it", i, sections));
    }
    imagefmt::Cursor section(imagefmt::as_bytes(package.substr(begin, end - begin)), "section");
    if (section.take_struct<le32>() == kFileContextsMagic) {
      return imagefmt::as_text(section.take(section.remaining()));
    }
    begin = static_cast<uint32_t>(end);
  }
  return {};
}

void visit_file_contexts(std::string_view text, const VisitRule& visit) {
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_comment(line)) return;
    const std::vector<std::string_view> fields = split_blanks(line);
    visit(fields[0], fields.size() > 2 ? fields[1] : std::string_view(),
          static_cast<uint32_t>(number));
  });
}

std::string key_of(std::string_view pattern, std::string_view type) {
  return fmt::format("{} {}", pattern, type);
}

/// That of a line of rules.
std::string key_of_line(std::string_view line) {
  std::string key;
  visit_file_contexts(line, [&](std::string_view pattern, std::string_view type, uint32_t) {
    key = key_of(pattern, type);
  });
  return key;
}

using OriginsByKey = std::unordered_map<std::string, std::vector<RuleOrigin>>;

OriginsByKey index_rules(std::span<const Module> modules) {
  OriginsByKey origins;
  for (const Module& module : modules) {
    auto add = [&](std::string_view pattern, std::string_view type, uint32_t line) {
      origins[key_of(pattern, type)].push_back({module.name, module.path, module.form, line});
    };
    imagefmt::with_context(fmt::format("cannot read policy module '{}'", module.path), [&] {
      if (module.form == ModuleForm::kCil) {
        visit_cil(module.bytes, add);
      } else {
        visit_file_contexts(file_contexts_of(module.bytes), add);
      }
    });
  }
  return origins;
}

}  // namespace

std::string to_string(const RuleOrigin& origin) {
  return fmt::format("{}{} line {}", origin.file,
                     origin.form == ModuleForm::kPackage ? ", file_contexts" : "", origin.line);
}

std::vector<std::vector<RuleOrigin>> find_rule_origins(
    std::span<const Module> modules, const FileContexts& contexts,
    std::span<const std::string> home_templates) {
  const OriginsByKey by_key = index_rules(modules);
  std::vector<std::vector<RuleOrigin>> origins;
  size_t home_rules = 0;
  for (const ContextRule& rule : contexts.rules()) {
    std::string key = key_of(rule.pattern, type_field(rule.type));
    if (contexts.files()[rule.file].ends_with(".homedirs") && home_rules < home_templates.size()) {
      key = key_of_line(home_templates[home_rules++]);
    }
    auto found = by_key.find(key);
    origins.push_back(found == by_key.end() ? std::vector<RuleOrigin>() : found->second);
  }
  return origins;
}

}  // namespace policy
