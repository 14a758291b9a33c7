// SPDX-License-Identifier: Apache-2.0
#include "builder/explain.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "builder/cli.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace builder {
namespace {

using imagefmt::make_symlink;
using tests::error_of;

constexpr const char* kContexts =
    "/.*\tsystem_u:object_r:log_t:s0\n"
    "/\t-d\tsystem_u:object_r:log_t:s0\n"
    "/etc(/.*)?\tsystem_u:object_r:log_t:s0\n"
    "/run\t-d\tsystem_u:object_r:log_t:s0\n"
    "/run/.*\t<<none>>\n"
    "/usr/bin(/.*)?\tsystem_u:object_r:job_exec_t:s0\n"
    "/usr/sbin/web\t-d\tsystem_u:object_r:log_t:s0\n"
    "/usr/bin/web\t--\tsystem_u:object_r:web_exec_t:s0\n"
    "/nix(/.*)?\tsystem_u:object_r:log_t:s0\n";

std::string policy_cil() {
  std::string cil = tests::web_policy_cil();
  const std::string classes = "(class file (entrypoint))", order = "(classorder (file dir";
  cil.replace(cil.find(classes), classes.size(),
              "(class file (entrypoint execute_no_trans))(class lnk_file (read write))");
  cil.replace(cil.find(order), order.size(), "(classorder (file lnk_file dir");
  for (char c = 'a'; c < 'm'; ++c) {
    cil += fmt::format("(type many_{0}_t)(allow many_{0}_t log_t (file (open read)))\n", c);
  }
  return cil;
}

/// A server, links to it, and one that leads nowhere.
class Explain : public testing::Test {
 protected:
  Explain()
      : policy_(policy::PolicyRules::from_image(
            tests::compile_small_policy(policy_cil(), 33).binary, "web")) {
    auto file = [&](const char* path, uint16_t mode) {
      tree_.insert(path, imagefmt::make_regular(imagefmt::Content::from_bytes("x"), mode));
    };
    file("/nix/store/w-web/bin/web", 0555);
    file("/nix/store/w-web/bin/job", 0555);
    file("/run/state", 0644);
    tree_.insert("/bin", make_symlink("nix/store/w-web/bin"));
    tree_.insert("/etc/web", make_symlink("/bin/../bin/web"));
    tree_.insert("/etc/gone", make_symlink("/run/gone\n"));
    rules_.contexts = policy::FileContexts::parse({{{"file_contexts", kContexts}}, {}});
    imagefmt::SilentReporter silent;
    policy::label(tree_, rules_, silent);
    origins_.resize(rules_.contexts.rules().size());
    origins_[7] = {{"web", "m/web.pp.bz2", policy::ModuleForm::kPackage, 7},
                   {"mine", "m/mine.cil", policy::ModuleForm::kCil, 2}};
  }
  std::string text(std::string_view path, bool all = false) const {
    return without_lines(to_text(input_, explain_path(input_, path), all));
  }
  std::string json(std::string_view path) const {
    return without_lines(to_json(input_, explain_path(input_, path)));
  }
  /// Our store rules are tested elsewhere.
  static std::string without_lines(const std::string& text) {
    return std::regex_replace(text, std::regex("store.rules:[0-9]+"), "store.rules:N");
  }

  imagefmt::FileTree tree_;
  policy::LabelInput rules_;
  std::vector<std::vector<policy::RuleOrigin>> origins_;
  policy::PolicyRules policy_;
  const ExplainInput input_{tree_, rules_, origins_, policy_, "init_t"};
};

TEST_F(Explain, TellsAllOfAProgram) {
  EXPECT_EQ(text("/nix/store/w-web/bin/web"), R"(/nix/store/w-web/bin/web: file, mode 0555
  label      system_u:object_r:web_exec_t:s0
  reason     the rule for its place in the FHS
  store rule nixos/store.rules:N: any /bin as /usr/bin /usr/sbin
  rule       /usr/bin/web -- system_u:object_r:web_exec_t:s0
             module web: m/web.pp.bz2, file_contexts line 7
             module mine: m/mine.cil line 2
  place      /usr/bin/web
  also at    /usr/sbin/web
  also at    /etc/web
  link       /etc/web
  rules that lost
    /usr/bin/web
      /usr/bin(/.*)? system_u:object_r:job_exec_t:s0
        of no module: file_contexts:6
        lost: a regular expression, and plain text matches the same place
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: a regular expression, and plain text matches the same place
    /usr/sbin/web
      /usr/sbin/web -d system_u:object_r:log_t:s0
        of no module: file_contexts:7
        lost: of another file type: for a directory, and this is a file
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: the catch-all, which counts as no rule
    /etc/web
      /etc(/.*)? system_u:object_r:log_t:s0
        of no module: file_contexts:3
        lost: of another place: a regular expression, and the winner is plain text
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: a later rule matches the same place
  executed by the first process (init_t): it becomes web_t
  domains entered by executing it
    web_t
      from init_t: all that it needs is allowed
      from shell_t
        missing: allow shell_t web_exec_t:file { execute getattr open };
        missing: allow shell_t web_t:process transition;
  who may
    read (file { open read }): 1 type: init_t
    write (file { open write }): 0 types
    execute (file execute): 1 type: init_t
)");
}

TEST_F(Explain, TellsWhatKeepsAProgramFromRunning) {
  EXPECT_EQ(text("/nix/store/w-web/bin/job"), R"(/nix/store/w-web/bin/job: file, mode 0555
  label      system_u:object_r:job_exec_t:s0
  reason     the rule for its place in the FHS
  store rule nixos/store.rules:N: any /bin as /usr/bin /usr/sbin
  rule       /usr/bin(/.*)? system_u:object_r:job_exec_t:s0
             of no module: file_contexts:6
  place      /usr/bin/job
  also at    /usr/sbin/job
  rules that lost
    /usr/bin/job
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: a later rule matches the same place
    /usr/sbin/job
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: the catch-all, which counts as no rule
  executed by the first process (init_t): it stays init_t, but that is not allowed
        missing: allow init_t job_exec_t:file { execute execute_no_trans getattr open read };
  domains entered by executing it
    job_t
      from web_t, if web_jobs (now off)
        missing: allow web_t job_exec_t:file { execute getattr open read }; (there is a rule if web_jobs)
        missing: allow web_t job_t:process transition; (there is a rule if web_jobs)
  who may
    read (file { open read }): 0 types
    write (file { open write }): 0 types
    execute (file execute): 0 types
)");
}

TEST_F(Explain, TellsWhereASymlinkLeads) {
  const std::string web = text("/etc/web");
  EXPECT_TRUE(
      web.starts_with("/etc/web: symlink, mode 0777, to '/bin/../bin/web', which is "
                      "/nix/store/w-web/bin/web\n"));
  EXPECT_NE(web.find("\n\n/nix/store/w-web/bin/web: file, mode 0555\n"), std::string::npos);
  EXPECT_EQ(text("/etc/gone"),
            R"(/etc/gone: symlink, mode 0777, to '/run/gone\012', which the image does not have
  label      system_u:object_r:log_t:s0
  reason     the rule for its own path
  rule       /etc(/.*)? system_u:object_r:log_t:s0
             of no module: file_contexts:3
  place      /etc/gone
  rules that lost
    /etc/gone
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: a later rule matches the same place
  who may
    read (lnk_file read): 0 types
    write (lnk_file write): 0 types
)");
  const std::string bin = text("/bin");
  EXPECT_EQ(bin.substr(0, bin.find("  who may")),
            R"(/bin: symlink, mode 0777, to 'nix/store/w-web/bin', which is /nix/store/w-web/bin
  label      system_u:object_r:log_t:s0
  reason     the store's own layout, which is labelled as '/nix/store' is
  rule       /nix(/.*)? system_u:object_r:log_t:s0
             of no module: file_contexts:9
  place      /nix/store
  also at    /bin
  rules that lost
    /bin
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: the catch-all, which counts as no rule
)");
}

TEST_F(Explain, CountsWhatIsLongUnlessAllIsAskedFor) {
  EXPECT_EQ(text("/run/state"), R"(/run/state: file, mode 0644
  label      system_u:object_r:log_t:s0
  reason     its rule is <<none>>: the label of the folder that it lies in
  rule       /run/.* <<none>>
             of no module: file_contexts:5
  place      /run/state
  rules that lost
    /run/state
      /.* system_u:object_r:log_t:s0
        of no module: file_contexts:1
        lost: a later rule matches the same place
  who may
    read (file { open read }): 12 types: many_a_t, many_b_t, many_c_t, many_d_t, many_e_t, many_f_t, many_g_t, many_h_t and 4 more
    write (file { open write }): 1 type: web_t
    execute (file execute): 0 types
)");
  const std::string all = text("/run/state", true);
  EXPECT_NE(all.find("): 12 types: many_a_t, many_b_t, many_c_t, many_d_t, many_e_t, many_f_t, "
                     "many_g_t, many_h_t, many_i_t, many_j_t, many_k_t, many_l_t\n"),
            std::string::npos)
      << all;
  const std::string web = text("/nix/store/w-web/bin/web", true);
  EXPECT_NE(web.find(R"(    web_t
      from init_t: all that it needs is allowed
        allow init_t web_exec_t:file { execute getattr open read };
        allow init_t web_t:process transition;
        allow web_t web_exec_t:file entrypoint;
      from shell_t
        allow shell_t exec_type:file read;
        allow web_t web_exec_t:file entrypoint;
        missing: allow shell_t web_exec_t:file { execute getattr open };
        missing: allow shell_t web_t:process transition;
)"),
            std::string::npos)
      << web;
}

TEST_F(Explain, IsJsonForPrograms) {
  EXPECT_EQ(json("/nix/store/w-web/bin/job"), R"([
  {
    "path": "/nix/store/w-web/bin/job",
    "type": "file",
    "mode": "0555",
    "target": null,
    "leads_to": null,
    "label": "system_u:object_r:job_exec_t:s0",
    "reason": "the rule for its place in the FHS",
    "rule": {
      "pattern": "/usr/bin(/.*)?",
      "type": null,
      "context": "system_u:object_r:job_exec_t:s0",
      "place": "file_contexts:6",
      "origins": []
    },
    "label_rule": {
      "text": "any /bin as /usr/bin /usr/sbin",
      "place": "nixos/store.rules:N"
    },
    "place": "/usr/bin/job",
    "other_places": [
      "/usr/sbin/job"
    ],
    "links": [],
    "losers": [
      {
        "at": "/usr/bin/job",
        "rule": {
          "pattern": "/.*",
          "type": null,
          "context": "system_u:object_r:log_t:s0",
          "place": "file_contexts:1",
          "origins": []
        },
        "why": "a later rule matches the same place"
      },
      {
        "at": "/usr/sbin/job",
        "rule": {
          "pattern": "/.*",
          "type": null,
          "context": "system_u:object_r:log_t:s0",
          "place": "file_contexts:1",
          "origins": []
        },
        "why": "the catch-all, which counts as no rule"
      }
    ],
    "by_init": {
      "source": "init_t",
      "domain": "init_t",
      "missing": [
        {
          "rule": "allow init_t job_exec_t:file { execute execute_no_trans getattr open read };",
          "if": null
        }
      ]
    },
    "domains": [
      {
        "domain": "job_t",
        "source": "web_t",
        "active": false,
        "if": "web_jobs",
        "allows": [
          "allow job_t job_exec_t:file entrypoint;"
        ],
        "missing": [
          {
            "rule": "allow web_t job_exec_t:file { execute getattr open read };",
            "if": "web_jobs"
          },
          {
            "rule": "allow web_t job_t:process transition;",
            "if": "web_jobs"
          }
        ]
      }
    ],
    "access": [
      {
        "action": "read",
        "class": "file",
        "permissions": [
          "open",
          "read"
        ],
        "types": [],
        "attributes": [],
        "others": []
      },
      {
        "action": "write",
        "class": "file",
        "permissions": [
          "open",
          "write"
        ],
        "types": [],
        "attributes": [],
        "others": []
      },
      {
        "action": "execute",
        "class": "file",
        "permissions": [
          "execute"
        ],
        "types": [],
        "attributes": [],
        "others": []
      }
    ]
  }
]
)");
}

TEST_F(Explain, NamesTheNearestPathThatTheImageHas) {
  EXPECT_EQ(error_of([&] { text("/bin/nope/x"); }),
            "cannot explain '/bin/nope/x': the image has no such path; the nearest that it has is "
            "'/bin'");
  EXPECT_EQ(error_of([&] { text("/etc/web/x"); }),
            "cannot explain '/etc/web/x': the image has no such path; the nearest that it has is "
            "'/etc/web'");
  EXPECT_EQ(error_of([&] { text("/x"); }),
            "cannot explain '/x': the image has no such path; the nearest that it has is '/'");
}

TEST_F(Explain, TakesPathsAsPeopleWriteThem) {
  EXPECT_EQ(explain_path(input_, "/").at(0).path, "/");
  EXPECT_EQ(explain_path(input_, "//etc/../nix/./store/w-web/bin//web/").at(0).path,
            "/nix/store/w-web/bin/web");
  EXPECT_EQ(explain_path(input_, "/bin/web").at(0).path, "/nix/store/w-web/bin/web");
  EXPECT_EQ(explain_path(input_, "/etc/..").at(0).path, "/");
}

TEST(ExplainCommand, RefusesRelativePathsBeforeAnyWork) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  EXPECT_EQ(run({"explain", "etc", "bin/x", "--closure", "none", "--policy", "none"}, io), 1);
  EXPECT_EQ(err.str(),
            "intaglio: cannot explain 'etc': expected an absolute path of the image\n"
            "intaglio: cannot explain 'bin/x': expected an absolute path of the image\n");
}

}  // namespace
}  // namespace builder
