// SPDX-License-Identifier: Apache-2.0
#include "policy/module_cil.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/file.h"
#include "policy/compile.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using tests::error_of;
using tests::TempDir;

constexpr const char* kSource = R"(module sample 1.0;
require {
  type etc_t;
  class file { read write };
  role object_r;
}
type sample_t;
type sample_exec_t;
role object_r types sample_t;
bool sample_may_write false;
allow sample_t etc_t:file read;
if (sample_may_write) {
  allow sample_t etc_t:file write;
}
optional {
  require { type other_t; }
  allow sample_t other_t:file read;
}
)";

std::vector<std::string> convert(std::vector<Module> modules, unsigned jobs = 2) {
  imagefmt::SilentReporter reporter;
  return convert_to_cil(modules, jobs, reporter);
}

Module package(const std::string& name, std::string bytes) {
  return {name, "folder/" + name + ".pp", kFolderPriority, ModuleForm::kPackage, std::move(bytes)};
}

/// Packages made by the tools that make everybody's.
class Packages : public testing::Test {
 protected:
  void SetUp() override {
    if (system("command -v checkmodule semodule_package >/dev/null") != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "checkmodule or semodule_package is missing";
      GTEST_SKIP() << "checkmodule or semodule_package is missing";
    }
    bytes_ = build("-M", ":s0");
  }

  /// With checkmodule's option and the level in its context.
  static std::string build(const std::string& option, const std::string& level) {
    TempDir folder;
    imagefmt::write_file(folder / "sample.te", kSource);
    imagefmt::write_file(folder / "sample.fc",
                         "/opt/sample\t--\tsystem_u:object_r:sample_exec_t" + level + "\n");
    std::string command = "cd " + folder.path() + " && checkmodule " + option +
                          " -m -o sample.mod sample.te >/dev/null"
                          " && semodule_package -o sample.pp -m sample.mod -f sample.fc";
    if (system(command.c_str()) != 0) throw std::runtime_error("no module from: " + command);
    return imagefmt::read_file(folder / "sample.pp");
  }

  std::string bytes_;
};

TEST_F(Packages, BecomeCil) {
  std::string cil = convert({package("sample", bytes_)}).at(0);
  for (const char* statement :
       {"(type sample_t)", "(allow sample_t etc_t (file (read)))",
        "(boolean sample_may_write false)", "(optional sample_optional_2",
        "(filecon \"/opt/sample\" file (system_u object_r sample_exec_t ((s0) (s0))))"}) {
    EXPECT_NE(cil.find(statement), std::string::npos) << statement << " not in\n" << cil;
  }
}

TEST_F(Packages, KeepTheirPlacesWhateverTheJobs) {
  std::vector<Module> modules;
  std::vector<std::string> expected;
  std::string cil = convert({package("sample", bytes_)}).at(0);
  for (int i = 0; i < 40; ++i) {
    std::string name = std::to_string(i);
    if (i % 3 == 0) {
      modules.push_back(package(name, bytes_));
      expected.push_back(cil);
    } else {
      modules.push_back({name, name + ".cil", kFolderPriority, ModuleForm::kCil, "; " + name});
      expected.push_back("; " + name);
    }
  }
  EXPECT_EQ(convert(modules, 1), expected);
  EXPECT_EQ(convert(modules, 4), expected);
}

TEST_F(Packages, AreReportedTogetherIfDamaged) {
  std::string error = error_of([&] {
    convert({package("a", "(type a)"), package("b", bytes_), package("c", "xy"),
             package("d", bytes_.substr(0, 200))});
  });
  EXPECT_THAT(error, testing::StartsWith(
                         "cannot read policy module 'folder/a.pp': not a module package: expected "
                         "magic 0xf97cff8f, found 0x70797428\n"
                         "cannot read policy module 'folder/c.pp': not a module package: 2 bytes\n"
                         "cannot read policy module 'folder/d.pp': offset greater than file size"));
}

TEST_F(Packages, WithoutLevelsAreRefusedByAnMlsPolicy) {
  auto error = [](bool mls, const std::string& bytes) {
    std::vector<Module> modules = sample_modules("", mls);
    for (const char* name : {"one", "two"}) modules.push_back(package(name, bytes));
    return error_of([&] { convert(modules); });
  };
  const std::string plain = build("", "");
  EXPECT_EQ(error(true, plain),
            "cannot use policy module 'folder/one.pp': it names contexts without levels, and the "
            "policy is MLS; compile it with 'checkmodule -M'\n"
            "cannot use policy module 'folder/two.pp': it names contexts without levels, and the "
            "policy is MLS; compile it with 'checkmodule -M'");
  EXPECT_EQ(error(true, bytes_), "(no error)");
  EXPECT_EQ(error(false, plain), "(no error)");
  // Its levels are dropped, as semodule does it: tests/oracle/flavours.
  EXPECT_EQ(error(false, bytes_), "(no error)");
}

/// Where the last section begins: file contexts, which may end anywhere, as no length is kept.
size_t last_section(const std::string& bytes) {
  imagefmt::Cursor cursor(imagefmt::as_bytes(bytes), "package");
  cursor.take(8);
  uint32_t sections = cursor.take_struct<imagefmt::le32>(), offset = 0;
  while (sections--) offset = cursor.take_struct<imagefmt::le32>();
  return offset;
}

TEST_F(Packages, ThatRequireWhatIsNotThereAreNamed) {
  std::vector<Module> modules =
      sample_modules("(typeattribute cil_gen_require) (roleattribute cil_gen_require)");
  modules.push_back(package("sample", bytes_));
  imagefmt::SilentReporter reporter;
  CompileOptions options;
  options.version = newest_policy_version();
  std::string error = error_of([&] { compile(modules, options, reporter); });
  EXPECT_THAT(error,
              testing::StartsWith("cannot compile policy: Failed to resolve typeattributeset "
                                  "statement at folder/sample.pp (as CIL):"));
  EXPECT_THAT(error, testing::EndsWith(": '(typeattributeset cil_gen_require etc_t)'"));
}

TEST_F(Packages, SurviveDamage) {
  auto expect_named = [](const std::string& bytes, const std::string& how) {
    std::string error = error_of([&] { convert({package("x", bytes)}); });
    if (error == "(no error)") return false;
    EXPECT_TRUE(error.starts_with("cannot read policy module 'folder/x.pp': ")) << how << error;
    EXPECT_GT(error.size(), std::string("cannot read policy module 'folder/x.pp': ").size());
    return true;
  };
  size_t end = last_section(bytes_);
  for (size_t size = 0; size < end; size += 1 + end / 60) {
    std::string how = "cut at " + std::to_string(size) + ": ";
    EXPECT_TRUE(expect_named(bytes_.substr(0, size), how)) << how;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 150; ++round) {
    std::string damaged = bytes_;
    for (int flips = 0; flips < 3; ++flips) {
      damaged[random() % damaged.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    expect_named(damaged, "round " + std::to_string(round) + ": ");
  }
}

TEST_F(Packages, OneThatEndsTheReaderSparesItsNeighbours) {
  // A sound package among damaged ones is still converted, and only the damaged ones are named.
  std::mt19937 random(11);
  std::vector<Module> modules;
  for (int i = 0; i < 24; ++i) {
    std::string damaged = bytes_;
    if (i % 2) damaged[100 + random() % (damaged.size() - 100)] ^= '\xff';
    modules.push_back(package(std::to_string(i), damaged));
  }
  std::string error = error_of([&] { convert(modules); });
  for (int i = 0; i < 24; i += 2) {
    EXPECT_EQ(error.find("'folder/" + std::to_string(i) + ".pp'"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace policy
