// SPDX-License-Identifier: Apache-2.0
//
// The report of a small system, as text and as JSON. tests/oracle/labels judges that of a whole closure.
#include "builder/labels_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "builder/cli.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using testing::HasSubstr;

const std::string kSystem = "/nix/store/" + std::string(32, 's') + "-system";
const std::string kSystemd = "/nix/store/" + std::string(32, 'd') + "-systemd-257";
const std::string kWeb = "/nix/store/" + std::string(32, 'w') + "-web-1.0";
const std::string kEtc = "/etc/systemd/system/";

// Line 1 is of no module, the others of the one that make_report() names.
constexpr std::string_view kContexts =
    "/nix(/.*)?                   system_u:object_r:store_t\n"
    "/                       -d   system_u:object_r:root_t\n"
    "/etc(/.*)?                   system_u:object_r:etc_t\n"
    "/usr                    -d   system_u:object_r:usr_t\n"
    "/usr/.*                      system_u:object_r:usr_t\n"
    "/usr/bin/.*                  system_u:object_r:bin_t\n"
    "/usr/bin/web            --   system_u:object_r:web_exec_t\n"
    "/usr/lib/systemd/systemd --  system_u:object_r:init_exec_t\n"
    "/usr/bin/never\\.[ab]    --   system_u:object_r:web_exec_t\n"
    "/run                    -d   <<none>>\n";

constexpr std::string_view kPolicy = R"((policycap nnp_nosuid_transition)
(class file (execute execute_no_trans getattr open read entrypoint))
(class process (transition dyntransition setexec))
(class process2 (nnp_transition))
(classorder (file process process2))
(type kernel_t) (type init_t) (type init_exec_t) (type initrc_t) (type bin_t)
(type web_t) (type web_exec_t) (type usr_t) (type etc_t)
(role system_r) (sensitivity s0) (sensitivityorder (s0))
(sid kernel) (sidorder (kernel))
(sidcontext kernel (system_u system_r kernel_t ((s0) (s0))))
(typetransition kernel_t init_exec_t process init_t)
(allow kernel_t init_t (process (dyntransition)))
(typetransition init_t web_exec_t process web_t)
(typetransition init_t bin_t process initrc_t)
(allow init_t web_exec_t (file (execute getattr open read execute_no_trans)))
(allow init_t web_t (process (transition)))
(allow web_t web_exec_t (file (entrypoint)))
(allow init_t bin_t (file (execute getattr open read)))
(allow init_t initrc_t (process (transition)))
(allow initrc_t bin_t (file (entrypoint)))
(allow init_t init_exec_t (file (execute getattr open read execute_no_trans)))
)";

imagefmt::FileTree make_tree() {
  imagefmt::FileTree tree;
  auto program = [&](const std::string& path, const std::string& text) {
    tree.insert(path, make_regular(Content::from_bytes(text), 0555));
  };
  auto unit = [&](const std::string& name, const std::string& text) {
    tree.insert(kEtc + name, make_regular(Content::from_bytes("[Service]\n" + text)));
  };
  tree.insert(kSystem + "/systemd", make_symlink(kSystemd));
  program(kSystemd + "/lib/systemd/systemd", "\177ELF");
  program(kWeb + "/bin/web", "\177ELF");
  program(kWeb + "/bin/start web", "#! /bin/sh -e\n");
  tree.insert(kSystem + "/sw/bin/web", make_symlink(kWeb + "/bin/web"));
  tree.insert("/usr/bin/tool", make_symlink(kWeb + "/bin/start web"));
  tree.insert("/usr/notes\n", make_regular(Content::from_bytes("x")));
  tree.insert("/run", imagefmt::make_directory());
  unit("web.service",
       "ExecStartPre=-\"" + kWeb + "/bin/start web\"\nExecStart=" + kWeb + "/bin/web\nUser=web\n");
  tree.insert(kEtc + "www.service", make_symlink("web.service"));
  unit("held.service",
       "ExecStart=/run/current-system/sw/bin/web\nDynamicUser=yes\n"
       "ExecStop=+/run/current-system/sw/bin/web\n");
  unit("asked.service", "ExecStart=tool\nSELinuxContext=system_u:system_r:web_t\n");
  unit("strange.service", "ExecStart=tool\nSELinuxContext=no_t\n");
  unit("gone@.service", "ExecStart=/usr/bin/gone\nExecStop=/bin/%i\nExecReload=/etc\n");
  unit("idle.service", "Type=oneshot\n");
  unit("broken.service", "ExecStart=a/b\n");
  unit("own-root.service", "ExecStart=/bin/x\nRootDirectory=/srv\n");
  unit("shell.service", "ExecStart=" + kSystem + "/systemd/lib/systemd/systemd\nPAMName=login\n");
  tree.insert("/etc/systemd/user/agent.service",
              make_regular(Content::from_bytes("[Service]\nExecStart=/usr/bin/tool\n")));
  return tree;
}

LabelsReport make_report() {
  policy::LabelInput input;
  input.contexts = policy::FileContexts::parse({{{"fc", std::string(kContexts)}}, {}});
  input.store_paths = {{kSystem.substr(11), policy::StorePathRole::kToplevel},
                       {kSystemd.substr(11), policy::StorePathRole::kPackage},
                       {kWeb.substr(11), policy::StorePathRole::kPackage}};
  imagefmt::FileTree tree = make_tree();
  imagefmt::SilentReporter reporter;
  policy::label(tree, input, reporter);
  LabelsReport report;
  report.toplevel = kSystem;
  report.contexts = input.contexts;
  report.label_rules = input.label_rules;
  report.coverage = policy::measure_coverage(tree, input);
  report.entry_points =
      find_entry_points(tree, kSystem, policy::PolicyRules::from_cil(kPolicy, "small"));
  report.origins.resize(input.contexts.rules().size());
  for (uint32_t i = 1; i < report.origins.size(); ++i) {
    report.origins[i] = {{"web", "modules/web.cil", policy::ModuleForm::kCil, i + 1}};
  }
  return report;
}

/// A report's text with `|` for tabs.
std::string with_bars(std::string text) {
  std::ranges::replace(text, '\t', '|');
  return text;
}

TEST(LabelsReport, ReadsAsText) {
  EXPECT_EQ(with_bars(labels_text(make_report())), R"(# 36 inodes by label
2|system_u:object_r:bin_t
15|system_u:object_r:etc_t
1|system_u:object_r:init_exec_t
2|system_u:object_r:root_t
7|system_u:object_r:store_t
8|system_u:object_r:usr_t
1|system_u:object_r:web_exec_t

# inodes by rule: 9 of 10 rules decide
7|/nix(/.*)?|-|system_u:object_r:store_t|fc:1
1|/|-d|system_u:object_r:root_t|modules/web.cil line 2
15|/etc(/.*)?|-|system_u:object_r:etc_t|modules/web.cil line 3|catch-all
1|/usr|-d|system_u:object_r:usr_t|modules/web.cil line 4
7|/usr/.*|-|system_u:object_r:usr_t|modules/web.cil line 5|catch-all
2|/usr/bin/.*|-|system_u:object_r:bin_t|modules/web.cil line 6|catch-all
1|/usr/bin/web|--|system_u:object_r:web_exec_t|modules/web.cil line 7
1|/usr/lib/systemd/systemd|--|system_u:object_r:init_exec_t|modules/web.cil line 8
1|/run|-d|<<none>>|modules/web.cil line 10

# 24 inodes that a catch-all rule alone speaks of, by store path
18|/
2|/nix/store/dddddddddddddddddddddddddddddddd-systemd-257
2|/nix/store/ssssssssssssssssssssssssssssssss-system
2|/nix/store/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-web-1.0

# rules that decide nothing, of how many, by module
1|9|web

# units: systemd runs in init_t (/nix/store/dddddddddddddddddddddddddddddddd-systemd-257/lib/systemd/systemd, system_u:object_r:init_exec_t)
# unit, key, program, label, domain, remarks
asked.service|ExecStart|tool|system_u:object_r:bin_t|web_t|a script of /bin/sh; does not start, lacking allow init_t init_t:process setexec; allow web_t bin_t:file entrypoint;
held.service|ExecStop|/run/current-system/sw/bin/web|system_u:object_r:web_exec_t|web_t|-
web.service|ExecStart|/nix/store/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-web-1.0/bin/web|system_u:object_r:web_exec_t|web_t|-

# units that stay in init_t, initrc_t or unconfined_*
held.service|ExecStart|/run/current-system/sw/bin/web|system_u:object_r:web_exec_t|init_t|no_new_privs keeps it from web_t, lacking allow init_t web_t:process2 nnp_transition;
shell.service|ExecStart|/nix/store/ssssssssssssssssssssssssssssssss-system/systemd/lib/systemd/systemd|system_u:object_r:init_exec_t|init_t|its PAM service 'login' may ask for another domain
web.service|ExecStartPre|/nix/store/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-web-1.0/bin/start\040web|system_u:object_r:bin_t|initrc_t|a script of /bin/sh

# units whose domain cannot be told
broken.service|-|-|-|-|/etc/systemd/system/broken.service: line 2: ExecStart: neither an absolute path nor a file name
gone@.service|ExecStart|/usr/bin/gone|-|-|the program is not in the image
gone@.service|ExecReload|/etc|system_u:object_r:etc_t|-|not an executable file
gone@.service|ExecStop|/bin/%i|-|-|specifier '%i' is known at boot alone
idle.service|-|-|-|-|runs no program
own-root.service|ExecStart|/bin/x|-|-|it is executed in a root of its own, '/srv'
strange.service|ExecStart|tool|system_u:object_r:bin_t|-|SELinuxContext=no_t: no context; a script of /bin/sh
user/agent.service|ExecStart|/usr/bin/tool|system_u:object_r:bin_t|-|its systemd is a user's, whose login decides the domain; a script of /bin/sh

# other names of units
www.service|web.service
)");
}

TEST(LabelsReport, IsJson) {
  const std::string text = labels_json_text(make_report());
  size_t last = 0;
  for (const char* key : {"toplevel", "inodes", "by_label", "by_rule", "by_label_rule",
                          "caught_by_catch_all", "idle_rules", "systemd", "units"}) {
    const size_t at = text.find(std::string("\n  \"") + key + "\": ");
    ASSERT_NE(at, std::string::npos) << key;
    EXPECT_GT(at, last) << key;
    last = at;
  }
  EXPECT_THAT(text, HasSubstr(R"(    {
      "pattern": "/usr/bin/web",
      "type": "--",
      "label": "system_u:object_r:web_exec_t",
      "place": "fc:7",
      "origins": [
        {
          "module": "web",
          "file": "modules/web.cil",
          "line": 7
        }
      ],
      "catch_all": false,
      "inodes": 1
    })"));
  EXPECT_THAT(text, HasSubstr(R"(    {
      "path": "/usr/notes\\012",
      "pattern": "/usr/.*"
    })"));
  EXPECT_THAT(text, HasSubstr(R"(  "idle_rules": [
    {
      "module": "web",
      "rules": [
        {
          "pattern": "/usr/bin/never\\.[ab]",
          "type": "--",
          "label": "system_u:object_r:web_exec_t",
          "place": "fc:9",
          "origins": [
            {
              "module": "web",
              "file": "modules/web.cil",
              "line": 9
            }
          ]
        }
      ]
    }
  ],
  "systemd": {
    "file": "/nix/store/dddddddddddddddddddddddddddddddd-systemd-257/lib/systemd/systemd",
    "label": "system_u:object_r:init_exec_t",
    "domain": "init_t"
  },
)"));
  EXPECT_THAT(text, HasSubstr(R"(    {
      "name": "held.service",
      "manager": "system",
      "file": "/etc/systemd/system/held.service",
      "drop_ins": [],
      "aliases": [],
      "selinux_context": null,
      "no_new_privileges": true,
      "commands": [
        {
          "key": "ExecStart",
          "program": "/run/current-system/sw/bin/web",
          "file": "/nix/store/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-web-1.0/bin/web",
          "interpreter": null,
          "label": "system_u:object_r:web_exec_t",
          "domain": "init_t",
          "standing": "unconfined",
          "starts": true,
          "held_from": "web_t",
          "missing": [
            "allow init_t web_t:process2 nnp_transition;"
          ],
          "note": null
        },
        {
          "key": "ExecStop",
          "program": "/run/current-system/sw/bin/web",
          "file": "/nix/store/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-web-1.0/bin/web",
          "interpreter": null,
          "label": "system_u:object_r:web_exec_t",
          "domain": "web_t",
          "standing": "confined",
          "starts": true,
          "held_from": null,
          "missing": [],
          "note": null
        }
      ])"));
}

TEST(LabelsCommand, ExplainsItself) {
  auto run_with = [](const std::vector<std::string>& args, std::string& printed) {
    std::istringstream in;
    std::ostringstream out, err;
    Io io{in, out, err};
    const int status = run(args, io);
    printed = out.str() + err.str();
    return status;
  };
  std::string printed;
  EXPECT_EQ(run_with({"labels", "--help"}, printed), 0);
  EXPECT_THAT(printed, HasSubstr("intaglio labels --closure closure --policy"));
  EXPECT_EQ(run_with({"labels", "--closure", "c"}, printed), 2);
  EXPECT_EQ(printed,
            "intaglio: --policy is required\n"
            "intaglio: 'intaglio labels --help' lists what there is\n");
  EXPECT_EQ(run_with({"labels", "--closure", "/no/closure", "--policy", "p", "--quiet"}, printed),
            1);
}

}  // namespace
}  // namespace builder
