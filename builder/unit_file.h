// SPDX-License-Identifier: Apache-2.0
//
// The text of systemd's unit files, read as systemd 252 reads it (shared/conf-parser.c,
// basic/extract-word.c, core/load-fragment.c): sections, assignments, and command lines. The text
// may be hostile; nothing here looks at a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct Assignment {
  std::string section, key, value;
  size_t line = 0;  // from 1; of a value over several lines, the last
};

struct UnitFile {
  std::vector<Assignment> assignments;
  /// Why systemd stops reading, as `line N: <reason>`; empty if it reads to the end. What it has
  /// read by then is in `assignments`.
  std::string fault;
};

/// Comments, continuation lines, and what systemd ignores with a warning (a line without `=`, an
/// assignment outside of a section) are left out.
UnitFile parse_unit_file(std::string_view text);

/// The first word of `text`, quotes and escapes resolved, which is cut off with the blanks after
/// it. No value at the end of the text. Throws Error `unbalanced quoting`.
std::optional<std::string> take_word(std::string_view& text);

/// One command of an Exec… assignment.
struct ExecCommand {
  std::string program;  // a file name or an absolute path; specifiers are not resolved
  std::vector<std::string> arguments;  // after argv[0]
  bool ignores_failure = false;        // `-`
  bool privileged = false;             // `+`: outside of the sandbox
};

/// The commands of one assignment, which `;` separates; none of an empty one, which resets the
/// list. Throws Error (`unbalanced quoting`, `no program`, …) where systemd refuses the unit.
std::vector<ExecCommand> parse_exec(std::string_view value);

/// `1 yes y true t on`, any case, as systemd's parse_boolean(); no value if it is no boolean.
std::optional<bool> parse_unit_boolean(std::string_view value);

/// A unit's name in its parts: `prefix@instance.type`.
struct UnitName {
  std::string prefix, instance, type;
  bool has_instance = false;  // there is an `@`

  /// No value if systemd would not take it for a unit's name.
  static std::optional<UnitName> parse(std::string_view name);
  bool is_template() const { return has_instance && instance.empty(); }
  bool is_instance() const { return has_instance && !instance.empty(); }
  std::string text() const;
  /// `prefix@.type`. REQUIRES: is_instance().
  std::string template_name() const;
};

/// `text` with its specifiers (`%n`, `%t` …) resolved as far as an image can tell for the system's
/// own systemd. Throws Error `specifier '%x' is known at boot alone`.
std::string resolve_specifiers(std::string_view text, const UnitName& unit);

}  // namespace builder
