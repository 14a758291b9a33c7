// SPDX-License-Identifier: Apache-2.0
#include "builder/text.h"

#include <gtest/gtest.h>

namespace builder {
namespace {

TEST(Text, ControlCharactersReachNoTerminal) {
  EXPECT_EQ(escape_controls("plain 'text' \\ …"), "plain 'text' \\ …");
  EXPECT_EQ(escape_controls(std::string_view("\x1b[2J\r\t\0\x7f", 8)),
            "\\033[2J\\015\\011\\000\\177");
}

}  // namespace
}  // namespace builder
