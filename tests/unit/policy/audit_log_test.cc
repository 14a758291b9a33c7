// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

AvcMessage only(std::string_view text) {
  AuditLog log = parse_audit_log(text);
  EXPECT_EQ(log.messages.size(), 1u);
  EXPECT_THAT(log.damaged_lines, IsEmpty());
  return log.messages.empty() ? AvcMessage() : log.messages[0];
}

constexpr std::string_view kContexts =
    " scontext=system_u:system_r:udev_t:s0-s0:c0.c1023 tcontext=system_u:object_r:sysctl_fs_t:s0 "
    "tclass=dir permissive=0";

TEST(AuditLog, ReadsASerialConsole) {
  AvcMessage avc = only(
      "Debian GNU/Linux\r\n"
      "login: [   12.345678] audit: type=1400 audit(1700000000.123:45): avc:  denied  { search "
      "getattr } for  pid=123 comm=\"systemd-udevd\" name=\"fs\" dev=\"proc\" ino=4026" +
      std::string(kContexts) + "\r\n");
  EXPECT_EQ(avc.line, 2u);
  EXPECT_EQ(avc.serial, "1700000000.123:45");
  EXPECT_THAT(avc.permissions, ElementsAre("search", "getattr"));
  EXPECT_EQ(avc.comm, "systemd-udevd");
  EXPECT_EQ(avc.name, "fs");
  EXPECT_EQ(avc.dev, "proc");
  EXPECT_EQ(avc.inode, 4026u);
  EXPECT_EQ(avc.source, "system_u:system_r:udev_t:s0-s0:c0.c1023");
  EXPECT_EQ(avc.target, "system_u:object_r:sysctl_fs_t:s0");
  EXPECT_EQ(avc.object_class, "dir");
  EXPECT_FALSE(avc.granted || avc.permissive || avc.user_space);
}

TEST(AuditLog, DecodesWhatTheKernelEncodes) {
  AvcMessage avc = only(
      "type=AVC msg=audit(1.2:3): avc:  granted  { ioctl } for  pid=1 comm=28612062) "
      "path=2F746D702F612062 dev=\"sda1\" ino=18446744073709551616 ioctlcmd=0x5401 "
      "scontext=a:b:c tcontext=d:e:f tclass=file permissive=1\n");
  EXPECT_TRUE(avc.granted);
  EXPECT_TRUE(avc.permissive);
  EXPECT_EQ(avc.comm, "28612062)");  // no hexadecimal
  EXPECT_EQ(avc.path, "/tmp/a b");
  EXPECT_EQ(avc.inode, std::nullopt);
  EXPECT_EQ(avc.ioctl_command, 0x5401u);
  avc =
      only("avc: denied { read } for name=(null) path=\"\" scontext=a:b:c tcontext=d:e:f tclass=x");
  EXPECT_EQ(avc.name, "");
  EXPECT_EQ(avc.line, 1u);
}

TEST(AuditLog, JoinsTheRecordsOfAnEvent) {
  const std::string avc =
      "type=AVC msg=audit(1.2:3): avc:  denied  { read } for  pid=7 comm=\"cat\" name=\"b\" "
      "dev=\"vda\" ino=12 scontext=a:b:c tcontext=d:e:f tclass=file permissive=0\n";
  const std::string syscall =
      "type=SYSCALL msg=audit(1.2:3): arch=c000003e syscall=257 success=no exit=-13 pid=7 "
      "comm=\"cat\" exe=\"/nix/store/x-coreutils/bin/cat\" subj=a:b:c key=(null)\x1d"
      "ARCH=x86_64\n";
  const std::string other = "type=SYSCALL msg=audit(1.2:4): exe=\"/bin/other\"\n";
  const std::string paths =
      "type=CWD msg=audit(1.2:3): cwd=\"/srv/a\"\n"
      "type=PATH msg=audit(1.2:3): item=0 name=\".\" inode=11 dev=fe:00 nametype=PARENT\n"
      "type=PATH msg=audit(1.2:3): item=1 name=\"b\" inode=12 dev=fe:00 nametype=NORMAL\n";
  AvcMessage message = only(syscall + paths + other + avc);
  EXPECT_EQ(message.exe, "/nix/store/x-coreutils/bin/cat");
  EXPECT_EQ(message.path, "/srv/a/b");
  EXPECT_EQ(message.line, 6u);
  // Another inode is another object, and a path of the message itself counts.
  EXPECT_EQ(only(avc + "type=PATH msg=audit(1.2:3): name=\"/b\" inode=13\n").path, "");
  EXPECT_EQ(only(avc + "type=1402 audit(1.2:3): path=\"/of/fd\"\n").path, "/of/fd");
  // What has no file has no path.
  EXPECT_EQ(only("type=AVC msg=audit(1.2:3): avc: denied { sys_admin } for capability=21 "
                 "scontext=a:b:c tcontext=a:b:c tclass=capability\n" +
                 paths)
                .path,
            "");
}

TEST(AuditLog, ReadsObjectManagers) {
  AuditLog log = parse_audit_log(
      "type=USER_AVC msg=audit(1.2:3): pid=1 uid=0 auid=4294967295 ses=4294967295 "
      "subj=system_u:system_r:init_t:s0 msg='avc:  denied  { start } for auid=n/a uid=0 gid=0 "
      "path=\"/nix/store/x-unit-a/a.service\" cmdline=\"x scontext=o:o:o\" "
      "scontext=system_u:system_r:a_t:s0 tcontext=system_u:object_r:b_t:s0 tclass=service "
      "permissive=0  exe=\"/lib/systemd/systemd\" sauid=0 hostname=? addr=? terminal=?'\n"
      "type=1107 audit(1.2:4): pid=9 uid=102 msg='avc:  denied  { send_msg } for "
      "msgtype=method_call interface=org.x.Manager member=Stop dest=:1.4 spid=5 tpid=6 "
      "scontext=a:b:c tcontext=d:e:f tclass=dbus permissive=0'\n"
      "type=USER_AVC msg=audit(1.2:5): pid=1 msg='avc:  received policyload notice (seqno=2)'\n");
  ASSERT_EQ(log.messages.size(), 2u);
  EXPECT_THAT(log.damaged_lines, IsEmpty());
  EXPECT_TRUE(log.messages[0].user_space);
  EXPECT_EQ(log.messages[0].manager, "/lib/systemd/systemd");
  EXPECT_EQ(log.messages[0].exe, "");
  EXPECT_EQ(log.messages[0].path, "/nix/store/x-unit-a/a.service");
  EXPECT_EQ(log.messages[0].source, "system_u:system_r:a_t:s0");
  EXPECT_THAT(log.messages[1].details, ElementsAre("msgtype=method_call", "interface=org.x.Manager",
                                                   "member=Stop", "dest=:1.4"));
  EXPECT_FALSE(log.messages[1].permissive);
}

TEST(AuditLog, ListsErrorsApart) {
  AuditLog log = parse_audit_log(
      "type=SELINUX_ERR msg=audit(1.2:3): op=security_compute_sid "
      "invalid_context=\"system_u:system_r:a_t:s0\" scontext=s:s:s tcontext=t:t:t tclass=process\n"
      "[  1.0] audit: type=1401 audit(1.2:4): op=security_bounded_transition seresult=denied "
      "oldcontext=a:b:c newcontext=d:e:f\n"
      "[  2.0] SELinux: inode=5 on dev=vda was found to have an invalid context=x:y:z.  This "
      "indicates you may need to relabel the inode or the filesystem in question.\n"
      "type=SELINUX_ERR msg=audit(1.2:6): unrecognized something\n"
      "[  2.0] SELinux:  policy capability open_perms=1\n");
  ASSERT_EQ(log.errors.size(), 4u);
  EXPECT_THAT(log.messages, IsEmpty());
  EXPECT_EQ(log.errors[0].operation, "security_compute_sid");
  EXPECT_EQ(log.errors[0].invalid_context, "system_u:system_r:a_t:s0");
  EXPECT_EQ(log.errors[0].object_class, "process");
  EXPECT_EQ(log.errors[1].old_context, "a:b:c");
  EXPECT_EQ(log.errors[1].new_context, "d:e:f");
  EXPECT_EQ(log.errors[1].serial, "1.2:4");
  EXPECT_EQ(log.errors[2].invalid_context, "x:y:z");
  EXPECT_EQ(log.errors[3].text, "unrecognized something");
}

TEST(AuditLog, CountsAMessageOfAnEventOnce) {
  const std::string body = "avc: denied { read } for comm=\"a\"" + std::string(kContexts) + "\n";
  EXPECT_EQ(parse_audit_log("audit: type=1400 audit(1.2:3): " + body +
                            "PROBE avc type=AVC msg=audit(1.2:3): " + body)
                .messages.size(),
            1u);
  EXPECT_EQ(parse_audit_log("audit(1.2:3): " + body + "audit(1.2:4): " + body).messages.size(), 2u);
  EXPECT_EQ(parse_audit_log(body + body).messages.size(), 2u);
}

TEST(AuditLog, NotesWhatIsCutShort) {
  AuditLog log = parse_audit_log(
      "avc:  denied  { read\n"
      "avc:  denied  for x\n"
      "avc:  denied  { read } for scontext=a:b:c tclass=file\n"
      "avc:  denied  { } for scontext=a:b:c tcontext=d:e:f tclass=file\n"
      "avc:  received setenforce notice (enforcing=1)\n"
      "avc:\n");
  EXPECT_THAT(log.damaged_lines, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(log.messages, IsEmpty());
  EXPECT_EQ(log.lines, 6u);
  EXPECT_EQ(parse_audit_log("").lines, 0u);
  // A line of any length is looked at as far as its bound.
  const std::string line = "avc: denied { read } for name=" + std::string(kMaxAuditLineBytes, 'x') +
                           std::string(kContexts);
  EXPECT_THAT(parse_audit_log(line).damaged_lines, ElementsAre(1));
}

}  // namespace
}  // namespace policy
