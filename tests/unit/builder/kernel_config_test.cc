// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_config.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using tests::error_of;

TEST(KernelConfig, TellsSetFromUnsetFromUnknown) {
  const KernelConfig config = KernelConfig::parse(
      "#\n# Linux/x86 6.12.41 Kernel Configuration\n#\n\n# CONFIG_A is not set\nCONFIG_LSM_X=y\n"
      "CONFIG_LSM=\"yama,bpf\"\nCONFIG_B=m\nCONFIG_C=\"say \\\"x\\\\\"\nCONFIG_D=\"\"\nCONFIG_E=\n"
      "CONFIG_F=n\nCONFIG_G=-12\nCONFIG_H=0x1000\n# CONFIG_9P is not set\n# end of CONFIG_I\n"
      "CONFIG_Ab_1=y",
      ".config");
  EXPECT_EQ(config.value("LSM"), "yama,bpf");
  EXPECT_EQ(config.value("LSM_X"), "y");
  EXPECT_EQ(config.value("B"), "m");
  EXPECT_EQ(config.value("C"), "say \"x\\");
  EXPECT_EQ(config.value("D"), "");
  EXPECT_EQ(config.value("E"), "");
  EXPECT_EQ(config.value("G"), "-12");
  EXPECT_EQ(config.value("H"), "0x1000");
  EXPECT_EQ(config.value("Ab_1"), "y") << "no line break at the end";
  for (const char* unset : {"A", "F", "9P"}) {
    ASSERT_NE(config.find(unset), nullptr) << unset;
    EXPECT_EQ(config.find(unset)->value, std::nullopt) << unset;
  }
  for (const char* unknown : {"", "CONFIG_A", "I", "LS", "Z"}) {
    EXPECT_EQ(config.find(unknown), nullptr) << unknown;
  }
  EXPECT_FALSE(config.is_set("A"));
  EXPECT_TRUE(config.is_set("B"));
  EXPECT_EQ(KernelConfig::parse("", "empty").find("A"), nullptr);
}

TEST(KernelConfig, RefusesWhatKconfigDoesNotWrite) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"CONFIG_A=yes", "c:1: expected y, m, n, a number or a string, found 'yes'"},
      {"\nCONFIG_A=y ", "c:2: expected y, m, n, a number or a string, found 'y '"},
      {"CONFIG_A=y\r\n", "c:1: expected y, m, n, a number or a string, found 'y\\015'"},
      {"CONFIG_A=0x", "c:1: expected y, m, n, a number or a string, found '0x'"},
      {"CONFIG_A=-", "c:1: expected y, m, n, a number or a string, found '-'"},
      {"CONFIG_A=1.5", "c:1: expected y, m, n, a number or a string, found '1.5'"},
      {"CONFIG_A=\"x", "c:1: expected a string up to the end of the line, found '\"x'"},
      {"CONFIG_A=\"x\\\"", "c:1: expected a string up to the end of the line, found '\"x\\134\"'"},
      {"CONFIG_A=\"x\"y", "c:1: expected a string up to the end of the line, found '\"x\"y'"},
      {"CONFIG_A=\"", "c:1: expected a string up to the end of the line, found '\"'"},
      {"CONFIG_A", "c:1: expected CONFIG_…=…, found 'CONFIG_A'"},
      {"A=y", "c:1: expected CONFIG_…=…, found 'A=y'"},
      {" CONFIG_A=y", "c:1: expected CONFIG_…=…, found ' CONFIG_A=y'"},
      {"CONFIG_=y", "c:1: '' is no name of an option"},
      {"CONFIG_A-B=y", "c:1: 'A-B' is no name of an option"},
      {"# CONFIG_A B is not set", "c:1: 'A B' is no name of an option"},
      {"CONFIG_A=y\nCONFIG_B=y\n# CONFIG_A is not set\n",
       "c:3: CONFIG_A is there twice, first in line 1"},
      {"CONFIG_A=y\nA\nCONFIG_A=y\nB\n",
       "c:2: expected CONFIG_…=…, found 'A'\nc:4: expected CONFIG_…=…, found 'B'\n"
       "c:3: CONFIG_A is there twice, first in line 1"},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(error_of([&] { KernelConfig::parse(one.text, "c"); }), one.message) << one.text;
  }
}

TEST(KernelConfig, GivesUpOnWhatIsNoConfiguration) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "not a configuration\n";
  const std::string message = error_of([&] { KernelConfig::parse(text, "c"); });
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 49);
}

}  // namespace
}  // namespace builder
