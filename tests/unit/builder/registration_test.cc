// SPDX-License-Identifier: Apache-2.0
#include "builder/registration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "builder/store_name.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using tests::error_of;

const std::string kA = "/nix/store/" + std::string(32, 'a') + "-alpha-1.0";
const std::string kB = "/nix/store/" + std::string(32, 'b') + "-beta";
const std::string kC = "/nix/store/" + std::string(32, 'c') + "-gamma";
const std::string kHash = "sha256:" + std::string(64, '1');

TEST(Registration, ReadsWhatLoadDbReads) {
  std::vector<RegisteredPath> paths = parse_registration(
      kB + '\n' + kHash + "\n12\n" + kC + ".drv\n2\n" + kB + '\n' + kA + '\n' +  // with a deriver
          kA + '\n' + kHash + "\n18446744073709551615\n\n0\n",                   // without
      "registration");
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(paths[0].info.path, kA);
  EXPECT_EQ(paths[0].line, 8u);
  EXPECT_EQ(paths[0].info.nar_size_bytes, 18446744073709551615u);
  EXPECT_TRUE(paths[0].info.references.empty());
  EXPECT_EQ(paths[1].info.nar_hash, std::string(64, '1'));
  EXPECT_EQ(paths[1].info.references, (std::vector<std::string>{kA, kB}));
  EXPECT_EQ(paths[1].line, 1u);
}

TEST(Registration, LastLineNeedsNoNewline) {
  EXPECT_EQ(parse_registration(kA + '\n' + kHash + "\n1\n\n0", "r").size(), 1u);
  EXPECT_EQ(parse_store_paths(kA, "s").size(), 1u);
}

TEST(Registration, RefusesWhatIsMalformed) {
  const std::string head = kA + '\n' + kHash + "\n1\n";
  const struct {
    const char* what;
    std::string text, message;
  } kCases[] = {
      {"empty", "", "cannot read 'r': it registers no path"},
      {"cut in a record", kA + '\n' + kHash, "r:2: the file ends before the size of '" + kA + "'"},
      {"cut at the hash", kA + '\n', "r:1: the file ends before the hash of '" + kA + "'"},
      {"cut at the deriver", head, "r:3: the file ends before the deriver of '" + kA + "'"},
      {"cut at the count", head + '\n',
       "r:4: the file ends before the count of references of '" + kA + "'"},
      {"cut in the references", head + "\n2\n" + kA + '\n',
       "r:6: the file ends before the reference 2 of 2 of '" + kA + "'"},
      {"size", kA + '\n' + kHash + "\n1x\n\n0\n", "r:3: bad size '1x': expected a decimal number"},
      {"no size", kA + '\n' + kHash + "\n\n\n0\n", "r:3: bad size '': expected a decimal number"},
      {"negative size", kA + '\n' + kHash + "\n-1\n\n0\n",
       "r:3: bad size '-1': expected a decimal number"},
      {"size overflows", kA + '\n' + kHash + "\n18446744073709551616\n\n0\n",
       "r:3: bad size '18446744073709551616': larger than 64 bits hold"},
      {"deriver absent", head + "0\n" + kB + '\n',
       "r:4: bad deriver '0': not in /nix/store\n"
       "r:5: bad count of references '" +
           kB + "': expected a decimal number"},
      {"count", head + "\nmany\n",
       "r:5: bad count of references 'many': expected a decimal number"},
      {"count overflows", head + "\n99999999999999999999\n",
       "r:5: bad count of references '99999999999999999999': larger than 64 bits hold"},
      {"count of more than there can be", head + "\n18446744073709551615\n" + kA + '\n',
       "r:5: 18446744073709551615 references announced for '" + kA +
           "', more than the file can hold"},
      {"reference outside of the closure", head + "\n1\n" + kB + '\n',
       "r:6: '" + kA + "' refers to '" + kB + "', which is not in the closure"},
      {"reference twice", head + "\n2\n" + kA + '\n' + kA + '\n',
       "r:7: '" + kA + "' refers to '" + kA + "' twice"},
      {"path twice", head + "\n0\n" + head + "\n0\n",
       "r:6: '" + kA + "' is registered already, in line 1"},
      {"outside of the store", "/usr/bin\n" + kHash + "\n1\n\n0\n",
       "r:1: bad store path '/usr/bin': not in /nix/store"},
      {"all mistakes at once", "/nix/store/x\nsha1:0\n-\nd\n0\n" + head + "\n1\n/etc\n",
       "r:1: bad store path '/nix/store/x': no '-' after a hash of 32 characters\n"
       "r:2: bad hash 'sha1:0': expected sha256, found 'sha1'\n"
       "r:3: bad size '-': expected a decimal number\n"
       "r:4: bad deriver 'd': not in /nix/store\n"
       "r:11: bad reference '/etc': not in /nix/store"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { parse_registration(c.text, "r"); }), c.message) << c.what;
  }
}

TEST(StorePaths, RefusesWhatIsMalformed) {
  const struct {
    const char* what;
    std::string text, message;
  } kCases[] = {
      {"empty", "", "cannot read 's': it lists no path"},
      {"blank line", kA + "\n\n", "s:2: bad store path '': not in /nix/store"},
      {"twice", kA + '\n' + kB + '\n' + kA + '\n',
       "s:3: '" + kA + "' is listed already, in line 1"},
      {"carriage return", kA + "\r\n",
       "s:1: bad store path '" + kA +
           "\\015': '\\015' in its name, which has letters, digits and "
           "+-._?= only"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { parse_store_paths(c.text, "s"); }), c.message) << c.what;
  }
}

TEST(StoreName, SaysWhyAPathIsNone) {
  const std::string store = "/nix/store/", hash(32, '0');
  const struct {
    std::string path, fault;
  } kCases[] = {
      {store + hash + "-a", ""},
      {store + hash + "-" + std::string(211, 'n'), ""},
      {store + hash + "-Az09+-._?=", ""},
      {store + hash + "-.hidden", ""},
      {store + hash + "-..x", ""},
      {"", "not in /nix/store"},
      {"/nix/store", "not in /nix/store"},
      {"/nix/storex/" + hash + "-a", "not in /nix/store"},
      {"nix/store/" + hash + "-a", "not in /nix/store"},
      {"//nix/store/" + hash + "-a", "not in /nix/store"},
      {store, "no '-' after a hash of 32 characters"},
      {store + "..", "'.' in its hash, which has 32 of 0123456789abcdfghijklmnpqrsvwxyz"},
      {store + hash, "no '-' after a hash of 32 characters"},
      {store + hash + "0-a", "no '-' after a hash of 32 characters"},
      {store + hash.substr(1) + "-a",
       "'-' in its hash, which has 32 of 0123456789abcdfghijklmnpqrsvwxyz"},
      {store + hash.substr(1) + "e-a",
       "'e' in its hash, which has 32 of 0123456789abcdfghijklmnpqrsvwxyz"},
      {store + hash + "-", "no name after its hash"},
      {store + hash + "-a/bin", "lies below a store path"},
      {store + hash + "-a/", "lies below a store path"},
      {store + hash + "-" + std::string(212, 'n'), "a name of 212 bytes, longer than 211"},
      {store + hash + "-.", "a name may not begin with '.'"},
      {store + hash + "-..", "a name may not begin with '..'"},
      {store + hash + "-..-a", "a name may not begin with '..'"},
      {store + hash + "-a\nb", "'\\012' in its name, which has letters, digits and +-._?= only"},
      {store + hash + std::string("-a\0b", 4),
       "'\\000' in its name, which has letters, digits and +-._?= only"},
      {store + hash + "-\xc3\xa4",
       "'\\303' in its name, which has letters, digits and +-._?= only"},
  };
  for (const auto& c : kCases) EXPECT_EQ(store_path_fault(c.path), c.fault) << c.path;
}

TEST(StoreName, TakesAPathApart) {
  EXPECT_EQ(base_name_of(kA), std::string(32, 'a') + "-alpha-1.0");
  EXPECT_EQ(package_name_of(kA), "alpha-1.0");
  EXPECT_EQ(store_path_of(kA), kA);
  EXPECT_EQ(store_path_of(kA + "/bin/x"), kA);
  EXPECT_EQ(store_path_of("/nix/store"), "");
  EXPECT_EQ(store_path_of("/nix/store/"), "");
  EXPECT_EQ(store_path_of("/nix/storage/x"), "");
  EXPECT_EQ(store_path_of("/etc"), "");
}

// The digest of "abc" (FIPS 180-2), in the forms that `nix-hash` gives it.
TEST(NarHash, AllFormsAreOne) {
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const std::string base32 = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";
  const std::string base64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  for (const std::string& text : {hex, "sha256:" + hex, base32, "sha256:" + base32, base64,
                                  "sha256:" + base64, "sha256-" + base64}) {
    EXPECT_EQ(parse_nar_hash(text), hex) << text;
  }
}

TEST(NarHash, RefusesWhatIsMalformed) {
  const std::string zeros(64, '0');
  const struct {
    std::string text, reason;
  } kCases[] = {
      {"", "expected 64 base16, 52 base32 or 44 base64 digits, found 0"},
      {"sha256:", "expected 64 base16, 52 base32 or 44 base64 digits, found 0"},
      {"sha512:" + zeros, "expected sha256, found 'sha512'"},
      {":" + zeros, "expected sha256, found ''"},
      {"sha256:" + zeros.substr(1), "expected 64 base16, 52 base32 or 44 base64 digits, found 63"},
      {"sha256-" + zeros, "expected 44 base64 digits, found 64"},
      {zeros.substr(1) + "G", "'G' is no digit"},
      {zeros.substr(1) + "A", "'A' is no digit"},
      {"2" + std::string(51, '0'), "more than 256 bits"},
      {std::string(51, '0') + "e", "'e' is no digit"},
      {std::string(44, 'A'), "bad base64 padding"},
      {std::string(42, 'A') + "B=", "bad base64 padding"},
      {std::string(42, 'A') + "==", "bad base64 padding"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { parse_nar_hash(c.text); }), "bad hash '" + c.text + "': " + c.reason);
  }
}

// Whatever bytes come, there is a value that keeps its promises, or an Error.
TEST(Registration, SurvivesDamage) {
  std::string good;
  for (char c : {'a', 'b', 'c', 'd'}) {
    good += "/nix/store/" + std::string(32, c) + "-p\n" + kHash + "\n7\n\n1\n/nix/store/" +
            std::string(32, 'a') + "-p\n";
  }
  std::mt19937 engine(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (auto hits = 1 + engine() % 3; hits != 0; --hits) {
      size_t place = engine() % text.size();
      switch (engine() % 3) {
        case 0:
          text[place] = static_cast<char>(engine());
          break;
        case 1:
          text.erase(place, engine() % 40);
          break;
        default:
          text.insert(place, 1, "\n0\0/-"[engine() % 5]);
      }
      if (text.empty()) text = "x";
    }
    try {
      std::vector<RegisteredPath> paths = parse_registration(text, "r");
      ASSERT_TRUE(std::is_sorted(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
        return a.info.path < b.info.path;
      }));
      for (const RegisteredPath& path : paths) {
        ASSERT_EQ(store_path_fault(path.info.path), "");
        ASSERT_EQ(path.info.nar_hash.size(), 64u);
      }
    } catch (const imagefmt::Error&) {
    }
  }
}

}  // namespace
}  // namespace builder
