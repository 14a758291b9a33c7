// SPDX-License-Identifier: Apache-2.0
#include "policy/execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

std::string policy_text(std::string_view capability) {
  return std::string(capability) + R"(
(class file (execute execute_no_trans getattr open read entrypoint))
(class process (transition dyntransition setexec))
(class process2 (nnp_transition))
(classorder (file process process2))
(type kernel_t) (type init_t) (type init_exec_t)
(type web_t) (type web_exec_t) (type child_t) (type child_exec_t) (type bin_t) (type rc_exec_t)
(typebounds init_t child_t)
(role r) (sensitivity s0) (sensitivityorder (s0))
(sid kernel) (sidorder (kernel)) (sidcontext kernel (u r kernel_t ((s0) (s0))))
(typetransition kernel_t init_exec_t process init_t)
(typetransition kernel_t rc_exec_t process web_t)
(allow kernel_t init_t (process (dyntransition)))
(typetransition init_t web_exec_t process web_t)
(allow init_t web_exec_t (file (execute getattr open read execute_no_trans)))
(allow init_t web_t (process (transition)))
(allow web_t web_exec_t (file (entrypoint)))
(typetransition init_t child_exec_t process child_t)
(allow init_t child_exec_t (file (execute getattr open read)))
(allow init_t bin_t (file (execute getattr open read execute_no_trans)))
)";
}

PolicyRules rules(std::string_view capability = "(policycap nnp_nosuid_transition)") {
  return PolicyRules::from_cil(policy_text(capability), "small");
}

std::vector<std::string> missing_of(const Execution& execution) {
  std::vector<std::string> texts;
  for (const MissingAccess& access : execution.missing) texts.push_back(to_string(access));
  return texts;
}

TEST(Execution, FollowsTheTypeTransition) {
  const Execution execution = find_execution(rules(), {"init_t", "web_exec_t", "", false});
  EXPECT_EQ(execution.domain, "web_t");
  EXPECT_EQ(execution.held_from, "");
  EXPECT_THAT(missing_of(execution), IsEmpty());
  EXPECT_TRUE(execution.starts());
}

TEST(Execution, StaysWhereNoTransitionIs) {
  Execution execution = find_execution(rules(), {"init_t", "bin_t", "", false});
  EXPECT_EQ(execution.domain, "init_t");
  EXPECT_TRUE(execution.starts());
  execution = find_execution(rules(), {"init_t", "rc_exec_t", "", false});
  EXPECT_EQ(execution.domain, "init_t");
  EXPECT_THAT(
      missing_of(execution),
      ElementsAre("allow init_t rc_exec_t:file { execute execute_no_trans getattr open read };"));
  EXPECT_FALSE(execution.starts());
}

TEST(Execution, NamesWhatATransitionLacks) {
  const Execution execution = find_execution(rules(), {"init_t", "child_exec_t", "", false});
  EXPECT_EQ(execution.domain, "child_t");
  EXPECT_THAT(missing_of(execution), ElementsAre("allow child_t child_exec_t:file entrypoint;",
                                                 "allow init_t child_t:process transition;"));
}

TEST(Execution, PrefersTheDomainThatWasAskedFor) {
  const Execution execution = find_execution(rules(), {"init_t", "bin_t", "web_t", false});
  EXPECT_EQ(execution.domain, "web_t");
  EXPECT_THAT(missing_of(execution), ElementsAre("allow init_t init_t:process setexec;",
                                                 "allow web_t bin_t:file entrypoint;"));
  EXPECT_EQ(error_of([&] {
              find_execution(rules(), {"init_t", "bin_t", "no_t", false});
            }),
            "unknown type 'no_t'");
}

TEST(Execution, IsHeldBackByNoNewPrivileges) {
  Execution execution = find_execution(rules(), {"init_t", "web_exec_t", "", true});
  EXPECT_EQ(execution.domain, "init_t");
  EXPECT_EQ(execution.held_from, "web_t");
  EXPECT_THAT(missing_of(execution), ElementsAre("allow init_t web_t:process2 nnp_transition;"));
  EXPECT_TRUE(execution.starts());

  // Allowed, or into a domain that its own bounds.
  const std::string allowed = policy_text("(policycap nnp_nosuid_transition)") +
                              "(allow init_t web_t (process2 (nnp_transition)))\n";
  execution =
      find_execution(PolicyRules::from_cil(allowed, "small"), {"init_t", "web_exec_t", "", true});
  EXPECT_EQ(execution.domain, "web_t");
  EXPECT_TRUE(execution.starts());
  EXPECT_EQ(find_execution(rules(), {"init_t", "child_exec_t", "", true}).domain, "child_t");

  // Without the capability, bounds alone count.
  execution = find_execution(
      PolicyRules::from_cil(policy_text("") + "(allow init_t web_t (process2 (nnp_transition)))\n",
                            "small"),
      {"init_t", "web_exec_t", "", true});
  EXPECT_EQ(execution.held_from, "web_t");

  // What was asked for is refused.
  execution = find_execution(rules(), {"init_t", "web_exec_t", "web_t", true});
  EXPECT_EQ(execution.domain, "web_t");
  EXPECT_FALSE(execution.starts());
}

TEST(Execution, LeavesToHandleUnknownWhatThePolicyDoesNotHave) {
  auto small = [](const std::string& handle_unknown) {
    return PolicyRules::from_cil("(handleunknown " + handle_unknown + R"()
(class file (read)) (classorder (file)) (type init_t) (type bin_t)
(allow init_t bin_t (file (read)))
)",
                                 "small");
  };
  Execution execution = find_execution(small("allow"), {"init_t", "bin_t", "", false});
  EXPECT_EQ(execution.domain, "init_t");
  EXPECT_TRUE(execution.starts());
  execution = find_execution(small("deny"), {"init_t", "bin_t", "", false});
  EXPECT_THAT(missing_of(execution),
              ElementsAre("allow init_t bin_t:file { execute execute_no_trans getattr open };"));
}

TEST(Execution, DerivesTheFirstDomain) {
  EXPECT_EQ(find_init_domain(rules(), "init_exec_t"), "init_t");
  EXPECT_EQ(find_init_domain(rules(), "bin_t"), "kernel_t");      // no transition
  EXPECT_EQ(find_init_domain(rules(), "rc_exec_t"), "kernel_t");  // no dyntransition
  EXPECT_EQ(error_of([] {
              find_init_domain(PolicyRules::from_cil("(class process (transition))\n"
                                                     "(classorder (process))\n(type bin_t)\n",
                                                     "small"),
                               "bin_t");
            }),
            "cannot tell the first process's domain: the policy has no initial SID 'kernel'");
}

}  // namespace
}  // namespace policy
