// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "imagefmt/base/error.h"
#include "policy/text_lines.h"

namespace policy {

namespace {

constexpr size_t kMostPaths = 64;  // PATH records of one event
constexpr size_t kMostPermissions = 64;
constexpr size_t kMostDetails = 16;

bool is_blank(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;  // with auditd's own 0x1d
}

struct Field {
  std::string_view key, value;
  bool quoted = false;
};

/// The `key=value` of a record. A value is a word, or stands in quotes; words without '=' are
/// passed over.
class FieldReader {
 public:
  explicit FieldReader(std::string_view rest) : rest_(rest) {}

  bool next(Field& field) {
    while (true) {
      while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
      if (rest_.empty()) return false;
      size_t end = 0;
      while (end < rest_.size() && rest_[end] != '=' && !is_blank(rest_[end])) ++end;
      field.key = rest_.substr(0, end);
      rest_.remove_prefix(end);
      if (!rest_.empty() && rest_.front() == '=') break;
    }
    rest_.remove_prefix(1);
    field.quoted = !rest_.empty() && rest_.front() == '"';
    if (field.quoted) {
      rest_.remove_prefix(1);
      field.value = rest_.substr(0, rest_.find('"'));
      rest_.remove_prefix(std::min(rest_.size(), field.value.size() + 1));
    } else {
      size_t end = 0;
      while (end < rest_.size() && !is_blank(rest_[end])) ++end;
      field.value = rest_.substr(0, end);
      rest_.remove_prefix(end);
      if (field.value.ends_with('\'')) field.value.remove_suffix(1);  // of msg='…'
    }
    return true;
  }

 private:
  std::string_view rest_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// A text that somebody else chose: in quotes, or in hexadecimal where it holds a quote, a blank or
/// anything outside printable ASCII (audit_log_untrustedstring).
std::string untrusted(const Field& field) {
  std::string_view value = field.value;
  if (field.quoted) return std::string(value);
  if (value == "(null)" || value == "?") return {};
  std::string decoded;
  for (size_t i = 0; i < value.size(); i += 2) {
    const int high = hex_digit(value[i]), low = i + 1 < value.size() ? hex_digit(value[i + 1]) : -1;
    if (high < 0 || low < 0) return std::string(value);
    decoded += static_cast<char>(high << 4 | low);
  }
  return decoded;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  Number number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// `1700000000.123:45` of the `audit(…)` in what stands before a message.
std::string serial_in(std::string_view text) {
  size_t start = text.rfind("audit(");
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start + 6);
  size_t end = text.find(')');
  if (end == std::string_view::npos || end > 64 ||
      text.substr(0, end).find_first_not_of("0123456789.:") != std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(0, end));
}

/// What names an object that is no file: a capability, a port, a message.
constexpr std::array<std::string_view, 16> kDetails = {
    "capability", "src",   "dest", "saddr",     "daddr",  "laddr",   "lport",   "faddr",
    "fport",      "netif", "key",  "interface", "member", "msgtype", "service", "kmod"};

/// Takes a field of an AVC message. Contexts are the last of their name: what stands before them
/// may hold what a program chose.
void take_field(const Field& field, AvcMessage& message) {
  auto set_once = [&](std::string& into) {
    if (into.empty()) into = untrusted(field);
  };
  if (field.key == "scontext") {
    message.source = field.value;
  } else if (field.key == "tcontext") {
    message.target = field.value;
  } else if (field.key == "tclass") {
    message.object_class = field.value;
  } else if (field.key == "permissive") {
    message.permissive = field.value == "1";
  } else if (field.key == "comm") {
    set_once(message.comm);
  } else if (field.key == "exe") {
    set_once(message.user_space ? message.manager : message.exe);
  } else if (field.key == "path") {
    set_once(message.path);
  } else if (field.key == "name") {
    set_once(message.name);
  } else if (field.key == "dev") {
    if (message.dev.empty()) message.dev = field.value;
  } else if (field.key == "ino") {
    message.inode = parse_number<uint64_t>(field.value);
  } else if (field.key == "ioctlcmd") {
    message.ioctl_command = parse_number<uint32_t>(field.value, 16);
  } else if (message.details.size() < kMostDetails &&
             std::ranges::find(kDetails, field.key) != kDetails.end()) {
    message.details.push_back(fmt::format("{}={}", field.key, field.value));
  }
}

bool take_word(std::string_view& rest, std::string_view word) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.starts_with(word)) return false;
  rest.remove_prefix(word.size());
  return true;
}

bool is_context(std::string_view text) {
  return std::ranges::count(text, ':') >= 2;
}

enum class Found { kNone, kWhole, kDamaged };

/// `before` is the line up to `avc:`, `rest` what follows it.
Found parse_avc(std::string_view before, std::string_view rest, AvcMessage& message) {
  message.granted = take_word(rest, "granted");
  if (!message.granted && !take_word(rest, "denied")) return Found::kNone;
  message.serial = serial_in(before);
  message.user_space = before.ends_with("msg='");
  if (!take_word(rest, "{")) return Found::kDamaged;
  const size_t end = rest.find('}');
  if (end == std::string_view::npos) return Found::kDamaged;
  for (std::string_view names = rest.substr(0, end); !names.empty();) {
    const size_t length = std::min(names.find(' '), names.size());
    std::string name(names.substr(0, length));
    if (!name.empty() && message.permissions.size() < kMostPermissions &&
        std::ranges::find(message.permissions, name) == message.permissions.end()) {
      message.permissions.push_back(std::move(name));
    }
    names.remove_prefix(std::min(names.size(), length + 1));
  }
  FieldReader fields(rest.substr(end + 1));
  for (Field field; fields.next(field);) take_field(field, message);
  const bool whole = !message.permissions.empty() && is_context(message.source) &&
                     is_context(message.target) && !message.object_class.empty();
  return whole ? Found::kWhole : Found::kDamaged;
}

/// What SELinux says of contexts outside of access decisions.
bool parse_error(std::string_view line, SelinuxError& error) {
  size_t start = line.find("op=security_");
  if (start == std::string_view::npos && line.find(" invalid_context=") != std::string_view::npos) {
    start = line.find("op=");
  }
  for (std::string_view record : {"type=SELINUX_ERR msg=audit(", "type=1401 audit("}) {
    const size_t found = line.find(record);
    if (start == std::string_view::npos && found != std::string_view::npos) {
      start = line.find("): ", found);
      if (start != std::string_view::npos) start += 3;
    }
  }
  if (start == std::string_view::npos) {
    start = line.find("SELinux: ");
    if (start == std::string_view::npos) return false;
    const std::string_view said = line.substr(start);
    // "inode=%lu on dev=%s was found to have an invalid context=%s.", "Context %s is not valid
    // (left unmapped)."
    if (said.find("invalid context=") == std::string_view::npos &&
        said.find("is not valid") == std::string_view::npos) {
      return false;
    }
  }
  error.serial = serial_in(line.substr(0, start));
  error.text = trim(line.substr(start));
  FieldReader fields(error.text);
  for (Field field; fields.next(field);) {
    if (field.key == "op") error.operation = field.value;
    if (field.key == "invalid_context" || field.key == "context") {
      error.invalid_context = untrusted(field);
      if (error.invalid_context.ends_with('.')) error.invalid_context.pop_back();
    }
    if (field.key == "scontext") error.source = field.value;
    if (field.key == "tcontext") error.target = field.value;
    if (field.key == "tclass") error.object_class = field.value;
    if (field.key == "oldcontext") error.old_context = field.value;
    if (field.key == "newcontext") error.new_context = field.value;
  }
  return true;
}

/// What the other records of an event say.
struct Event {
  struct Path {
    std::string name;
    std::optional<uint64_t> inode;
    bool is_parent = false;
  };
  std::string comm, exe, cwd, avc_path;
  std::vector<Path> paths;
};

enum class RecordKind { kOther, kSyscall, kPath, kCwd, kAvcPath };

RecordKind kind_of(std::string_view line) {
  constexpr std::pair<std::string_view, RecordKind> kKinds[] = {
      {"type=SYSCALL ", RecordKind::kSyscall},  {"type=1300 ", RecordKind::kSyscall},
      {"type=PATH ", RecordKind::kPath},        {"type=1302 ", RecordKind::kPath},
      {"type=CWD ", RecordKind::kCwd},          {"type=1307 ", RecordKind::kCwd},
      {"type=AVC_PATH ", RecordKind::kAvcPath}, {"type=1402 ", RecordKind::kAvcPath}};
  for (const auto& [text, kind] : kKinds) {
    if (line.find(text) != std::string_view::npos) return kind;
  }
  return RecordKind::kOther;
}

void take_record(RecordKind kind, std::string_view body, Event& event) {
  FieldReader fields(body);
  Event::Path path;
  for (Field field; fields.next(field);) {
    if (kind == RecordKind::kSyscall && field.key == "comm") event.comm = untrusted(field);
    if (kind == RecordKind::kSyscall && field.key == "exe") event.exe = untrusted(field);
    if (kind == RecordKind::kCwd && field.key == "cwd") event.cwd = untrusted(field);
    if (kind == RecordKind::kAvcPath && field.key == "path") event.avc_path = untrusted(field);
    if (kind == RecordKind::kPath && field.key == "name") path.name = untrusted(field);
    if (kind == RecordKind::kPath && field.key == "inode") {
      path.inode = parse_number<uint64_t>(field.value);
    }
    if (kind == RecordKind::kPath && field.key == "nametype") {
      path.is_parent = field.value == "PARENT";
    }
  }
  if (kind == RecordKind::kPath && !path.name.empty() && event.paths.size() < kMostPaths) {
    event.paths.push_back(std::move(path));
  }
}

std::string absolute(const std::string& name, const std::string& cwd) {
  if (name.starts_with('/') || !cwd.starts_with('/')) return name;
  return cwd == "/" ? cwd + name : cwd + '/' + name;
}

/// Whether a PATH record is the object of a message: the same inode, or where the message has none,
/// the only one. (A device number would tell file systems apart, but the message has a name.)
bool is_object(const Event::Path& path, const AvcMessage& message, size_t candidates) {
  if (message.inode && path.inode) {
    return *message.inode == *path.inode && (message.name.empty() || path.name == message.name ||
                                             path.name.ends_with('/' + message.name));
  }
  return candidates == 1 && !path.is_parent;
}

void join(const Event& event, AvcMessage& message) {
  if (message.user_space) return;  // the event is the manager's own system call
  if (message.comm.empty()) message.comm = event.comm;
  if (message.exe.empty()) message.exe = event.exe;
  if (message.path.empty()) message.path = event.avc_path;
  // Sockets, capabilities and processes have no path, whatever the system call was given.
  const bool is_file = !message.dev.empty() || !message.name.empty() || message.inode;
  if (!message.path.empty() || !is_file) return;
  for (const Event::Path& path : event.paths) {
    if (!is_object(path, message, event.paths.size())) continue;
    std::string name = absolute(path.name, event.cwd);
    if (name.starts_with('/')) message.path = std::move(name);
    return;
  }
}

/// A line without what a terminal or printk left at its ends.
std::string_view bounded(std::string_view line) {
  return trim(line.substr(0, kMaxAuditLineBytes));
}

}  // namespace

AuditLog parse_audit_log(std::string_view text) {
  AuditLog log;
  std::map<std::string, Event, std::less<>> events;
  // The kernel's ring and a journal that goes to the same console have each message.
  std::set<std::pair<std::string, std::string>> seen;
  auto is_new = [&](const std::string& serial, std::string_view body) {
    return serial.empty() || seen.emplace(serial, body).second;
  };
  for_each_line(text, [&](std::string_view line, size_t number) {
    log.lines = number;
    line = bounded(line);
    const size_t avc = line.find("avc: ");
    if (avc == std::string_view::npos) {
      SelinuxError error;
      if (!parse_error(line, error) || !is_new(error.serial, error.text)) return;
      error.line = number;
      log.errors.push_back(std::move(error));
    } else {
      AvcMessage message;
      const Found found = parse_avc(line.substr(0, avc), line.substr(avc + 4), message);
      if (found == Found::kDamaged) log.damaged_lines.push_back(number);
      if (found != Found::kWhole || !is_new(message.serial, line.substr(avc))) return;
      message.line = number;
      if (!message.serial.empty()) events.try_emplace(message.serial);
      log.messages.push_back(std::move(message));
    }
    if (log.messages.size() + log.errors.size() + log.damaged_lines.size() > kMaxAuditMessages) {
      throw imagefmt::Error(
          fmt::format("line {}: more than {} messages of SELinux", number, kMaxAuditMessages));
    }
  });
  if (events.empty()) return log;
  for_each_line(text, [&](std::string_view line, size_t) {
    line = bounded(line);
    const RecordKind kind = kind_of(line);
    if (kind == RecordKind::kOther) return;
    const size_t body = line.find("): ");
    if (body == std::string_view::npos) return;
    auto event = events.find(serial_in(line.substr(0, body + 1)));
    if (event != events.end()) take_record(kind, line.substr(body + 3), event->second);
  });
  for (AvcMessage& message : log.messages) {
    auto event = events.find(message.serial);
    if (event != events.end()) join(event->second, message);
  }
  return log;
}

}  // namespace policy
