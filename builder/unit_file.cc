// SPDX-License-Identifier: Apache-2.0
#include "builder/unit_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

namespace {

constexpr size_t kMaxLine = 1 << 20;  // LONG_LINE_MAX
constexpr std::string_view kBlanks = " \t\n\r";

std::string_view strip(std::string_view text) {
  const size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

bool is_blank(char c) {
  return kBlanks.find(c) != std::string_view::npos;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

/// No control character, quote or backslash.
bool is_safe(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == '"' || c == '\'' || c == '\\';
  });
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const size_t length = byte < 0x80             ? 1
                          : (byte & 0xe0) == 0xc0 ? 2
                          : (byte & 0xf0) == 0xe0 ? 3
                          : (byte & 0xf8) == 0xf0 ? 4
                                                  : 0;
    if (length == 0 || at + length > text.size()) return false;
    uint32_t value = length == 1 ? byte : byte & (0x7f >> length);
    for (size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      value = value << 6 | (next & 0x3f);
    }
    constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_character =
        value >= kLeast[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    if (!is_character) return false;
    at += length;
  }
  return true;
}

/// The next line, which any of `\n`, `\r` and NUL ends; two or three different ones are one end.
std::string_view take_line(std::string_view& text) {
  constexpr std::string_view kEnds("\n\r\0", 3);
  const size_t end = std::min(text.find_first_of(kEnds), text.size());
  const std::string_view line = text.substr(0, end);
  size_t next = end;
  while (next < text.size() && kEnds.find(text[next]) != std::string_view::npos &&
         text.substr(end, next - end).find(text[next]) == std::string_view::npos) {
    ++next;
  }
  text.remove_prefix(next);
  return line;
}

/// An odd number of backslashes at the end: the line goes on.
bool ends_escaped(std::string_view line) {
  const size_t last = line.find_last_not_of('\\');
  return (line.size() - (last + 1)) % 2 == 1;  // npos + 1 is 0
}

/// One whole line. Returns why systemd refuses the file, or nothing.
std::string read_line(std::string_view text, size_t number, std::string& section, UnitFile& file) {
  const std::string_view line = strip(text);
  if (line.empty()) return {};
  if (!is_utf8(line)) return "not UTF-8";
  if (line.front() == '[') {
    if (line.back() != ']') return "malformed section header";
    section = line.substr(1, line.size() - 2);
    return is_safe(section) ? "" : "bad characters in section header";
  }
  const size_t equals = line.find('=');
  if (section.empty() || equals == std::string_view::npos || equals == 0) return {};
  file.assignments.push_back({section, std::string(strip(line.substr(0, equals))),
                              std::string(strip(line.substr(equals + 1))), number});
  return {};
}

void append_utf8(std::string& text, uint32_t character) {
  if (character < 0x80) {
    text += static_cast<char>(character);
    return;
  }
  const int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  constexpr std::array<uint32_t, 4> kLead = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kLead[more] | character >> (6 * more));
  for (int i = more - 1; i >= 0; --i) {
    text += static_cast<char>(0x80 | (character >> (6 * i) & 0x3f));
  }
}

/// `count` digits at the start of `text`; no value if they are not there.
std::optional<uint32_t> read_digits(std::string_view text, size_t count, uint32_t base) {
  if (text.size() < count) return std::nullopt;
  uint32_t value = 0;
  for (char c : text.substr(0, count)) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isxdigit(byte)) return std::nullopt;
    const uint32_t digit = std::isdigit(byte) ? byte - '0' : (byte | 0x20) - 'a' + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

/// Resolves the escape after a backslash, as cunescape_one(). Returns how long it is; 0 if systemd
/// does not know it.
size_t append_escape(std::string_view text, std::string& word) {
  constexpr std::string_view kNames = "abfnrtv\\\"'s", kBytes = "\a\b\f\n\r\t\v\\\"' ";
  const size_t named = kNames.find(text.front());
  if (named != std::string_view::npos) {
    word += kBytes[named];
    return 1;
  }
  struct Form {
    char letter;  // 0: the digits begin at once
    size_t digits;
    uint32_t base;
  };
  constexpr Form kForms[] = {{'x', 2, 16}, {'u', 4, 16}, {'U', 8, 16}, {0, 3, 8}};
  for (const Form& form : kForms) {
    if (form.letter != 0 && text.front() != form.letter) continue;
    const size_t start = form.letter == 0 ? 0 : 1;
    const std::optional<uint32_t> value = read_digits(text.substr(start), form.digits, form.base);
    if (!value || *value == 0) return 0;
    const bool is_character = form.letter == 'u' || form.letter == 'U';
    if (*value > (is_character ? 0x10ffffU : 0xffU)) return 0;
    if (is_character) {
      append_utf8(word, *value);
    } else {
      word += static_cast<char>(*value);
    }
    return start + form.digits;
  }
  return 0;
}

/// Takes the prefixes off the first word of a command; `@` is told apart, since a word follows.
std::string_view take_prefixes(std::string_view word, ExecCommand& command, bool& has_argv0) {
  bool expands = true;
  std::string privileges;  // at most one of `+`, `!`, `!!`
  for (; !word.empty(); word.remove_prefix(1)) {
    const char c = word.front();
    if (c == '-' && !command.ignores_failure) {
      command.ignores_failure = true;
    } else if (c == '@' && !has_argv0) {
      has_argv0 = true;
    } else if (c == ':' && expands) {
      expands = false;
    } else if ((c == '+' && privileges.empty()) ||
               (c == '!' && (privileges.empty() || privileges == "!"))) {
      privileges += c;
    } else {
      break;
    }
  }
  command.privileged = privileges == "+";
  return word;
}

/// Why systemd would not execute a file of that name; empty if it would.
std::string_view program_fault(std::string_view program) {
  constexpr size_t kMaxPath = 4095, kMaxName = 255;
  if (program.empty()) return "no program";
  if (!is_safe(program)) return "special characters in the program's name";
  if (program.back() == '/') return "the program is a folder";
  if (program.front() == '|') return "a command for the user's shell ('|') is not followed";
  if (program.size() > kMaxPath) return "the program's path is too long";
  for (size_t start = 0; start < program.size();) {
    const size_t end = std::min(program.find('/', start), program.size());
    if (end - start > kMaxName) return "the program's path is too long";
    start = end + 1;
  }
  const bool is_name =
      program.find('/') == std::string_view::npos && program != "." && program != "..";
  return program.front() == '/' || is_name ? "" : "neither an absolute path nor a file name";
}

/// Takes a lone `;` and the blanks after it.
bool take_separator(std::string_view& text, std::string_view separator) {
  if (!text.starts_with(separator)) return false;
  if (text.size() > separator.size() && !is_blank(text[separator.size()])) return false;
  text.remove_prefix(separator.size());
  skip_blanks(text);
  return true;
}

}  // namespace

UnitFile parse_unit_file(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  UnitFile file;
  std::string section, whole;
  bool goes_on = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    auto refuse = [&](std::string_view why) {
      file.fault = fmt::format("line {}: {}", number, why);
      return file;
    };
    const size_t start = line.find_first_not_of(kBlanks);
    const bool is_comment =
        start != std::string_view::npos && (line[start] == '#' || line[start] == ';');
    // A comment between the lines of a value is none of it; at the end, the value is whole.
    if (!is_comment) {
      if (whole.size() + line.size() > kMaxLine) return refuse("too long a line");
      whole += line;
      goes_on = ends_escaped(line);
      if (goes_on) whole.back() = ' ';
    }
    if (goes_on && !text.empty()) continue;
    const std::string fault = read_line(whole, number, section, file);
    if (!fault.empty()) return refuse(fault);
    whole.clear();
    goes_on = false;
  }
  return file;
}

std::optional<std::string> take_word(std::string_view& text) {
  skip_blanks(text);
  if (text.empty()) return std::nullopt;
  std::string word;
  char quote = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\') {
      if (text.empty()) {
        word += c;
        break;
      }
      const size_t length = append_escape(text, word);
      // What systemd does not know stays as it is.
      if (length == 0) (word += c) += text.front();
      text.remove_prefix(std::max<size_t>(length, 1));
    } else if (c == quote) {
      quote = 0;
    } else if (quote != 0) {
      word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (is_blank(c)) {
      break;
    } else {
      word += c;
    }
  }
  if (quote != 0) throw Error("unbalanced quoting");
  skip_blanks(text);
  return word;
}

std::vector<ExecCommand> parse_exec(std::string_view value) {
  std::vector<ExecCommand> commands;
  skip_blanks(value);
  while (!value.empty()) {
    const std::optional<std::string> first = take_word(value);
    if (first == ";") continue;
    ExecCommand command;
    bool has_argv0 = false;
    command.program = take_prefixes(*first, command, has_argv0);
    const std::string_view fault = program_fault(command.program);
    if (!fault.empty()) throw Error(std::string(fault));
    bool ended = false;
    while (!ended && !value.empty()) {
      if (take_separator(value, ";")) {
        ended = true;
      } else if (take_separator(value, "\\;")) {
        command.arguments.emplace_back(";");
      } else {
        command.arguments.push_back(*take_word(value));
      }
    }
    if (has_argv0) {
      if (command.arguments.empty() || command.arguments.front().empty()) {
        throw Error("no word for argv[0] after '@'");
      }
      command.arguments.erase(command.arguments.begin());
    }
    commands.push_back(std::move(command));
    if (!ended) break;
  }
  return commands;
}

std::optional<bool> parse_unit_boolean(std::string_view value) {
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (std::string_view yes : {"1", "yes", "y", "true", "t", "on"}) {
    if (lower == yes) return true;
  }
  for (std::string_view no : {"0", "no", "n", "false", "f", "off"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

std::optional<UnitName> UnitName::parse(std::string_view name) {
  constexpr size_t kMaxName = 255;
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() > kMaxName) return std::nullopt;
  const bool is_legal = std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view(":-_.\\@").find(c) != std::string_view::npos;
  });
  if (!is_legal) return std::nullopt;
  UnitName unit;
  unit.type = name.substr(dot + 1);
  const std::string_view stem = name.substr(0, dot);
  const size_t at = stem.find('@');
  unit.prefix = stem.substr(0, at);
  unit.has_instance = at != std::string_view::npos;
  if (unit.has_instance) unit.instance = stem.substr(at + 1);
  if (unit.prefix.empty() || unit.type.empty()) return std::nullopt;
  return unit;
}

std::string UnitName::text() const {
  return fmt::format("{}{}{}.{}", prefix, has_instance ? "@" : "", instance, type);
}

std::string UnitName::template_name() const {
  return fmt::format("{}@.{}", prefix, type);
}

std::string resolve_specifiers(std::string_view text, const UnitName& unit) {
  constexpr std::pair<char, std::string_view> kFolders[] = {
      {'C', "/var/cache"}, {'E', "/etc"}, {'h', "/root"}, {'L', "/var/log"},
      {'S', "/var/lib"},   {'t', "/run"}, {'T', "/tmp"},  {'V', "/var/tmp"}};
  constexpr std::string_view kKnownAtBoot = "aAbBdDfgGHIjJlmMoPquUvwWyYs";
  std::string resolved;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%' || at + 1 == text.size()) {
      resolved += text[at];
      continue;
    }
    const char letter = text[++at];
    const bool names_instance =
        unit.is_template() && (letter == 'n' || letter == 'N' || letter == 'i');
    if (names_instance || kKnownAtBoot.find(letter) != std::string_view::npos) {
      throw Error(fmt::format("specifier '%{}' is known at boot alone", letter));
    }
    const auto* folder =
        std::ranges::find(kFolders, letter, &std::pair<char, std::string_view>::first);
    if (folder != std::end(kFolders)) {
      resolved += folder->second;
    } else if (letter == 'n') {
      resolved += unit.text();
    } else if (letter == 'N') {
      resolved += unit.text().substr(0, unit.text().size() - unit.type.size() - 1);
    } else if (letter == 'i') {
      resolved += unit.instance;
    } else if (letter == 'p') {
      resolved += unit.prefix;
    } else {
      if (letter != '%') resolved += '%';  // what systemd does not know, it leaves
      resolved += letter;
    }
  }
  return resolved;
}

}  // namespace builder
