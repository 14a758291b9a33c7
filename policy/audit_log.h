// SPDX-License-Identifier: Apache-2.0
//
// What SELinux writes to a log: the access vector cache's messages (linux security/selinux/avc.c),
// those of user-space object managers, and SELINUX_ERR (security/selinux/ss/services.c). The log
// may be an audit log, a kernel ring, a journal, or a serial console with anything else between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

constexpr uint64_t kMaxAuditLogBytes = uint64_t{256} << 20;  // for who reads one
constexpr size_t kMaxAuditMessages = 1'000'000;              // of one log
constexpr size_t kMaxAuditLineBytes = 65536;                 // what follows in a line is not read

/// An `avc:  denied` or `granted`. Texts are as the kernel had them, its hexadecimal forms decoded;
/// empty where the log does not say.
struct AvcMessage {
  size_t line = 0;     // from 1
  std::string serial;  // of the audit event: `1700000000.123:45`
  bool granted = false;
  bool user_space = false;  // by systemd, dbus-daemon …
  bool permissive = false;  // logged and let pass
  std::vector<std::string> permissions;
  std::string source, target;  // contexts
  std::string object_class;
  std::string comm, exe;  // of the process that was denied
  std::string path, name, dev;
  std::optional<uint64_t> inode;
  std::optional<uint32_t> ioctl_command;
  std::string manager;               // the program of a user-space object manager
  std::vector<std::string> details;  // what else names the object: `capability=40`, `dest=80`
};

/// The kernel refused, or could not make sense of, a context.
struct SelinuxError {
  size_t line = 0;
  std::string serial;
  std::string operation;        // `security_compute_sid` …; empty for what is no audit record
  std::string invalid_context;  // these where the message has them
  std::string source, target, object_class;
  std::string old_context, new_context;
  std::string text;  // the message
};

struct AuditLog {
  std::vector<AvcMessage> messages;  // in the order of the log; what it has twice, once
  std::vector<SelinuxError> errors;
  std::vector<size_t> damaged_lines;  // with an AVC message that is cut short
  size_t lines = 0;
};

/// The records SYSCALL, CWD, PATH and AVC_PATH of an event tell an AVC message of it what it does
/// not say itself. The log is not trusted, and whatever makes no sense in it is passed over. Throws
/// only for more than kMaxAuditMessages.
AuditLog parse_audit_log(std::string_view text);

}  // namespace policy
