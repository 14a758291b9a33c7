// SPDX-License-Identifier: Apache-2.0
//
// Debian has no avbtool: the digests here are of what avbtool 1.3.0 wrote for the arguments beside them.
#include "imagefmt/android/vbmeta.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;

std::string sha256_hex(std::string_view bytes) {
  return to_hex(sha256(bytes));
}

Vbmeta with_descriptors() {
  Vbmeta vbmeta;
  vbmeta.rollback_index = 7;
  vbmeta.descriptors = {
      VbmetaProperty{"a.b", "c"},
      hash_of_partition("boot", {0xaa, 0xbb, 0xcc}, as_bytes(std::string(5000, 'k')))};
  return vbmeta;
}

TEST(Vbmeta, HasTheBytesOfAvbtool) {
  // make_vbmeta_image --flags N
  for (uint32_t flags : {2u, 3u}) {
    const std::string bytes = serialize_vbmeta({.flags = flags});
    std::string expected(256, '\0');
    expected.replace(0, 4, "AVB0");
    expected[7] = 1;
    expected[123] = static_cast<char>(flags);
    expected.replace(128, 13, "avbtool 1.3.0");
    EXPECT_EQ(bytes, expected);
  }
  // make_vbmeta_image --flags 2 --padding_size 4096
  std::string padded = serialize_vbmeta({.flags = kVerificationDisabled});
  padded.resize(4096);
  EXPECT_EQ(sha256_hex(padded), "fe1f4b55088fbc97040bc898d8b076f93c93e203c8ba7a15c8348080351f4ca2");
  // make_vbmeta_image --prop a.b:c --rollback_index 7 --include_descriptors_from_image, of an image of
  // 5000 times k with add_hash_footer --partition_name boot --salt aabbcc
  EXPECT_EQ(sha256_hex(serialize_vbmeta(with_descriptors())),
            "2a116a5a06db1b020620ee59320c9c62b346d37ee8f118c8e40db5f9f5136a2a");
  // make_vbmeta_image --rollback_index_location 3
  EXPECT_EQ(sha256_hex(serialize_vbmeta({.rollback_index_location = 3})),
            "6747d7b5705aedcf9445182d755d303f26d4a807a469d509fa3635fb006e6428");
}

TEST(Vbmeta, ReadsBackWhatItWrote) {
  for (const Vbmeta& vbmeta :
       {Vbmeta{}, Vbmeta{.flags = 3}, Vbmeta{.rollback_index_location = 1}, with_descriptors()}) {
    const std::string bytes = serialize_vbmeta(vbmeta);
    EXPECT_TRUE(parse_vbmeta(as_bytes(bytes)) == vbmeta);
    EXPECT_TRUE(parse_vbmeta(as_bytes(bytes + "the rest of a partition")) == vbmeta);
  }
}

TEST(Vbmeta, RefusesWhatItDoesNotWrite) {
  const std::string good = serialize_vbmeta(with_descriptors());
  auto error_with = [&](size_t offset, std::string_view bytes) {
    std::string changed = good;
    changed.replace(offset, bytes.size(), bytes);
    return error_of([&] { parse_vbmeta(as_bytes(changed)); });
  };
  EXPECT_EQ(error_with(0, "AVBf"), "cannot read vbmeta: it does not begin with AVB0");
  EXPECT_EQ(error_with(31, "\1"),
            "cannot read vbmeta: it is signed with algorithm 1, expected none");
  EXPECT_EQ(error_with(19, "\1"),
            "cannot read vbmeta: it is signed with algorithm 0, expected none");
  EXPECT_EQ(error_with(104, "\1"),
            "cannot read vbmeta: descriptors of 72057594037928152 bytes, expected at most 65536");
  EXPECT_EQ(error_with(263, "\1"), "cannot read vbmeta: a descriptor of kind 1, expected 0 or 2");
  EXPECT_EQ(error_with(264, "\xff"),
            "vbmeta's descriptors ends at offset 216, expected 18374686479671623504 more bytes");
  EXPECT_EQ(error_with(272, "\xff"),
            "a descriptor of vbmeta ends at offset 24, expected 18374686479671623675 more bytes");
  EXPECT_EQ(error_with(0x16b, "\x21"), "cannot read vbmeta: a digest of 33 bytes, expected 32");
  EXPECT_EQ(
      error_with(0x140, "sha1\0"),
      "cannot read vbmeta: the byte at offset 323 is not what its descriptors and fields give");
  EXPECT_EQ(
      error_with(11, "\3"),
      "cannot read vbmeta: the byte at offset 11 is not what its descriptors and fields give");
  EXPECT_EQ(
      error_with(200, "x"),
      "cannot read vbmeta: the byte at offset 200 is not what its descriptors and fields give");
  EXPECT_EQ(error_of([&] { parse_vbmeta(as_bytes(good).first(255)); }),
            "vbmeta ends at offset 255, expected 1 more bytes");
  EXPECT_EQ(error_of([&] { parse_vbmeta(as_bytes(good).first(300)); }),
            "vbmeta ends at offset 300, expected 172 more bytes");
  EXPECT_EQ(
      error_of([&] { parse_vbmeta(as_bytes(good).first(480)); }),
      "cannot read vbmeta: the byte at offset 480 is not what its descriptors and fields give");

  EXPECT_EQ(error_of([] { serialize_vbmeta({.release = std::string(48, 'r')}); }),
            "cannot write vbmeta: the release '" + std::string(48, 'r') +
                "' has more than 47 bytes or a NUL");
  Vbmeta large;
  large.descriptors = {VbmetaProperty{"k", std::string(65536, 'v')}};
  EXPECT_EQ(error_of([&] { serialize_vbmeta(large); }),
            "cannot write vbmeta: its descriptors have more than 65536 bytes");
}

TEST(Vbmeta, EndsInOneErrorOrAValueWhateverTheBytes) {
  std::mt19937_64 random(1);
  const std::string good = serialize_vbmeta(with_descriptors());
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (uint64_t changes = random() % 4; changes != 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 3 ? random() % 40 : random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    try {
      EXPECT_EQ(serialize_vbmeta(parse_vbmeta(as_bytes(bytes))), bytes);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace imagefmt
