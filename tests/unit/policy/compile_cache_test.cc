// SPDX-License-Identifier: Apache-2.0
#include "policy/compile_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using imagefmt::read_file;
using imagefmt::write_file;
namespace fs = std::filesystem;

/// Which stages there were, beside the warnings.
class Stages : public WarningReporter {
 public:
  void begin(std::string_view stage, uint64_t, std::string_view) noexcept override {
    names.emplace_back(stage);
  }
  std::vector<std::string> names;
};

const std::vector<std::string> kCompiles = {"reading policy modules", "compiling policy"};
const std::vector<std::string> kFinds = {"reading the compiled policy"};

class CompileCache : public testing::Test {
 protected:
  CompileCache() {
    options.version = 31;
    options.kernel = KernelVersion{4, 19, 0};
  }
  CompiledPolicy compile(const std::string& more = kMore) {
    reporter = {};
    return compile_cached(cache, sample_modules(more), options, reporter);
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache)) {
      names.push_back(entry.path());
    }
    return names;
  }
  void expect_warning(const std::string& warning) {
    EXPECT_EQ(reporter.names.back(), kCompiles.back());
    EXPECT_EQ(reporter.warnings, std::vector<std::string>{warning});
  }

  static constexpr const char* kMore =
      "(boolean b false) (filecon \"/x\" file (system_u object_r file_t (low low)))";
  tests::TempDir folder;
  std::string cache = folder / "new/cache";
  CompileOptions options;
  Stages reporter;
};

void expect_equal(const CompiledPolicy& a, const CompiledPolicy& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.mls, b.mls);
  EXPECT_EQ(a.binary, b.binary);
  EXPECT_EQ(a.file_contexts, b.file_contexts);
  EXPECT_EQ(a.seusers, b.seusers);
  EXPECT_EQ(a.user_prefixes, b.user_prefixes);
  EXPECT_EQ(a.xattr_filesystems, b.xattr_filesystems);
}

TEST_F(CompileCache, GivesWhatCompilingGives) {
  // A capability that the kernel does not know is a warning.
  const std::string more = std::string(kMore) +
                           "(policycap genfs_seclabel_symlinks)"
                           "(fsuse xattr ext4 (system_u object_r file_t (low low)))";
  imagefmt::SilentReporter silent;
  const CompiledPolicy expected = policy::compile(sample_modules(more), options, silent);
  expect_equal(compile(more), expected);
  EXPECT_EQ(reporter.names, kCompiles);
  const std::vector<std::string> warnings = reporter.warnings;
  EXPECT_EQ(warnings.size(), 1u);
  expect_equal(compile(more), expected);
  EXPECT_EQ(reporter.names, kFinds);
  EXPECT_EQ(reporter.warnings, warnings);
}

TEST_F(CompileCache, KeepsEachInputApart) {
  compile();
  size_t expected = 1;
  auto differs = [&](auto change, const std::string& more = kMore) {
    const CompileOptions before = options;
    change();
    compile(more);
    EXPECT_EQ(reporter.names, kCompiles);
    compile(more);
    EXPECT_EQ(reporter.names, kFinds);
    EXPECT_EQ(entries().size(), ++expected);
    options = before;
  };
  differs([] {}, std::string(kMore) + " ");
  differs([&] { options.version = 30; });
  differs([&] { options.kernel = KernelVersion{4, 19, 1}; });
  differs([&] { options.kernel.reset(); });
  differs([&] { options.allow_lossy = true; });
  differs([&] { options.disable_dontaudit = true; });
  differs([&] { options.handle_unknown = HandleUnknown::kDeny; });
  differs([&] { options.handle_unknown = HandleUnknown::kReject; });
  differs([&] { options.booleans["b"] = true; });
  differs([&] { options.booleans["b"] = false; });

  // What changes no byte of the policy counts for nothing.
  options.jobs = 3;
  compile();
  EXPECT_EQ(reporter.names, kFinds);
  std::vector<Module> modules = sample_modules(kMore);
  modules[1].path = "elsewhere/more.cil";
  reporter = {};
  compile_cached(cache, modules, options, reporter);
  EXPECT_EQ(reporter.names, kFinds);
  modules[1].name = "other";
  reporter = {};
  compile_cached(cache, modules, options, reporter);
  EXPECT_EQ(reporter.names, kCompiles);
}

TEST_F(CompileCache, MendsWhatIsDamaged) {
  const CompiledPolicy expected = compile();
  const std::string file = entries().at(0), good = read_file(file);
  auto damage = [&](const std::string& bytes, const std::string& reason) {
    write_file(file, bytes);
    expect_equal(compile(), expected);
    expect_warning(fmt::format("the policy is compiled anew: cannot use '{}': {}", file, reason));
    EXPECT_EQ(read_file(file), good);
  };
  const std::string no_digest = "its digest is not that of its bytes";
  damage("", "not a compiled policy of intaglio");
  damage("allow everything", "not a compiled policy of intaglio");
  damage(good.substr(0, 25), no_digest);
  damage(good.substr(0, good.size() - 1), no_digest);
  damage(good + '\0', no_digest);
  for (const size_t at : {size_t{30}, good.size() / 2, good.size() - 1}) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    damage(flipped, no_digest);
  }
}

TEST_F(CompileCache, CostsTimeAloneWhereItCannotBeUsed) {
  const CompiledPolicy expected = compile();
  const std::string file = entries().at(0);
  fs::remove(file);
  fs::create_directory(file);
  expect_equal(compile(), expected);
  EXPECT_EQ(reporter.names.back(), kCompiles.back());
  EXPECT_EQ(reporter.warnings,
            (std::vector<std::string>{
                fmt::format("the policy is compiled anew: cannot read '{}': Is a directory", file),
                fmt::format("the compiled policy is not kept: cannot write '{}': what stands there "
                            "is no regular file",
                            file)}));

  cache = folder / "file";
  write_file(cache, "");
  expect_equal(compile(), expected);
  expect_warning(fmt::format(
      "the compiled policy is not kept: cannot create folder '{}': Not a directory", cache));
}

TEST_F(CompileCache, IsSharedByProcesses) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      imagefmt::SilentReporter silent;
      const bool done = compile_cached(cache, sample_modules(kMore), options, silent).version == 31;
      _exit(done ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries().size(), 1u);
  compile();
  EXPECT_EQ(reporter.names, kFinds);
  EXPECT_TRUE(reporter.warnings.empty());
}

TEST_F(CompileCache, KeepsNoFailures) {
  for (int i = 0; i < 2; ++i) {
    const std::string error =
        tests::error_of([&] { compile("(allow a_t nothing (file (read)))"); });
    EXPECT_TRUE(error.starts_with("cannot compile policy: ")) << error;
  }
  EXPECT_FALSE(fs::exists(cache));
}

}  // namespace
}  // namespace policy
