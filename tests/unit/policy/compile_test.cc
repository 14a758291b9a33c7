// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "policy/policydb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using tests::error_of;

TEST(Compile, MakesAPolicyAndItsTexts) {
  CompiledPolicy compiled = compile_sample(R"(
(filecon "/b" file (system_u object_r file_t (low low)))
(filecon "HOME_DIR/.x" any (system_u object_r file_t (low low)))
(filecon "/a(/.*)?" any ())
(selinuxuser root system_u lowhigh)
(selinuxuserdefault system_u (low low))
(userprefix system_u system)
(fsuse xattr xfs (system_u object_r file_t (low low)))
(fsuse xattr ext4 (system_u object_r file_t (low low)))
(fsuse trans tmpfs (system_u object_r file_t (low low)))
)");
  EXPECT_EQ(compiled.version, newest_policy_version());
  EXPECT_TRUE(compiled.mls);
  EXPECT_EQ(compiled.file_contexts,
            "/a(/.*)?\t<<none>>\n"
            "HOME_DIR/.x\tsystem_u:object_r:file_t:s0\n"
            "/b\t--\tsystem_u:object_r:file_t:s0\n");
  EXPECT_EQ(compiled.seusers, "root:system_u:s0-s0:c0\n__default__:system_u:s0-s0\n");
  EXPECT_EQ(compiled.user_prefixes, "user system_u prefix system;\n");
  EXPECT_EQ(compiled.xattr_filesystems, (std::vector<std::string>{"ext4", "xfs"}));
  PolicyDb policydb = PolicyDb::from_image(compiled.binary, "policy");
  EXPECT_EQ(policydb.version(), newest_policy_version());
  EXPECT_TRUE(policydb.mls());
  EXPECT_EQ(policydb.xattr_filesystems(), compiled.xattr_filesystems);
}

TEST(Compile, MakesPoliciesWithoutMls) {
  CompiledPolicy compiled = compile_sample("", {}, false);
  EXPECT_FALSE(compiled.mls);
  EXPECT_FALSE(PolicyDb::from_image(compiled.binary, "policy").mls());
}

TEST(Compile, DoesNotDependOnJobs) {
  CompileOptions one, two;
  one.jobs = 1;
  two.jobs = 2;
  std::string more = "(boolean b true) (booleanif b (true (allow a_t a_t (file (read)))))";
  EXPECT_EQ(compile_sample(more, one).binary, compile_sample(more, two).binary);
}

TEST(Compile, RefusesVersionsThatLibsepolDoesNotWrite) {
  for (uint32_t version : {oldest_policy_version() - 1, newest_policy_version() + 1}) {
    CompileOptions options;
    options.version = version;
    EXPECT_EQ(error_of([&] { compile_sample("", options); }),
              fmt::format("cannot write policy version {}: this libsepol writes versions {} to {}",
                          version, oldest_policy_version(), newest_policy_version()));
  }
}

TEST(Compile, RefusesVersionsThatTheKernelDoesNotRead) {
  CompileOptions options;
  options.version = 33;
  options.kernel = KernelVersion{5, 4, 0};
  EXPECT_EQ(error_of([&] { compile_sample("", options); }),
            "cannot use policy version 33: Linux 5.4.0 reads versions up to 31");
}

TEST(Compile, RefusesNoModules) {
  imagefmt::SilentReporter reporter;
  CompileOptions options;
  options.version = newest_policy_version();
  EXPECT_EQ(error_of([&] { compile({}, options, reporter); }),
            "cannot compile policy: there are no modules");
}

struct Mistake {
  const char* cil;
  const char* message;  // what follows `cannot compile policy: `
};

class CompileMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(CompileMistakes, NameFileAndLine) {
  EXPECT_EQ(error_of([&] { compile_sample(GetParam().cil); }),
            std::string("cannot compile policy: ") + GetParam().message);
}

const Mistake kMistakes[] = {
    {"\n(allow kernel_t nosuch_t (file (read)))",
     "Failed to resolve allow statement at folder/more.cil:2: "
     "'(allow kernel_t nosuch_t (file (read)))'"},
    {"; a comment\n\n  (allow kernel_t file_t (file (nosuch)))\n(type z)",
     "Failed to resolve permission nosuch; Failed to resolve allow statement at "
     "folder/more.cil:3: '(allow kernel_t file_t (file (nosuch)))'"},
    {"(type b_t)\n(allow kernel_t",
     "Open parenthesis without matching close at line 2 of "
     "folder/more.cil"},
    {"(type b_t)\nallow x)", "Symbol not inside parenthesis at line 2 of folder/more.cil"},
    {"; (nonsense b)\n(type b_t) (nonsense a)",
     "Error: Unknown keyword nonsense at folder/more.cil:2"},
    {"(type b_t)\n(type kernel_t)",
     "Re-declaration of type kernel_t; Previous declaration of type at folder/more.cil:2: "
     "'(type kernel_t)'; Bad type declaration at folder/more.cil:2: '(type kernel_t)'"},
    {"(policycap nosuchcap)",
     "Invalid policycap (nosuchcap) at folder/more.cil:1: "
     "'(policycap nosuchcap)'"},
    {"(user u)",
     "User u does not have a default level; Invalid user at folder/more.cil:1: "
     "'(user u)'"},
    {"(filecon \"/x\" any (system_u object_r a_t (low low)))",
     "Type a_t is invalid for role object_r; Invalid context; Invalid filecon at "
     "folder/more.cil:1: '(filecon \"/x\" any (system_u object_r a_t (low low)))'"},
    {"(neverallow kernel_t file_t (file (read)))",
     "neverallow check failed at folder/more.cil:1 (neverallow kernel_t file_t (file (read))) "
     "allow at folder/base.cil:30 (allow kernel_t file_t (file (read)))"},
    {"(typebounds a_t kernel_t)",
     "Child type kernel_t exceeds bounds of parent a_t (allow kernel_t file_t (file (read))) "
     "allow at folder/base.cil:30 (allow kernel_t file_t (file (read)))"},
    {"(optional o (allow kernel_t nosuch_t (file (read)))) (call nomacro (a))",
     "Failed to resolve call statement at folder/more.cil:1: "
     "'(optional o (allow kernel_t nosuch_t (file (read)))) (call nomacro (a))'"},
};
INSTANTIATE_TEST_SUITE_P(Cil, CompileMistakes, testing::ValuesIn(kMistakes));

TEST(Compile, NamesEveryNeverallowThatIsViolated) {
  std::string error = error_of([] {
    compile_sample(
        "(neverallow kernel_t file_t (file (read)))\n"
        "(neverallow kernel_t self (dir (read)))\n"
        "(allow kernel_t kernel_t (dir (read)))");
  });
  EXPECT_EQ(error,
            "cannot compile policy: neverallow check failed at folder/more.cil:2 (neverallow "
            "kernel_t self (dir (read))) allow at folder/more.cil:3 (allow kernel_t kernel_t (dir "
            "(read)))\n"
            "cannot compile policy: neverallow check failed at folder/more.cil:1 (neverallow "
            "kernel_t file_t (file (read))) allow at folder/base.cil:30 (allow kernel_t file_t "
            "(file (read)))");
  CompileOptions one_job;
  one_job.jobs = 1;
  EXPECT_EQ(
      error_of([&] { compile_sample("(neverallow kernel_t file_t (file (read)))", one_job); }),
      "cannot compile policy: neverallow check failed at folder/more.cil:1 (neverallow "
      "kernel_t file_t (file (read))) allow at folder/base.cil:30 (allow kernel_t file_t "
      "(file (read)))");
}

TEST(Compile, LeavesOutOptionalsThatDoNotResolve) {
  CompiledPolicy with = compile_sample(
      "(optional o (type o_t) (roletype object_r o_t) (allow kernel_t nosuch_t (file (read))))");
  EXPECT_EQ(with.binary, compile_sample("").binary);
}

TEST(Compile, SurvivesWhatCrashesTheCompiler) {
  // Nesting beyond the depth of the compiler's recursion: an Error, whichever way it ends.
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "(optional o ";
  EXPECT_TRUE(error_of([&] { compile_sample(deep); }).starts_with("cannot compile policy: "));
}

TEST(Compile, SetsBooleans) {
  std::string more =
      "(boolean allow_a true) (boolean allow_b false)\n"
      "(booleanif allow_a (true (allow a_t a_t (file (read)))))";
  CompileOptions options;
  options.booleans = {{"allow_a", false}, {"allow_b", true}};
  CompiledPolicy changed = compile_sample(more, options);
  std::string cil = kernel_policy_to_cil(changed.binary, "policy");
  EXPECT_NE(cil.find("(boolean allow_a false)\n(boolean allow_b true)\n"), std::string::npos);
  cil = kernel_policy_to_cil(compile_sample(more).binary, "policy");
  EXPECT_NE(cil.find("(boolean allow_a true)\n(boolean allow_b false)\n"), std::string::npos);
}

TEST(Compile, RefusesUnknownBooleans) {
  CompileOptions options;
  options.booleans = {{"allowa", true}, {"unlike", true}};
  EXPECT_EQ(
      error_of([&] { compile_sample("(boolean allow_a true) (boolean allow_b true)", options); }),
      "cannot set boolean 'allowa': the policy has none of this name (did you mean 'allow_a' "
      "or 'allow_b'?)\n"
      "cannot set boolean 'unlike': the policy has none of this name");
}

TEST(Compile, HandlesUnknownPermissionsAsTold) {
  auto cil_of = [](std::optional<HandleUnknown> handle_unknown) {
    CompileOptions options;
    options.handle_unknown = handle_unknown;
    return kernel_policy_to_cil(compile_sample("", options).binary, "policy");
  };
  EXPECT_NE(cil_of({}).find("(handleunknown allow)"), std::string::npos);
  EXPECT_NE(cil_of(HandleUnknown::kAllow).find("(handleunknown allow)"), std::string::npos);
  EXPECT_NE(cil_of(HandleUnknown::kDeny).find("(handleunknown deny)"), std::string::npos);
  EXPECT_NE(cil_of(HandleUnknown::kReject).find("(handleunknown reject)"), std::string::npos);
}

TEST(Compile, LeavesOutDontaudits) {
  std::string more = "(dontaudit a_t file_t (file (write)))";
  CompileOptions options;
  options.disable_dontaudit = true;
  auto has_dontaudit = [](const CompiledPolicy& compiled) {
    return kernel_policy_to_cil(compiled.binary, "policy").find("(dontaudit ") != std::string::npos;
  };
  EXPECT_TRUE(has_dontaudit(compile_sample(more)));
  EXPECT_FALSE(has_dontaudit(compile_sample(more, options)));
}

}  // namespace
}  // namespace policy
