// SPDX-License-Identifier: Apache-2.0
//
// Our look-ups against libselinux's, over refpolicy and over hostile little rule files.
// INTAGLIO_ORACLE_PATHS=1000000 asks for that many paths instead of a quick sample; those made from
// the rules, with seven types each, take libselinux five minutes a refpolicy.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <gtest/gtest.h>
#include <pcre2.h>

#include <algorithm>
#include <random>

#include "tests/unit/policy/libselinux.h"
#include "tests/unit/policy/rule_paths.h"

namespace policy {
namespace {

using oracle::answer;
using oracle::kAllTypes;
using oracle::Libselinux;
using oracle::Random;

size_t wanted_paths(size_t quick) {
  const char* wanted = std::getenv("INTAGLIO_ORACLE_PATHS");
  return wanted ? std::max<size_t>(quick, std::strtoull(wanted, nullptr, 10)) : quick;
}

struct Question {
  std::string path;
  FileType type;
};

/// Asks both; at most a few differences are printed. Returns how many paths some rule matched.
size_t expect_same_answers(const FileContexts& ours, const Libselinux& reference,
                           const std::vector<Question>& questions, const std::string& about = {}) {
  size_t differences = 0, matched = 0;
  for (const Question& question : questions) {
    std::string expected = reference.lookup(question.path, question.type);
    std::string found = answer(ours.lookup(question.path, question.type));
    if (found != "<<no match>>") ++matched;
    if (expected == found) continue;
    if (++differences > 5) break;
    ADD_FAILURE() << ::testing::PrintToString(question.path) << " type '"
                  << type_field(question.type) << "': libselinux says " << expected << ", we say "
                  << found << '\n'
                  << about;
  }
  return matched;
}

FileType type_at(const std::filesystem::directory_entry& entry) {
  switch (entry.symlink_status().type()) {
    case std::filesystem::file_type::directory:
      return FileType::kDirectory;
    case std::filesystem::file_type::symlink:
      return FileType::kSymlink;
    default:
      return FileType::kRegular;
  }
}

TEST(FileContextsOracle, AgreesOnThisMachinesFiles) {
  FileContextsText text = oracle::refpolicy_contexts();
  REQUIRE_REFPOLICY(text);
  FileContexts ours = FileContexts::parse(text);
  Libselinux reference(text);

  std::vector<Question> all;
  for (const char* top : {"/usr", "/etc", "/var"}) {
    using Walk = std::filesystem::recursive_directory_iterator;
    std::error_code ignored;  // what others create and remove meanwhile
    for (Walk at(top, std::filesystem::directory_options::skip_permission_denied, ignored);
         at != Walk(); at.increment(ignored)) {
      try {
        all.push_back({at->path().string(), type_at(*at)});
      } catch (const std::filesystem::filesystem_error&) {
      }
    }
  }
  ASSERT_GT(all.size(), 1000u);
  std::sort(all.begin(), all.end(),
            [](const Question& a, const Question& b) { return a.path < b.path; });
  size_t wanted = wanted_paths(12000);
  std::vector<Question> questions;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all.size() > wanted && i % (all.size() / wanted) != 0) continue;
    questions.push_back(all[i]);
    // As it would lie in a store, which is another stem.
    if (i % 7 == 0) questions.push_back({"/nix/store/abc-name" + all[i].path, all[i].type});
  }
  expect_same_answers(ours, reference, questions);
}

class RefpolicyOracle : public ::testing::TestWithParam<const char*> {};

TEST_P(RefpolicyOracle, AgreesOnPathsMadeFromTheRules) {
  FileContextsText text = oracle::refpolicy_contexts(GetParam());
  REQUIRE_REFPOLICY(text);
  FileContexts ours = FileContexts::parse(text);
  Libselinux reference(text);
  Random random(20260923);
  const size_t count = wanted_paths(10000);
  size_t matched = 0;
  for (size_t i = 0; i < count && !HasFailure(); ++i) {
    const ContextRule& rule = ours.rules()[i % ours.rules().size()];
    std::string path = oracle::path_from_pattern(rule.pattern, random);
    if (i >= ours.rules().size()) path = oracle::mutated(std::move(path), random);
    std::vector<Question> questions;
    for (FileType type : kAllTypes) {
      if (type != FileType::kAny) questions.push_back({path, type});
    }
    matched += expect_same_answers(ours, reference, questions, rule.pattern) != 0;
  }
  EXPECT_GT(matched, count / 4);  // or the paths would prove little
}
INSTANTIATE_TEST_SUITE_P(Refpolicies, RefpolicyOracle, ::testing::Values("default", "mls"),
                         [](const auto& refpolicy) { return std::string(refpolicy.param); });

TEST(FileContextsOracle, ListsFirstWhatLookUpsTake) {
  FileContextsText text = oracle::refpolicy_contexts();
  REQUIRE_REFPOLICY(text);
  const FileContexts ours = FileContexts::parse(text);
  Random random(20261126);
  for (size_t i = 0, count = wanted_paths(30000) / 100; i < count; ++i) {
    std::string path = oracle::path_from_pattern(random.of(ours.rules()).pattern, random);
    if (i % 3 == 0) path = oracle::mutated(std::move(path), random);
    const std::vector<const ContextRule*> all = ours.matches(path);
    for (FileType type : kAllTypes) {
      auto first = std::find_if(all.begin(), all.end(), [&](const ContextRule* rule) {
        return rule->type == FileType::kAny || type == FileType::kAny || rule->type == type;
      });
      EXPECT_EQ(first == all.end() ? nullptr : *first, ours.lookup(path, type)) << path;
    }
  }
}

bool is_pattern(const std::string& pattern) {
  std::string anchored = '^' + pattern + '$';
  int error = 0;
  PCRE2_SIZE offset = 0;
  imagefmt::Handle<pcre2_code, pcre2_code_free_8> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(anchored.data()), anchored.size(), PCRE2_DOTALL,
                    &error, &offset, nullptr));
  return code != nullptr;
}

/// libselinux 3.8 answers otherwise about rules like these.
bool depends_on_version(const std::string& pattern) {
  return pattern.find_first_of("|\\{}])") != std::string::npos;
}

TEST(FileContextsOracle, AgreesOnHostileRules) {
  const bool every_construct = oracle::libselinux_is_before_3_8();
  const size_t paths_a_file = 300;
  const size_t files = wanted_paths(90000) / paths_a_file;
  size_t valid = 0, invalid = 0, matched = 0, asked = 0;
  for (uint32_t seed = 0; seed < files && !::testing::Test::HasFailure(); ++seed) {
    Random random(seed);
    FileContextsText text;
    std::vector<std::string> patterns;
    for (int file = 0; file < 3; ++file) {
      std::string rules;
      for (size_t i = 0, count = 1 + random.below(8); i < count; ++i) {
        std::string pattern = oracle::hostile_pattern(random);
        if (!every_construct && depends_on_version(pattern)) continue;
        if (!is_pattern(pattern)) {
          ++invalid;
          FileContextsText alone{{{"f", pattern + " u:r:t\n"}}, {}};
          std::string error = tests::error_of([&] { FileContexts::parse(alone); });
          EXPECT_TRUE(error.starts_with("cannot read 'f' line 1: bad pattern '")) << pattern;
          continue;
        }
        ++valid;
        FileType type = random.below(2) ? FileType::kAny : random.of(kAllTypes);
        std::string context =
            random.below(6) ? "u:r:t" + std::to_string(patterns.size()) : "<<none>>";
        rules += pattern + ' ' + std::string(type_field(type)) + '\t' + context + '\n';
        patterns.push_back(std::move(pattern));
      }
      text.rules.push_back({"rules" + std::to_string(file), rules});
    }
    if (patterns.empty()) continue;
    for (int pass = 0; pass < 2; ++pass) {
      std::string subs = "# a comment\n";
      for (size_t i = 0, count = random.below(4); i < count; ++i) {
        subs += oracle::small_path(random) + ' ' + oracle::small_path(random) + '\n';
      }
      text.substitutions.push_back({"subs" + std::to_string(pass), subs});
    }
    FileContexts ours = FileContexts::parse(text, Contradictions::kLastWins);
    Libselinux reference(text);
    std::vector<Question> questions;
    for (size_t i = 0; i < paths_a_file; ++i) {
      std::string path = random.below(3) ? oracle::path_from_pattern(random.of(patterns), random)
                                         : oracle::small_path(random);
      if (random.below(2)) path = oracle::mutated(std::move(path), random);
      questions.push_back({std::move(path), random.of(kAllTypes)});
    }
    std::string about = "seed " + std::to_string(seed);
    for (const auto& part : text.rules) about += '\n' + part.text;
    for (const auto& part : text.substitutions) about += part.text;
    matched += expect_same_answers(ours, reference, questions, about);
    asked += questions.size();
  }
  EXPECT_GT(valid, files);
  EXPECT_GT(invalid, 0u);
  EXPECT_GT(matched, asked / 6);  // or the paths would prove little
  EXPECT_LT(matched, asked);
}

}  // namespace
}  // namespace policy
