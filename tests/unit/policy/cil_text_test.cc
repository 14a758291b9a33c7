// SPDX-License-Identifier: Apache-2.0
#include "policy/cil_text.h"

#include <gtest/gtest.h>

#include <random>

#include "imagefmt/base/error.h"
#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

/// `(a (b "c d"))` as `(a(b 'c d'))`, with what it is, not how it was written.
std::string shape(CilNode node) {
  if (!node.is_list()) return "'" + std::string(node.text()) + "'";
  std::string text = "(";
  for (CilNode item : node) text += shape(item);
  return text + ")" + std::to_string(node.size());
}

std::string shapes(std::string_view text, CilReader::Names names = CilReader::Names::kQuoted) {
  CilReader reader(text, names);
  std::string result;
  while (reader.next()) result += shape(reader.statement());
  return result;
}

TEST(CilText, GivesStatements) {
  EXPECT_EQ(shapes(""), "");
  EXPECT_EQ(shapes("  ; only a comment"), "");
  EXPECT_EQ(shapes("()"), "()0");
  EXPECT_EQ(shapes("(a (b c) () \"d e;\") ; (x)\n\t(f)"), "('a'('b''c')2()0'd e;')4('f')1");
  CilReader reader("(a)\n; x\n(b\n  (c\n d))");
  ASSERT_TRUE(reader.next() && reader.next());
  EXPECT_EQ(reader.statement().line(), 3u);
  EXPECT_EQ(reader.statement()[1][1].line(), 5u);
  EXPECT_FALSE(reader.next());
}

TEST(CilText, TakesFileNamesWithoutQuotes) {
  auto bare = [](std::string_view text) { return shapes(text, CilReader::Names::kMaybeBare); };
  EXPECT_EQ(bare("(typetransition a b c d)"), "('typetransition''a''b''c''d')5");
  EXPECT_EQ(bare("(typetransition a b c .x d)\n(e)"), "('typetransition''a''b''c''.x''d')6('e')1");
  EXPECT_EQ(bare("(typetransition a b c x ; \"(y d)"), "('typetransition''a''b''c''x ; \"(y''d')6");
  EXPECT_EQ(bare("(typetransition a b c \"x y\" d)"), "('typetransition''a''b''c''x y''d')6");
  EXPECT_EQ(bare("(t\n  (typetransition a b c d))"), "('t'('typetransition''a''b''c''d')5)2");
}

TEST(CilText, RefusesWithALine) {
  EXPECT_EQ(error_of([] { shapes("(a)\nb"); }), "line 2: expected '('");
  EXPECT_EQ(error_of([] { shapes(")"); }), "line 1: expected '('");
  EXPECT_EQ(error_of([] { shapes("(a\n(b)\n"); }), "line 3: expected ')' for the '(' of line 1");
  EXPECT_EQ(error_of([] { shapes("(a\n\"b\n\")"); }), "line 2: a string without its end");
  EXPECT_EQ(error_of([] { shapes(std::string(2000, '(')); }),
            "line 1: lists nest deeper than 1000");
  EXPECT_EQ(error_of([] { shapes("(typetransition a b c\n d)", CilReader::Names::kMaybeBare); }),
            "line 1: expected a name, a type and ')' in the line of a typetransition");
  EXPECT_EQ(error_of([] { shapes("(typetransition a b c", CilReader::Names::kMaybeBare); }),
            "line 1: expected a name, a type and ')' in the line of a typetransition");
}

TEST(CilText, EndsWithOneErrorWhateverItReads) {
  std::mt19937 random(1);
  const std::string_view pieces[] = {"(", ")", " ", "\n", "\"", ";", "a", "typetransition ", "x"};
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (size_t n = random() % 30; n-- > 0;) text += pieces[random() % std::size(pieces)];
    for (auto names : {CilReader::Names::kQuoted, CilReader::Names::kMaybeBare}) {
      try {
        shapes(text, names);
      } catch (const imagefmt::Error& error) {
        EXPECT_TRUE(std::string_view(error.what()).starts_with("line ")) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace policy
