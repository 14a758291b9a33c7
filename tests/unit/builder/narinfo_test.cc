// SPDX-License-Identifier: Apache-2.0
#include "builder/narinfo.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using tests::error_of;

// Made and signed by Nix 2.8.
constexpr std::string_view kKey = "test-1:seaYrFG8QM+/VRvzqCLOM2t1RN8irLRfb5hldbnfxB4=";
const std::string kPath = "/nix/store/czghzqf3c7ijxjpz9v8bwhbyny1cy623-user.drv",
                  kReference = "/nix/store/g5fh0vvk3shz37vkbqir82vmc2snzmb3-src";
const std::string kText = "StorePath: " + kPath +
                          "\n"
                          "URL: nar/0jdbg5wggdxrvdgzb1k0wqa16r7pq7879kiam148s5pj3xlbppka.nar.xz\n"
                          "Compression: xz\n"
                          "FileHash: sha256:0jdbg5wggdxrvdgzb1k0wqa16r7pq7879kiam148s5pj3xlbppka\n"
                          "FileSize: 296\n"
                          "NarHash: sha256:0g3wj84n68gqfkaxpv85vk1c1wsx36v5v0mfrccy51ns8d7bsx07\n"
                          "NarSize: 424\n"
                          "References: g5fh0vvk3shz37vkbqir82vmc2snzmb3-src\n"
                          "Sig: "
                          "test-1:o5uyzOCRqZGI0IwwwvCaBgXnsLrZfmqLvC5ykJqhWB+"
                          "NvxlPNkfuKFh/O9CEroj5lABjCmE3BsoJr4GDBCpnBA==\n"
                          "CA: text:sha256:0mxpfmz6w7258lzf94zn8glim8p6w827fd551pfjpqvk1n85h377\n";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text = kText;
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(NarInfo, IsWhatNixWrites) {
  const NarInfo narinfo = parse_narinfo(kText, "x");
  EXPECT_EQ(narinfo.info.path, kPath);
  EXPECT_EQ(narinfo.info.references, std::vector<std::string>{kReference});
  EXPECT_EQ(narinfo.info.nar_size_bytes, 424u);
  EXPECT_EQ(narinfo.url, "nar/0jdbg5wggdxrvdgzb1k0wqa16r7pq7879kiam148s5pj3xlbppka.nar.xz");
  EXPECT_EQ(narinfo.compression, "xz");
  EXPECT_EQ(narinfo.file_size_bytes, 296u);
  ASSERT_TRUE(narinfo.file_hash);
  EXPECT_EQ(narinfo.signatures.size(), 1u);
  EXPECT_EQ(fingerprint(narinfo.info),
            "1;" + kPath + ";sha256:0g3wj84n68gqfkaxpv85vk1c1wsx36v5v0mfrccy51ns8d7bsx07;424;" +
                kReference);

  const NarInfo least = parse_narinfo(
      "StorePath: " + kPath +
          "\nURL: x\nReferences: \nNarSize: 1\nNarHash: sha256:" + std::string(64, '0'),
      "x");
  EXPECT_EQ(least.compression, "bzip2");
  EXPECT_FALSE(least.file_hash || least.file_size_bytes);
  EXPECT_TRUE(least.info.references.empty());
}

TEST(NarInfo, RefusesByLine) {
  auto refusal = [](const std::string& text) {
    return error_of([&] { parse_narinfo(text, "x.narinfo"); });
  };
  EXPECT_EQ(refusal(""),
            "x.narinfo: it has no 'StorePath'\nx.narinfo: it has no 'URL'\nx.narinfo: it has no "
            "'NarHash'\nx.narinfo: it has no 'NarSize'");
  const struct {
    std::string_view from, to, message;
  } kCases[] = {
      {kPath, "/nix/store/../etc",
       "x.narinfo:1: bad store path '/nix/store/../etc': lies below a store path"},
      {"nar/0", "../0",
       "x.narinfo:2: bad URL '../0jdbg5wggdxrvdgzb1k0wqa16r7pq7879kiam148s5pj3xlbppka.nar.xz': "
       "bad file name '..': '.' and '..' are no names"},
      {"nar/0", "/0",
       "x.narinfo:2: bad URL '/0jdbg5wggdxrvdgzb1k0wqa16r7pq7879kiam148s5pj3xlbppka.nar.xz': bad "
       "file name '': an empty name"},
      {"FileSize: 296", "FileSize: -1",
       "x.narinfo:5: bad FileSize '-1': expected a decimal number"},
      {"NarHash: sha256:0", "NarHash: md5:0",
       "x.narinfo:6: bad hash 'md5:0g3wj84n68gqfkaxpv85vk1c1wsx36v5v0mfrccy51ns8d7bsx07': "
       "expected sha256, found 'md5'"},
      {"424", "18446744073709551616",
       "x.narinfo:7: bad NarSize '18446744073709551616': larger than 64 bits hold"},
      {"g5fh", "../g5fh",
       "x.narinfo:8: bad store path '/nix/store/../g5fh0vvk3shz37vkbqir82vmc2snzmb3-src': lies "
       "below a store path"},
      {"CA: ", "URL: ", "x.narinfo:10: 'URL' is there already, in line 2"},
      {"CA: ", "CA",
       "x.narinfo:10: expected 'Key: value', found "
       "'CAtext:sha256:0mxpfmz6w7258lzf94zn8glim8p6w827fd551pfjpqvk1n85h377'"},
  };
  for (const auto& c : kCases) EXPECT_EQ(refusal(replaced(c.from, c.to)), c.message);
}

TEST(NarInfo, IsTrustedByItsSignature) {
  const TrustedKey key = parse_trusted_key(kKey);
  EXPECT_EQ(key.name, "test-1");
  TrustedKey other = key;
  other.key[0] ^= 1;
  TrustedKey renamed = key;
  renamed.name = "test-2";
  auto refusal = [](const std::string& text, std::vector<TrustedKey> keys) {
    return error_of([&] { check_signed(parse_narinfo(text, "x"), keys); });
  };
  EXPECT_EQ(refusal(kText, {key}), "(no error)");
  EXPECT_EQ(refusal(kText, {other, renamed, key}), "(no error)");
  const std::string start =
      "cannot trust '" + kPath + "': none of its 1 signatures is by a trusted key";
  EXPECT_EQ(refusal(kText, {renamed}), start);
  EXPECT_EQ(refusal(kText, {other}), start + "; that of 'test-1' does not match");
  for (const auto& [from, to] : {std::pair("424", "425"), {"References: g", "References: h"}}) {
    EXPECT_EQ(refusal(replaced(from, to), {key}), start + "; that of 'test-1' does not match");
  }
  EXPECT_EQ(refusal(replaced("BA==", "BA="), {key}),
            start + "; that of 'test-1': 87 digits of base64");
  EXPECT_EQ(refusal(replaced("Sig: ", "Sag: "), {key}),
            "cannot trust '" + kPath + "': none of its 0 signatures is by a trusted key");
  // What the signature does not cover, the hashes do.
  EXPECT_EQ(refusal(replaced("URL: nar/0", "URL: nar/1"), {key}), "(no error)");
}

TEST(NarInfo, RefusesKeys) {
  auto refusal = [](std::string_view text) { return error_of([&] { parse_trusted_key(text); }); };
  EXPECT_EQ(refusal("x"), "--trusted-public-key 'x': expected NAME:BASE64");
  EXPECT_EQ(refusal(":AAAA"), "--trusted-public-key ':AAAA': expected NAME:BASE64");
  EXPECT_EQ(refusal("x:AAAA"), "--trusted-public-key 'x:AAAA': a key of 3 bytes, expected 32");
  EXPECT_EQ(refusal("x:AA!A"), "--trusted-public-key 'x:AA!A': '!' is no digit");
}

}  // namespace
}  // namespace builder
