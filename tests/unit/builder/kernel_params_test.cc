// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_params.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using tests::error_of;

std::string round_trip(std::string_view line) {
  return serialize_kernel_params(parse_kernel_params(line));
}

TEST(KernelParams, AreSplitAsTheKernelDoes) {
  const KernelParams params = parse_kernel_params(
      " quiet\tconsole=ttyS0,115200  dyndbg=\"file a.c +p\" \"x=y z\" =odd=1 empty= a=b=c\n");
  struct Expected {
    std::string name;
    std::optional<std::string> value;
  };
  const Expected expected[] = {{"quiet", std::nullopt},
                               {"console", "ttyS0,115200"},
                               {"dyndbg", "file a.c +p"},
                               {"x", "y z"},
                               {"=odd", "1"},
                               {"empty", ""},
                               {"a", "b=c"}};
  ASSERT_EQ(params.params.size(), std::size(expected));
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(params.params[i].name, expected[i].name);
    EXPECT_EQ(params.params[i].value, expected[i].value);
  }
  EXPECT_EQ(serialize_kernel_params(params),
            "quiet console=ttyS0,115200 dyndbg=\"file a.c +p\" \"x=y z\" =odd=1 empty= a=b=c");
}

TEST(KernelParams, LeaveToInitWhatFollowsTwoDashes) {
  const KernelParams params = parse_kernel_params("quiet -- lsm=none  \"a\nb\" \n");
  EXPECT_EQ(params.params.size(), 1u);
  EXPECT_EQ(params.init_arguments, "lsm=none  \"a b\"");
  EXPECT_EQ(serialize_kernel_params(params), "quiet -- lsm=none  \"a b\"");
  EXPECT_EQ(round_trip("-- x"), "-- x");
  EXPECT_EQ(round_trip("quiet --"), "quiet");
  EXPECT_EQ(round_trip(""), "");
  EXPECT_EQ(round_trip("a--b --c"), "a--b --c");
}

TEST(KernelParams, AreRefusedIfTheyCannotBeRead) {
  EXPECT_EQ(error_of([] { parse_kernel_params("quiet a=\"b c"); }),
            "cannot read the kernel parameters: the quote at offset 8 is not closed");
  EXPECT_EQ(error_of([] { parse_kernel_params("a=\"b\nc\""); }),
            "cannot read the kernel parameters: line break in quotes at offset 4");
  EXPECT_EQ(error_of([] { parse_kernel_params(std::string_view("a\0b", 3)); }),
            "cannot read the kernel parameters: control character 0x00 at offset 1");
  EXPECT_EQ(error_of([] { parse_kernel_params("a -- b\x1b"); }),
            "cannot read the kernel parameters: control character 0x1b at offset 6");
  EXPECT_EQ(error_of([] { make_kernel_param("init", "/a\"b"); }),
            "cannot write kernel parameter 'init': its value has a quote or a control character");
  EXPECT_EQ(error_of([] { make_kernel_param("init", "/a\nb"); }),
            "cannot write kernel parameter 'init': its value has a quote or a control character");
}

TEST(KernelParams, AreFoundByNameWithDashesOrUnderscores) {
  KernelParams params = parse_kernel_params("a-b=1 a_b=2 a-b ab=3");
  EXPECT_EQ(kernel_param_values(params, "a_b"), (std::vector<std::string>{"1", "2"}));
  remove_kernel_params(params, "a-b");
  EXPECT_EQ(serialize_kernel_params(params), "ab=3");
  EXPECT_FALSE(same_kernel_param("ab", "a"));
}

TEST(KernelParams, SurviveARoundTrip) {
  std::mt19937 random(5);
  auto word = [&](const char* letters, size_t kinds) {
    std::string text;
    for (size_t length = random() % 5; length > 0; --length) text += letters[random() % kinds];
    return text;
  };
  for (int i = 0; i < 2000; ++i) {
    KernelParams params;
    for (auto count = random() % 6; count > 0; --count) {
      const std::string name = "n" + word("ab_.", 4);
      params.params.push_back(random() % 3 ? make_kernel_param(name, word("ab =,-", 6))
                                           : make_kernel_param(name));
    }
    const std::string line = serialize_kernel_params(params);
    const KernelParams again = parse_kernel_params(line);
    ASSERT_EQ(again.params.size(), params.params.size()) << line;
    for (size_t k = 0; k < params.params.size(); ++k) {
      EXPECT_EQ(again.params[k].text, params.params[k].text) << line;
      EXPECT_EQ(again.params[k].name, params.params[k].name) << line;
      EXPECT_EQ(again.params[k].value, params.params[k].value) << line;
    }
  }
}

}  // namespace
}  // namespace builder
