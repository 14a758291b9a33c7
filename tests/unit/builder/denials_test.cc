// SPDX-License-Identifier: Apache-2.0
#include "builder/denials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "builder/cli.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "policy/compile.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kPolicy = R"((mls true)
(handleunknown allow)
(class file (read write execute entrypoint getattr open ioctl))
(class dir (search)) (class sock_file (write)) (class capability (sys_admin)) (class service (start))
(class process (fork transition setrlimit)) (class process2 (nnp_transition))
(classorder (file dir sock_file capability service process process2))
(sensitivity s0) (sensitivity s1) (sensitivityorder (s0 s1))
(category c0) (categoryorder (c0))
(sensitivitycategory s0 (c0)) (sensitivitycategory s1 (c0))
(type init_t) (type web_t) (type part_t) (type bin_t) (type web_exec_t) (type store_t)
(type conf_t) (type etc_t) (type run_t) (type web_run_t) (type unlabeled_t) (type secret_t)
(typebounds web_t part_t)
(role sys_r) (role user_r) (role object_r)
(roletype sys_r init_t) (roletype sys_r web_t) (roletype user_r web_t)
(roletype object_r bin_t) (roletype object_r web_exec_t) (roletype object_r store_t)
(roletype object_r conf_t) (roletype object_r etc_t) (roletype object_r run_t)
(roletype object_r web_run_t) (roletype object_r unlabeled_t) (roletype object_r secret_t)
(user u) (userrole u sys_r) (userrole u user_r) (userrole u object_r)
(userlevel u (s0)) (userrange u ((s0) (s1 (c0))))
(sid kernel) (sid security) (sid unlabeled) (sidorder (kernel security unlabeled))
(sidcontext kernel (u sys_r init_t ((s0) (s0))))
(sidcontext security (u sys_r init_t ((s0) (s0))))
(sidcontext unlabeled (u object_r unlabeled_t ((s0) (s0))))
(boolean web_writes false)
(booleanif web_writes (true (allow web_t conf_t (file (write)))))
(allow init_t web_exec_t (file (getattr open read execute)))
(allow init_t web_t (process (transition)))
(allow web_t web_exec_t (file (entrypoint)))
(typetransition init_t web_exec_t process web_t)
(allow web_t conf_t (file (read ioctl)))
(allowx web_t conf_t (ioctl file (0x5401)))
(mlsconstrain (file (read)) (dom l1 l2))
(neverallow web_t secret_t (file (read write)))
)";

constexpr std::string_view kContexts = R"(/ -d u:object_r:etc_t:s0
/etc(/.*)? u:object_r:etc_t:s0
/etc/web\.conf -- u:object_r:conf_t:s0
/usr/bin(/.*)? u:object_r:bin_t:s0
/usr/libexec(/.*)? u:object_r:bin_t:s0
/usr/sbin/webd -- u:object_r:web_exec_t:s0
/usr/bin/web -- u:object_r:web_exec_t:s0
/run/web -s u:object_r:web_run_t:s0
/nix(/.*)? u:object_r:store_t:s0
)";

const std::string kPackage = "/nix/store/" + std::string(32, 'a') + "-web-1.2";

/// A small policy, an image with a web server, and what they say of a log.
class Denials : public testing::Test {
 protected:
  Denials() : rules_(policy::PolicyRules::from_image(compiled().binary, "test")) {
    tree_.insert(kPackage + "/bin/web", program());
    tree_.insert(kPackage + "/libexec/webd", program());
    tree_.insert("/etc/web.conf", imagefmt::make_regular(imagefmt::Content::from_bytes("x")));
    tree_.insert("/etc/other", imagefmt::make_regular(imagefmt::Content::from_bytes("x")));
    labels_.contexts = policy::FileContexts::parse({{{"rules", std::string(kContexts)}}, {}});
    imagefmt::SilentReporter reporter;
    policy::label(tree_, labels_, reporter);
    image_.tree = tree_.clone();
    image_.paths_by_inode = {{7, "/etc/web.conf"}, {8, kPackage + "/bin/web"}};
  }

  static const policy::CompiledPolicy& compiled() {
    static const policy::CompiledPolicy policy = [] {
      imagefmt::SilentReporter reporter;
      policy::CompileOptions options;
      options.version = 33;
      return policy::compile(
          {{"base", "base.cil", 100, policy::ModuleForm::kCil, std::string(kPolicy)}}, options,
          reporter);
    }();
    return policy;
  }
  static imagefmt::Node program() {
    return imagefmt::make_regular(imagefmt::Content::from_bytes("ELF"), 0555);
  }
  policy::DenialReport judge(const std::string& log) const {
    const policy::Neverallows neverallows(rules_, {{"base", kPolicy}});
    return policy::judge(policy::parse_audit_log(log), {.tree = tree_,
                                                        .labels = labels_,
                                                        .policy_image = compiled().binary,
                                                        .policy = rules_,
                                                        .neverallows = neverallows,
                                                        .image = &image_});
  }
  std::string text(const std::string& log) const { return format_denials(judge(log)); }

  imagefmt::FileTree tree_;
  imagefmt::NumberedTree image_;
  policy::LabelInput labels_;
  policy::PolicyRules rules_;
};

std::string avc(const std::string& permissions, const std::string& about, const std::string& source,
                const std::string& target, const std::string& object_class,
                const std::string& level = "s0") {
  return "avc:  denied  { " + permissions + " } for  pid=1 " + about +
         " scontext=u:sys_r:" + source +
         ":s0 tcontext=u:" + (source == target || object_class == "process" ? "sys" : "object") +
         "_r:" + target + ":" + level + " tclass=" + object_class + " permissive=0\n";
}

TEST_F(Denials, ProposesTheNarrowestRules) {
  const std::string limits = avc("setrlimit", "comm=\"web\"", "web_t", "web_t", "process");
  EXPECT_EQ(
      text(limits +
           avc("open getattr", "comm=\"web\" name=\"web.conf\" dev=\"vda\" ino=7", "web_t",
               "conf_t", "file") +
           limits +
           avc("read", "comm=\"web\" name=\"key\" dev=\"vdb\" ino=1", "web_t", "secret_t", "file")),
      "denied web_t web_t:process { setrlimit } 2 times, lines 1 to 3\n"
      "  source    u:sys_r:web_t:s0\n"
      "  target    u:sys_r:web_t:s0\n"
      "  program   web: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  cause     rule: no rule allows it\n"
          "  mend      (allow web_t self (process (setrlimit)))\n"
          "\n"
          "denied web_t conf_t:file { getattr open } once, line 2\n"
          "  source    u:sys_r:web_t:s0\n"
          "  target    u:object_r:conf_t:s0\n"
          "  program   web: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  object    /etc/web.conf, by its inode 7\n"
          "  cause     rule: no rule allows it\n"
          "  mend      (allow web_t conf_t (file (getattr open)))\n"
          "\n"
          "denied web_t secret_t:file { read } once, line 4\n"
          "  source    u:sys_r:web_t:s0\n"
          "  target    u:object_r:secret_t:s0\n"
          "  program   web: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  object    'key', inode 1 on vdb: no file of the image, as far as the log tells\n"
          "  cause     rule: no rule allows it\n"
          "  mend      (allow web_t secret_t (file (read)))\n"
          "  against   neverallow web_t secret_t:file (read write); (base:33)\n"
          "\n"
          "; What the policy lacks, as a module for --policy-module:\n"
          "(allow web_t conf_t (file (getattr open)))\n"
          "(allow web_t self (process (setrlimit)))\n"
          "; against `neverallow web_t secret_t:file (read write);` (base:33):\n"
          "; (allow web_t secret_t (file (read)))\n");
}

TEST_F(Denials, TellsWhatElseThePolicyDenies) {
  const std::string log =
      avc("write ioctl", "path=\"/etc/web.conf\" ioctlcmd=0x5402", "web_t", "conf_t", "file") +
      avc("read", "name=\"web.conf\"", "web_t", "conf_t", "file", "s1") +
      avc("fly", "name=\"web.conf\"", "web_t", "conf_t", "file");
  EXPECT_EQ(
      text(log),
      "denied web_t conf_t:file { ioctl write } once, line 1\n"
      "  source    u:sys_r:web_t:s0\n"
      "  target    u:object_r:conf_t:s0\n"
      "  object    /etc/web.conf\n"
      "  cause     xperm: { ioctl } ioctl is allowed, and its command 0x5402 is not\n"
      "  mend      (allowx web_t conf_t (ioctl file (0x5402)))\n"
      "  cause     boolean: { write } a rule would allow it, were a boolean of the policy set "
      "otherwise\n"
      "  mend      --boolean web_writes=on\n"
      "\n"
      "denied web_t conf_t:file { read } once, line 2\n"
      "  source    u:sys_r:web_t:s0\n"
      "  target    u:object_r:conf_t:s1\n"
      "  object    /etc/web.conf\n"
      "  cause     constraint: a rule allows it, and a constraint forbids it: mlsconstrain "
      "file { read } ((l1 dom l2 -Fail-) )\n"
      "  mend      another user, role or level, or an attribute that the constraint exempts\n"
      "\n"
      "denied web_t conf_t:file { fly } once, line 3\n"
      "  source    u:sys_r:web_t:s0\n"
      "  target    u:object_r:conf_t:s0\n"
      "  object    /etc/web.conf\n"
      "  cause     unknown: unknown permission of class 'file' 'fly': the log is of another "
      "policy, or of a newer kernel\n"
      "\n"
      "; What the policy lacks, as a module for --policy-module:\n"
      "(allowx web_t conf_t (ioctl file (0x5402)))\n");
}

TEST_F(Denials, TellsWrongLabelsAndDomains) {
  const std::string event = "type=AVC msg=audit(1.2:3): ";
  const std::string log =
      avc("read", "comm=\"web\" name=\"web.conf\" ino=7 dev=\"vda\"", "web_t", "etc_t", "file") +
      avc("read", "comm=\"web\" path=\"/etc/other\"", "web_t", "unlabeled_t", "file") +
      avc("write", "path=\"/run/web\" dev=\"tmpfs\" ino=3", "web_t", "run_t", "sock_file") +
      avc("sys_admin", "comm=\"webd\" capability=21", "init_t", "init_t", "capability") + event +
      avc("fork", "comm=\"x\"", "init_t", "init_t", "process") +
      "type=SYSCALL msg=audit(1.2:3): comm=\"x\" exe=\"" + kPackage + "/bin/web\"\n";
  EXPECT_EQ(
      text(log),
      "denied web_t etc_t:file { read } once, line 1\n"
      "  source    u:sys_r:web_t:s0\n"
      "  target    u:object_r:etc_t:s0\n"
      "  program   web: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  object    /etc/web.conf, by its inode 7\n"
          "  cause     label: the object has etc_t, and the rules give it conf_t: /etc/web\\.conf "
          "(rules:3)\n"
          "  mend      build the image anew: the log is of one with other labels\n"
          "\n"
          "denied web_t unlabeled_t:file { read } once, line 2\n"
          "  source    u:sys_r:web_t:s0\n"
          "  target    u:object_r:unlabeled_t:s0\n"
          "  program   web: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  object    /etc/other\n"
          "  cause     unlabelled: unlabeled_t is the label of what has none, or one that the "
          "policy does not know; the object has unlabeled_t, and the rules give it etc_t: "
          "/etc(/.*)? (rules:2)\n"
          "  mend      build the image anew: the log is of one with other labels\n"
          "\n"
          "denied web_t run_t:sock_file { write } once, line 3\n"
          "  source    u:sys_r:web_t:s0\n"
          "  target    u:object_r:run_t:s0\n"
          "  object    /run/web on tmpfs: made at run time, labelled by who makes it\n"
          "  cause     label: the object has run_t, and the rules give it web_run_t: /run/web "
          "(rules:8)\n"
          "  mend      let systemd-tmpfiles make /run/web, or `restorecon /run/web`\n"
          "\n"
          "denied init_t init_t:capability { sys_admin } once, line 4\n"
          "  source    u:sys_r:init_t:s0\n"
          "  target    u:sys_r:init_t:s0\n"
          "  program   webd: " +
          kPackage +
          "/libexec/webd (bin_t)\n"
          "  object    capability=21\n"
          "  cause     domain: " +
          kPackage +
          "/libexec/webd runs in init_t, its starter's domain, "
          "since nothing enters a domain by its label bin_t\n"
          "  mend      package web /libexec/webd web_exec_t\n"
          "\n"
          "denied init_t init_t:process { fork } once, line 5\n"
          "  source    u:sys_r:init_t:s0\n"
          "  target    u:sys_r:init_t:s0\n"
          "  program   x: " +
          kPackage +
          "/bin/web (web_exec_t)\n"
          "  cause     domain: " +
          kPackage +
          "/bin/web runs in init_t, and by its label "
          "web_exec_t it would have entered web_t\n"
          "  mend      build the image anew: the log is of one with other labels, or the process "
          "has no-new-privileges\n"
          "\n");
}

TEST_F(Denials, TellsRolesThatMayNotChange) {
  EXPECT_THAT(text("avc:  denied  { transition } for scontext=u:sys_r:init_t:s0 "
                   "tcontext=u:user_r:web_t:s0 tclass=process permissive=0\n"),
              HasSubstr("  cause     role: role sys_r may not change to user_r\n"
                        "  mend      (roleallow sys_r user_r)\n"));
}

TEST_F(Denials, SaysWhatCannotBeMended) {
  const std::string log =
      avc("read", "name=\"web.conf\"", "web_t", "conf_t", "file") +
      "avc:  granted  { read } for name=\"x\" dev=\"proc\" scontext=u:sys_r:web_t:s0 "
      "tcontext=u:object_r:conf_t:s0 tclass=file permissive=1\n"
      "avc:  denied  { read \n";
  EXPECT_EQ(text(log),
            "denied web_t conf_t:file { read } once, line 1\n"
            "  source    u:sys_r:web_t:s0\n"
            "  target    u:object_r:conf_t:s0\n"
            "  object    /etc/web.conf\n"
            "  cause     allowed: this policy allows it: the log is of another one, or of other "
            "booleans\n"
            "\n"
            "granted web_t conf_t:file { read } once, line 2, let pass\n"
            "  source    u:sys_r:web_t:s0\n"
            "  target    u:object_r:conf_t:s0\n"
            "  object    'x' on proc: the kernel's own, labelled by the policy alone\n"
            "  cause     granted: an auditallow rule of the policy asks for this message\n"
            "\n"
            "messages that are cut short: 1, the first in line 3\n"
            "\n");
}

TEST_F(Denials, ExplainsContextsThatWereRefused) {
  const std::string text_of_errors = text(
      "type=SELINUX_ERR msg=audit(1.2:3): op=security_compute_sid "
      "invalid_context=\"u:user_r:bin_t:s0\" scontext=s:s:s tcontext=t:t:t tclass=process\n"
      "type=SELINUX_ERR msg=audit(1.2:4): op=security_compute_sid "
      "invalid_context=\"x:user_r:bin_t:s0\" scontext=s:s:s tcontext=t:t:t tclass=process\n"
      "type=SELINUX_ERR msg=audit(1.2:5): op=security_bounded_transition seresult=denied "
      "oldcontext=u:sys_r:init_t:s0 newcontext=u:sys_r:web_t:s0\n");
  EXPECT_THAT(text_of_errors,
              HasSubstr("error security_compute_sid once, line 1\n"
                        "  message   op=security_compute_sid "
                        "invalid_context=\"u:user_r:bin_t:s0\" scontext=s:s:s tcontext=t:t:t "
                        "tclass=process\n"
                        "  cause     role 'user_r' has no type 'bin_t'\n"
                        "  mend      (roletype user_r bin_t)\n"));
  EXPECT_THAT(text_of_errors, HasSubstr("  cause     the policy has no user 'x'\n\n"));
  EXPECT_THAT(text_of_errors, HasSubstr("  mend      (allow init_t web_t (process2 "
                                        "(nnp_transition)))\n"));
  EXPECT_THAT(text_of_errors, HasSubstr("--policy-module:\n"
                                        "(allow init_t web_t (process2 (nnp_transition)))\n"
                                        "(roletype user_r bin_t)\n"));
}

TEST_F(Denials, PrintsJson) {
  const policy::DenialReport report =
      judge(avc("open", "comm=\"a\x1b\xff\" name=\"web.conf\"", "web_t", "conf_t", "file"));
  ASSERT_THAT(report.denials, SizeIs(1));
  const std::string json = serialize_denials(report);
  EXPECT_THAT(json, HasSubstr("\"path\": \"/etc/web.conf\",\n"
                              "            \"package\": \"\",\n"
                              "            \"label\": \"u:object_r:conf_t:s0\"\n"));
  EXPECT_THAT(json, HasSubstr("\"mends\": [\n"
                              "            \"(allow web_t conf_t (file (open)))\"\n"));
  EXPECT_THAT(json, HasSubstr("\"a\\u001b\xef\xbf\xbd\""));
  EXPECT_THAT(format_denials(report), HasSubstr("  program   a\\033"));
}

TEST(DenialsCommand, NeedsNoSystemForALogWithoutMessages) {
  std::istringstream in("nothing\nat all\n");
  std::ostringstream out, err;
  Io io{in, out, err};
  EXPECT_EQ(run({"denials", "-", "--closure", "/none", "--policy", "/none"}, io), 0);
  EXPECT_EQ(out.str(), "standard input: 2 lines, no message of SELinux\n");
  EXPECT_EQ(err.str(), "");
}

TEST(DenialsCommand, RefusesWhatCannotBeRead) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  tests::TempDir folder;
  EXPECT_EQ(run({"denials", folder / "none", "--closure", "/none", "--policy", "/none"}, io), 1);
  EXPECT_EQ(err.str(),
            "intaglio: cannot open '" + (folder / "none") + "': No such file or directory\n");
}

}  // namespace
}  // namespace builder
