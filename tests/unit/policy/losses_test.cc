// SPDX-License-Identifier: Apache-2.0
//
// What older policy versions cannot hold: CIL that uses each thing, compiled on both sides of the
// edge.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "policy/features.h"
#include "policy/policydb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using tests::error_of;

struct Sample {
  const char* cil;
  uint32_t since;       // the oldest version that holds it
  const char* message;  // what follows `policy version N cannot hold `
  bool droppable = true;
  bool mls = true;
};

class Losses : public testing::TestWithParam<Sample> {};

CompileOptions at_version(uint32_t version, bool allow_lossy = false) {
  CompileOptions options;
  options.version = version;
  options.allow_lossy = allow_lossy;
  return options;
}

TEST_P(Losses, AreRefusedBelowTheEdge) {
  const Sample& sample = GetParam();
  std::string message =
      fmt::format("policy version {} cannot hold {}", sample.since - 1, sample.message);
  const std::string refusal =
      error_of([&] { compile_sample(sample.cil, at_version(sample.since - 1), sample.mls); });
  std::string plain = refusal;
  std::erase(plain, '"');  // of names, which newer versions of libsepol quote
  EXPECT_EQ(plain, message);
  // At the edge nothing is lost: the policy that is read back says the same as at the newest.
  CompiledPolicy held = compile_sample(sample.cil, at_version(sample.since), sample.mls);
  CompiledPolicy newest =
      compile_sample(sample.cil, at_version(newest_policy_version()), sample.mls);
  EXPECT_EQ(parse_policy_version(held.binary, "held"), sample.since);
  // libsepol prints no policy of 20 to 23, and before 24 attributes have no names to compare.
  if (sample.since >= 24) {
    EXPECT_EQ(kernel_policy_to_cil(held.binary, "held"),
              kernel_policy_to_cil(newest.binary, "newest"));
  }

  if (!sample.droppable) {
    EXPECT_EQ(error_of([&] {
                compile_sample(sample.cil, at_version(sample.since - 1, true), sample.mls);
              }),
              message);
    return;
  }
  WarningReporter reporter;
  CompiledPolicy lossy =
      compile(sample_modules(sample.cil, sample.mls), at_version(sample.since - 1, true), reporter);
  EXPECT_EQ(reporter.warnings, std::vector<std::string>{refusal});
  EXPECT_EQ(PolicyDb::from_image(lossy.binary, "lossy").version(), sample.since - 1);
  // It was indeed lost, so the table errs on no side. libsepol prints no 20 to 23.
  if (sample.since - 1 >= 20 && sample.since - 1 <= 23) return;
  EXPECT_TRUE(PolicyFeatures(kernel_policy_to_cil(lossy.binary, "lossy"))
                  .losses_at(sample.since - 1)
                  .empty());
}

const Sample kSamples[] = {
    {"(defaultrange file glblub)", 32,
     "greatest lower bounds of ranges (defaultrange glblub): found 1, the first '(defaultrange "
     "file glblub)'"},
    {"(ibpkeycon fe80:: (0 0x10) (system_u object_r file_t (low low)))\n"
     "(ibendportcon mlx5_0 1 (system_u object_r file_t (low low)))",
     31,
     "InfiniBand contexts (ibpkeycon, ibendportcon): found 2, the first '(ibpkeycon fe80:: (0 16) "
     "(system_u object_r file_t ((s0) (s0))))'"},
    {"(allowx kernel_t file_t (ioctl file (range 0x1000 0x11FF)))", 30,
     "extended permissions (allowx): found 1, the first '(allowx kernel_t file_t (ioctl file "
     "(((range 0x1000 0x11ff)))))'",
     false},
    {"(defaulttype dir source)", 28,
     "default types of new objects (defaulttype): found 1, the first '(defaulttype dir source)'"},
    {"(defaultuser dir source) (defaultrole file target) (defaultrange file source low)", 27,
     "default users, roles and ranges of new objects (defaultuser, defaultrole, defaultrange): "
     "found 3, the first '(defaultuser dir source)'"},
    {"(roletransition system_r file_t process object_r)"
     "(roletransition system_r file_t file object_r)",
     26,
     "role transitions of classes other than process (roletransition): found 1, the first "
     "'(roletransition system_r file_t file object_r)'"},
    {"(roletype object_r a_t) (typetransition a_t file_t file \"a name\" a_t)", 25,
     "file name transitions (typetransition with a name): found 1, the first '(typetransition a_t "
     "file_t file a name a_t)'"},
    {"(typebounds kernel_t a_t) (role a_r) (rolebounds system_r a_r)", 24,
     "bounds (typebounds, rolebounds, userbounds): found 2, the first '(typebounds kernel_t "
     "a_t)'"},
    {"(typepermissive a_t)", 23,
     "permissive types (typepermissive): found 1, the first '(typepermissive a_t)'"},
    {"(policycap open_perms) (policycap network_peer_controls)", 22,
     "policy capabilities (policycap): found 2, the first '(policycap network_peer_controls)'"},
    {"(rangetransition kernel_t file_t file (low low))"
     "(rangetransition kernel_t file_t process (low low))",
     21,
     "range transitions of classes other than process (rangetransition): found 1, the first "
     "'(rangetransition kernel_t file_t file ((s0) (s0)))'"},
    {"(type b_t)", 19, "MLS (mls true): found 1, the first '(mls true)'", false},
    {"(validatetrans file (eq t1 a_t))", 19,
     "transition constraints (validatetrans, mlsvalidatetrans): found 1, the first '(validatetrans "
     "file (eq t1 a_t))'",
     true, false},
    {"(nodecon (fe80::) (ffff::) (system_u object_r file_t (low low)))"
     "(nodecon (127.0.0.1) (255.0.0.0) (system_u object_r file_t (low low)))",
     17,
     "IPv6 nodes (nodecon): found 1, the first '(nodecon (fe80::) (ffff::) (system_u object_r "
     "file_t (systemlow systemlow)))'",
     true, false},
    {"(boolean b true) (booleanif b (true (allow a_t a_t (file (read)))))", 16,
     "booleans and conditional rules (boolean, booleanif): found 2, the first '(boolean b true)'",
     true, false},
};
INSTANTIATE_TEST_SUITE_P(Versions, Losses, testing::ValuesIn(kSamples));

TEST(PolicyFeatures, NamesAllLossesNewestFirst) {
  std::string error = error_of(
      [] { compile_sample("(typepermissive a_t) (policycap open_perms)", at_version(21)); });
  EXPECT_EQ(error,
            "policy version 21 cannot hold permissive types (typepermissive): found 1, the first "
            "'(typepermissive a_t)'\n"
            "policy version 21 cannot hold policy capabilities (policycap): found 1, the first "
            "'(policycap open_perms)'");
}

// libsepol would take those of class process for others, if it were given what its CIL compiler
// leaves.
TEST(Compile, KeepsTransitionsOfProcessesAtOldVersions) {
  std::string more =
      "(roletransition system_r file_t process object_r)"
      "(rangetransition kernel_t file_t process (low low))";
  for (uint32_t version : {25u, 19u}) {
    std::string cil = kernel_policy_to_cil(compile_sample(more, at_version(version)).binary, "old");
    EXPECT_NE(cil.find("(roletransition system_r file_t process object_r)"), std::string::npos);
    EXPECT_NE(cil.find("(rangetransition kernel_t file_t process ((s0) (s0)))"), std::string::npos);
  }
}

// libsepol before 3.8 and 3.9 cannot compile these, but newer ones print them so.
TEST(PolicyFeatures, KnowsWhatThisLibsepolMayNot) {
  PolicyFeatures features(
      "(mls true)\n(typeneveraudit a_t)\n(booleanif b\n    (true\n        (allowx a_t a_t (ioctl "
      "file (0x1)))\n    )\n)\n(allowx a_t a_t (nlmsg netlink_route_socket (0x12)))\n");
  auto messages = [](const std::vector<Loss>& losses) {
    std::vector<std::string> result;
    for (const Loss& loss : losses) {
      result.push_back(loss.message + (loss.droppable ? "" : " (fatal)"));
    }
    return result;
  };
  EXPECT_TRUE(features.losses_at(35).empty());
  EXPECT_EQ(messages(features.losses_at(33)),
            (std::vector<std::string>{
                "policy version 33 cannot hold neveraudit types (typeneveraudit): found 1, the "
                "first '(typeneveraudit a_t)'",
                "policy version 33 cannot hold extended permissions in conditionals (allowx in "
                "booleanif): found 1, the first '(allowx a_t a_t (ioctl file (0x1)))' (fatal)"}));
  EXPECT_TRUE(features.losses_on({6, 13, 0}).empty());
  EXPECT_EQ(messages(features.losses_on({6, 12, 4})),
            (std::vector<std::string>{
                "Linux 6.12.4 may crash on extended permissions of netlink messages (allowx nlmsg, "
                "for Linux 6.13.0 and later): found 1, the first '(allowx a_t a_t (nlmsg "
                "netlink_route_socket (0x12)))'"}));
}

TEST(PolicyFeatures, ReadsQuietlyWhatIsNoStatement) {
  for (const char* text : {"", "\n\n", "(", ")", "   ", "(mls", "(typetransition", "(nodecon )",
                           "(fsuse xattr)", "(roletransition a)"}) {
    PolicyFeatures features(text);
    EXPECT_FALSE(features.mls());
  }
}

TEST(Compile, WarnsOfCapabilitiesThatTheKernelDoesNotKnow) {
  WarningReporter reporter;
  CompileOptions options = at_version(31);
  options.kernel = KernelVersion{5, 4, 0};
  compile(sample_modules("(policycap genfs_seclabel_symlinks) (policycap open_perms)"), options,
          reporter);
  EXPECT_EQ(reporter.warnings,
            std::vector<std::string>{"Linux 5.4.0 ignores policy capability "
                                     "'genfs_seclabel_symlinks', which Linux 5.7.0 brought"});
}

}  // namespace
}  // namespace policy
