// SPDX-License-Identifier: Apache-2.0
//
// Each construct of a pattern, byte by byte, against PCRE2.
#include <gtest/gtest.h>

#include "policy/contexts.h"
#include "policy/pattern.h"
#include "policy/pcre.h"
#include "tests/unit/policy/rule_paths.h"

namespace policy {
namespace {

PcreCode try_compile(const std::string& pattern) {
  try {
    return compile_pcre(pattern);
  } catch (const imagefmt::Error&) {
    return nullptr;
  }
}

TEST(PatternOracle, EveryByteOfEveryClassAndEscape) {
  std::vector<std::string> pieces;
  for (int byte = 33; byte < 127; ++byte) {
    const char c = static_cast<char>(byte);
    for (const char* form :
         {"?", "\\?", "[?]", "[\\?]", "[^?]", "[a?]", "[?-z]", "[+-?]", "[?-]"}) {
      std::string piece = form;
      piece[piece.find('?')] = c;
      pieces.push_back(piece);
    }
    for (int digit : {'0', '7', 'F'}) {
      pieces.push_back(std::string("\\x") + c + static_cast<char>(digit));
    }
  }
  for (const char* name : {"alpha", "lower", "upper", "alnum", "ascii", "blank", "cntrl", "digit",
                           "graph", "print", "punct", "space", "word", "xdigit", "none"}) {
    pieces.push_back(std::string("[[:") + name + ":]]");
    pieces.push_back(std::string("[[:^") + name + ":]_]");
    pieces.push_back(std::string("[[:") + name + ":]-z]");
  }
  size_t translated = 0;
  for (const std::string& piece : pieces) {
    const std::string pattern = "x?" + piece + 'y';  // a '?', so that it has no stem
    if (!translate_pattern(pattern)) continue;
    ++translated;
    PcreCode code = try_compile(pattern);
    ASSERT_TRUE(code) << pattern << " is translated, and PCRE2 refuses it";
    FileContexts contexts = FileContexts::parse({{{"f", pattern + " c\n"}}, {}});
    for (unsigned byte = 1; byte < 256; ++byte) {
      std::string subject = {'x', static_cast<char>(byte), 'y'};
      EXPECT_EQ(contexts.lookup(subject, FileType::kAny) != nullptr, matches(*code, subject))
          << pattern << " at byte " << byte;
    }
  }
  EXPECT_GT(translated, 700u);
}

TEST(PatternOracle, RandomPatterns) {
  size_t translated = 0;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    oracle::Random random(seed);
    const std::string pattern = oracle::hostile_pattern(random);
    if (!translate_pattern(pattern)) continue;
    ++translated;
    PcreCode code = try_compile(pattern);
    ASSERT_TRUE(code) << pattern << " is translated, and PCRE2 refuses it";
    FileContexts contexts = FileContexts::parse({{{"f", pattern + " c\n"}}, {}});
    for (int i = 0; i < 40; ++i) {
      std::string subject = oracle::path_from_pattern(pattern, random);
      if (i % 2) subject = oracle::mutated(std::move(subject), random);
      subject = contexts.substituted(subject);
      std::string_view stem = rule_stem(pattern);
      if (subject.empty() || (!stem.empty() && stem != path_stem(subject))) continue;
      EXPECT_EQ(contexts.lookup(subject, FileType::kAny) != nullptr, matches(*code, subject))
          << pattern << " for " << ::testing::PrintToString(subject);
    }
  }
  EXPECT_GT(translated, 2000u);
}

}  // namespace
}  // namespace policy
