// SPDX-License-Identifier: Apache-2.0
//
// tests/oracle/setools holds every component against setools itself.
#include "policy/policy_info.h"

#include <gtest/gtest.h>

#include "policy/ip_network.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace policy {
namespace {

using tests::error_of;

std::string info(InfoQuery query) {
  static const PolicyRules rules = PolicyRules::from_image(
      tests::compile_small_policy(tests::web_policy_cil(), 33).binary, "web");
  return describe_policy(rules, "web.33", query);
}

std::string flat(Component component, std::string limit = "") {
  InfoQuery query;
  query.components[component] = std::move(limit);
  query.expand = query.flat = true;
  return info(query);
}

TEST(PolicyInfo, CountsWhatThereIs) {
  EXPECT_EQ(info({}),
            "Statistics for policy file: web.33\n"
            "Policy Version:             33 (MLS enabled)\n"
            "Target Policy:              selinux\n"
            "Handle unknown classes:     allow\n"
            "  Classes:               4    Permissions:          10\n"
            "  Sensitivities:         2    Categories:            4\n"
            "  Types:                 8    Attributes:            3\n"
            "  Users:                 1    Roles:                 2\n"
            "  Booleans:              3    Cond. Expr.:           2\n"
            "  Allow:                13    Neverallow:            0\n"
            "  Auditallow:            0    Dontaudit:             1\n"
            "  Type_trans:            5    Type_change:           0\n"
            "  Type_member:           0    Range_trans:           1\n"
            "  Role allow:            1    Role_trans:            1\n"
            "  Constraints:           1    Validatetrans:         0\n"
            "  MLS Constrain:         1    MLS Val. Tran:         0\n"
            "  Permissives:           1    Polcap:                1\n"
            "  Defaults:              1    Typebounds:            1\n"
            "  Allowxperm:            1    Neverallowxperm:       0\n"
            "  Auditallowxperm:       0    Dontauditxperm:        0\n"
            "  Ibendportcon:          0    Ibpkeycon:             0\n"
            "  Initial SIDs:          1    Fs_use:                1\n"
            "  Genfscon:              1    Portcon:               1\n"
            "  Netifcon:              0    Nodecon:               1\n");
}

TEST(PolicyInfo, ListsComponentsInTheirOrder) {
  InfoQuery query;
  query.components = {{Component::kUsers, ""}, {Component::kBooleans, ""}};
  EXPECT_EQ(info(query),
            "\nBooleans: 3\n   audit\n   web_jobs\n   web_logs\n"
            "\nUsers: 1\n   system_u\n");
  query.components = {{Component::kTypes, "no_such_t"}};
  EXPECT_EQ(info(query), "\nTypes: 0\n");
}

TEST(PolicyInfo, WritesWholeStatements) {
  EXPECT_EQ(flat(Component::kBooleans, "web_logs"), "bool web_logs true;\n");
  EXPECT_EQ(flat(Component::kCategories, "blue"), "category c2 alias blue;\n");
  EXPECT_EQ(flat(Component::kClasses, "file"), "class file\ninherits file\n{\n\tentrypoint\n}\n");
  EXPECT_EQ(flat(Component::kCommons),
            "common file\n{\n\texecute\n\tgetattr\n\topen\n\tread\n\twrite\n}\n");
  EXPECT_EQ(flat(Component::kConstraints),
            "constrain process transition (u1 == u2 or ( t1 == { init_t web_t }  )); \n"
            "mlsconstrain file { read write } (l1 dom l2); \n");
  EXPECT_EQ(flat(Component::kDefaults), "default_range file target low_high;\n");
  EXPECT_EQ(flat(Component::kFsUse), "fs_use_xattr ext4 system_u:object_r:log_t:s0;\n");
  EXPECT_EQ(flat(Component::kGenfscon), "genfscon proc /net -d system_u:object_r:log_t:s0\n");
  EXPECT_EQ(flat(Component::kInitialSids), "sid kernel system_u:sys_r:init_t:s0 - s1:c0\n");
  EXPECT_EQ(flat(Component::kNodecon), "nodecon 10.0.0.0 255.0.0.0 system_u:object_r:log_t:s0\n");
  EXPECT_EQ(flat(Component::kNodecon, "10.0.0.0/8"), flat(Component::kNodecon));
  EXPECT_EQ(flat(Component::kNodecon, "10.0.0.0/9"), "");
  EXPECT_EQ(flat(Component::kPermissiveTypes), "type job_t, domain;\n");
  EXPECT_EQ(flat(Component::kCapabilities), "policycap open_perms;\n");
  EXPECT_EQ(flat(Component::kPortcon, "81"), "portcon tcp 80-81 system_u:object_r:log_t:s0\n");
  EXPECT_EQ(flat(Component::kPortcon, "81-82"), "");
  EXPECT_EQ(flat(Component::kRoles, "sys_r"), "role sys_r types { init_t web_t };\n");
  EXPECT_EQ(flat(Component::kTypebounds), "typebounds web_t alone_t;\n");
  EXPECT_EQ(flat(Component::kTypes, "httpd_t"), "type web_t alias httpd_t, domain;\n");
  EXPECT_EQ(flat(Component::kAttributes, "exec_type"),
            "attribute exec_type;\n\tjob_exec_t\n\tweb_exec_t\n");
  EXPECT_EQ(flat(Component::kAttributes, "nothing"), "attribute nothing;\n\t<empty attribute>\n");
  EXPECT_EQ(flat(Component::kUsers),
            "user system_u roles sys_r level s0 range s0 - s1:c0,c2.c3;\n");
}

TEST(PolicyInfo, RefusesLimitsThatMakeNoSense) {
  EXPECT_EQ(error_of([] { flat(Component::kConstraints, "x"); }), "unknown class 'x'");
  EXPECT_EQ(error_of([] { flat(Component::kPortcon, "http"); }), "no port number: 'http'");
  EXPECT_EQ(error_of([] { flat(Component::kIbpkeycon, "0x"); }), "no pkey: '0x'");
  EXPECT_EQ(error_of([] { flat(Component::kNodecon, "10.0.0/8"); }), "no network: '10.0.0/8'");
  EXPECT_EQ(error_of([] { flat(Component::kNodecon, "10.0.0.0/33"); }),
            "no network: '10.0.0.0/33'");
}

TEST(IpNetwork, WritesTheShortestForm) {
  auto text = [](const char* address, const char* mask) {
    IpNetwork network = parse_network(address, mask);
    return address_text(network) + " " + mask_text(network);
  };
  EXPECT_EQ(text("10.1.2.3", "255.255.0.0"), "10.1.0.0 255.255.0.0");
  EXPECT_EQ(text("10.1.2.3", "0"), "0.0.0.0 0.0.0.0");
  EXPECT_EQ(text("::", ""), ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(text("::1", "64"), ":: ffff:ffff:ffff:ffff::");
  EXPECT_EQ(text("2001:db8:0:0:1:0:0:1", "128"),
            "2001:db8::1:0:0:1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(text("::ffff:1.2.3.4", "").substr(0, 14), "::ffff:102:304");
  EXPECT_EQ(text("1:0:2:3:4:5:6:7", "").substr(0, 15), "1:0:2:3:4:5:6:7");
  EXPECT_EQ(text("1:2::", "32"), "1:2:: ffff:ffff::");
}

}  // namespace
}  // namespace policy
