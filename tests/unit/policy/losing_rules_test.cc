// SPDX-License-Identifier: Apache-2.0
#include "policy/losing_rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/label_sample.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// `PLACE: PATTERN: why` for each.
std::vector<std::string> losers(const tests::Sample& sample, const LabelInput& input,
                                const std::string& path) {
  std::vector<std::string> lines;
  for (const LosingRule& loser :
       find_losing_rules(*sample.tree.find(path), input, explain(sample.tree, input, path))) {
    lines.push_back(fmt::format("{}: {}: {}", loser.place, loser.rule->pattern, loser.why));
  }
  return lines;
}

std::vector<std::string> losers(const tests::Sample& sample, const std::string& path) {
  return losers(sample, tests::input_for(tests::kPolicy, sample.store_paths), path);
}

TEST(LosingRules, AreAllThatMatchAPlace) {
  tests::Sample sample;
  sample.file("/etc/shadow");
  sample.file("/etc/ssl/cert");
  EXPECT_THAT(losers(sample, "/etc/shadow"),
              ElementsAre("/etc/shadow: /etc/.*: a regular expression, and plain text matches the "
                          "same place",
                          "/etc/shadow: /.*: a regular expression, and plain text matches the same "
                          "place"));
  EXPECT_THAT(losers(sample, "/etc/ssl/cert"),
              ElementsAre("/etc/ssl/cert: /etc/.*: a later rule matches the same place",
                          "/etc/ssl/cert: /.*: a later rule matches the same place"));
}

TEST(LosingRules, MayBeForAnotherFileType) {
  tests::Sample sample;
  sample.folder("/etc/shadow");
  EXPECT_THAT(losers(sample, "/etc/shadow"),
              ElementsAre("/etc/shadow: /etc/shadow: of another file type: for a file, and this is "
                          "a directory",
                          "/etc/shadow: /.*: a later rule matches the same place"));
}

TEST(LosingRules, OfOtherPlacesAreLessSpecificOrStandBehind) {
  tests::Sample sample;
  sample.file("/nix/store/1-openssh/bin/sshd", 0555);
  sample.file("/nix/store/1-misc/sbin/other", 0555);
  EXPECT_THAT(
      losers(sample, "/nix/store/1-openssh/bin/sshd"),
      ElementsAre(
          "/usr/sbin/sshd: /usr/sbin(/.*)?: a regular expression, and plain text matches the same "
          "place",
          "/usr/sbin/sshd: /usr/.*: a regular expression, and plain text matches the same place",
          "/usr/sbin/sshd: /.*: a regular expression, and plain text matches the same place",
          "/usr/bin/sshd: /usr/bin(/.*)?: of another place: a regular expression, and the winner "
          "is plain text",
          "/usr/bin/sshd: /usr/.*: a later rule matches the same place",
          "/usr/bin/sshd: /.*: a later rule matches the same place"));
  EXPECT_THAT(losers(sample, "/nix/store/1-misc/sbin/other"),
              testing::Contains("/usr/bin/other: /usr/bin(/.*)?: of another place: a shorter stem "
                                "(8 bytes, the winner's has 9)"));

  sample.file("/nix/store/1-misc/bin/twin", 0555);
  EXPECT_THAT(losers(sample,
                     tests::input_for("/nix(/.*)? skeleton\n/usr/(sbin)/twin a\n"
                                      "/usr/.*/twin b\n/usr/(bin)/twin c\n"),
                     "/nix/store/1-misc/bin/twin"),
              ElementsAre("/usr/bin/twin: /usr/.*/twin: a later rule matches the same place",
                          "/usr/sbin/twin: /usr/.*/twin: of another place, which stands behind the "
                          "winner's",
                          "/usr/sbin/twin: /usr/(sbin)/twin: a later rule matches the same place"));
}

TEST(LosingRules, OfLinksAndGuessesSayWhichCounts) {
  tests::Sample sample;
  sample.file("/nix/store/1-issue");
  sample.link("/etc/issue", "/nix/store/1-issue");
  sample.file("/nix/store/2-sshd/bin/sshd", 0555);
  sample.link("/etc/sshd", "/nix/store/2-sshd/bin/sshd");
  sample.file("/nix/store/3-data/share/zone/here");
  sample.link("/etc/ssl/here", "/nix/store/3-data/share/zone/here");
  EXPECT_THAT(losers(sample, "/nix/store/1-issue"),
              testing::Contains("/usr/.store-file: /usr/.*: of a guessed place: where the root "
                                "links to it counts more"));
  EXPECT_THAT(losers(sample, "/nix/store/2-sshd/bin/sshd"),
              testing::Contains("/etc/sshd: /etc/.*: of another place: a regular expression, and "
                                "the winner is plain text"));
  EXPECT_THAT(losers(sample, tests::input_for("/nix(/.*)? skeleton\n/etc/.* etc\n/usr/.* usr\n"),
                     "/nix/store/3-data/share/zone/here"),
              ElementsAre("/etc/ssl/here: /etc/.*: of a link of the root, whose rule would have to "
                          "be more specific"));
}

TEST(LosingRules, OfTheSkeletonAndOfCatchAllsDecideNothing) {
  tests::Sample sample;
  sample.link("/bin", "/usr/bin");
  sample.folder("/nix/store/1-a");
  sample.file("/nix/store/2-b/bin/b", 0555);
  EXPECT_THAT(losers(sample, "/bin"),
              ElementsAre("/bin: /usr/bin(/.*)?: this is the store's own layout, which is labelled "
                          "as '/nix/store' is",
                          "/bin: /usr/.*: a later rule matches the same place",
                          "/bin: /.*: a later rule matches the same place"));
  EXPECT_THAT(losers(sample, "/nix/store/1-a"), IsEmpty());
  EXPECT_THAT(losers(sample,
                     tests::input_for("/usr/bin/.* a\n/nix(/.*)? skeleton\n/.* default\n"
                                      "/usr/sbin/.* -- b\n"),
                     "/nix/store/2-b/bin/b"),
              ElementsAre("/usr/sbin/b: /.*: a later rule matches the same place",
                          "/usr/bin/b: /.*: the catch-all, which counts as no rule",
                          "/usr/bin/b: /usr/bin/.*: a later rule matches the same place"));
}

TEST(LosingRules, AreThereToALabelRule) {
  tests::Sample sample;
  sample.file("/nix/store/1-web/bin/sh", 0555);
  LabelInput input = tests::input_for(tests::kPolicy);
  input.label_rules =
      LabelRules::parse(std::vector<NamedText>{{"mine", "package web /bin/sh special_t\n"}});
  EXPECT_THAT(losers(sample, input, "/nix/store/1-web/bin/sh"),
              testing::IsSupersetOf({"/usr/bin/sh: /usr/bin/sh: a label rule labels it",
                                     "/usr/sbin/sh: /usr/sbin(/.*)?: a label rule labels it"}));
}

TEST(LosingRules, LeaveNoneOutUnderNone) {
  tests::Sample sample;
  sample.folder("/run/x");
  EXPECT_THAT(losers(sample, "/run/x"),
              ElementsAre("/run/x: /.*: a later rule matches the same place"));
}

}  // namespace
}  // namespace policy
