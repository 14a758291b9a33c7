// SPDX-License-Identifier: Apache-2.0
//
// tests/oracle/sparse compares with Debian's img2simg and simg2img.
#include "imagefmt/sparse/sparse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/sparse/format.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using sparse::ChunkHeader;
using sparse::Header;
using testing::ElementsAre;
using tests::error_of;
using Kind = SparseChunk::Kind;

constexpr uint64_t kLimit = 1 << 30;

class Sparse : public ::testing::Test {
 protected:
  File file(const std::string& name, std::string_view bytes) const {
    write_file(folder_ / name, bytes);
    return File::open_for_reading(folder_ / name);
  }
  std::string write(const SparseImage& image, const File& raw) const {
    File out = File::create(folder_ / "written");
    write_sparse(image, raw, out);
    return read_file(folder_ / "written");
  }
  /// The raw image that sparse ones make.
  std::string unfold(const std::vector<std::string>& sparse, uint64_t limit = kLimit) const {
    std::deque<File> files;
    std::vector<SparsePiece> pieces;
    for (size_t i = 0; i < sparse.size(); ++i) {
      const File& piece = files.emplace_back(file("piece" + std::to_string(i), sparse[i]));
      pieces.push_back({&piece, read_sparse(piece)});
    }
    File out = File::create(folder_ / "raw");
    unfold_sparse(pieces, out, limit);
    return read_file(folder_ / "raw");
  }
  std::string name(const std::string& file) const { return folder_ / file; }

 private:
  tests::TempDir folder_;
};

/// Some blocks of each kind, and a last one that may be cut short.
std::string random_raw(std::mt19937_64& random, size_t block_size) {
  std::string raw;
  for (uint64_t blocks = random() % 40; blocks != 0; --blocks) {
    switch (random() % 4) {
      case 0:
        raw.append(block_size, '\0');
        break;
      case 1:
        raw.append(block_size, static_cast<char>(random() % 3));
        break;
      default:
        for (size_t i = 0; i < block_size; ++i) raw += static_cast<char>(random());
    }
  }
  if (random() % 4 == 0) raw.append(1 + random() % (block_size - 1), 'x');
  return raw;
}

std::string padded(std::string raw, size_t block_size) {
  raw.resize((raw.size() + block_size - 1) / block_size * block_size);
  return raw;
}

TEST_F(Sparse, HasAChunkForEachKindOfBlocks) {
  std::string raw(3 * 8, '\0');
  raw += "abcdefghABCDEFGH";          // two raw blocks
  raw += "wordwordwordwordfillfill";  // two of one value, one of another
  raw += "cut";
  const File in = file("in", raw);
  const SparseImage image = plan_sparse(in, {.block_size = 8});
  EXPECT_EQ(image.total_blocks, 9u);
  const uint32_t word = 0x64726f77, fill = 0x6c6c6966;
  EXPECT_THAT(image.chunks,
              ElementsAre(SparseChunk{Kind::kFill, 3, 0}, SparseChunk{Kind::kRaw, 2, 0, 24},
                          SparseChunk{Kind::kFill, 2, word}, SparseChunk{Kind::kFill, 1, fill},
                          SparseChunk{Kind::kRaw, 1, 0, 64}));
  const std::string expected =
      std::string("\x3a\xff\x26\xed\1\0\0\0\x1c\0\x0c\0\x08\0\0\0\x09\0\0\0\5\0\0\0\0\0\0\0", 28) +
      std::string("\xc2\xca\0\0\3\0\0\0\x10\0\0\0\0\0\0\0", 16) +
      std::string("\xc1\xca\0\0\2\0\0\0\x1c\0\0\0", 12) + "abcdefghABCDEFGH" +
      std::string("\xc2\xca\0\0\2\0\0\0\x10\0\0\0", 12) + "word" +
      std::string("\xc2\xca\0\0\1\0\0\0\x10\0\0\0", 12) + "fill" +
      std::string("\xc1\xca\0\0\1\0\0\0\x14\0\0\0", 12) + std::string("cut\0\0\0\0\0", 8);
  EXPECT_EQ(write(image, in), expected);
  EXPECT_EQ(sparse_size_bytes(image), expected.size());

  const SparseImage skipping =
      plan_sparse(in, {.block_size = 8, .zero_blocks = ZeroBlocks::kDontCare});
  EXPECT_EQ(skipping.chunks[0], (SparseChunk{Kind::kDontCare, 3}));
  EXPECT_EQ(write(skipping, in).substr(28, 12), std::string("\xc3\xca\0\0\3\0\0\0\x0c\0\0\0", 12));
}

TEST_F(Sparse, UnfoldsToWhatItWasMadeOf) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 60; ++i) {
    const uint32_t block_size = std::array{4u, 12u, 512u, 4096u}[random() % 4];
    const std::string raw = random_raw(random, block_size);
    const File in = file("in", raw);
    const SparseImage image =
        plan_sparse(in, {block_size, random() % 2 ? ZeroBlocks::kFill : ZeroBlocks::kDontCare});
    const std::string bytes = write(image, in);
    EXPECT_EQ(bytes.size(), sparse_size_bytes(image));
    EXPECT_TRUE(unfold({bytes}) == padded(raw, block_size)) << "image " << i;

    // Split, each piece is within the limit, and together they are the image.
    const uint64_t most = 28 + 3 * 12 + block_size + random() % (raw.size() + 1);
    std::vector<std::string> pieces;
    for (const SparseImage& piece : split_sparse(image, most)) {
      pieces.push_back(write(piece, in));
      EXPECT_LE(pieces.back().size(), most);
    }
    EXPECT_TRUE(unfold(pieces) == padded(raw, block_size)) << "pieces of image " << i;
  }
}

TEST_F(Sparse, CutsRawChunksThatALoaderCouldNotHold) {
  std::string raw(sparse::kMaxRawBytes + 4096, '\0');
  for (size_t i = 0; i < raw.size(); i += 512) raw[i] = 'x';
  const File in = file("in", raw);
  EXPECT_THAT(plan_sparse(in, {}).chunks,
              ElementsAre(SparseChunk{Kind::kRaw, 16384, 0, 0},
                          SparseChunk{Kind::kRaw, 1, 0, sparse::kMaxRawBytes}));
}

TEST_F(Sparse, AnImageThatFitsIsOnePiece) {
  const File in = file("in", std::string(5000, 'x') + std::string(5000, '\0'));
  const SparseImage image = plan_sparse(in, {});
  EXPECT_THAT(split_sparse(image, 1 << 20), ElementsAre(image));
  const File nothing = file("nothing", "");
  EXPECT_THAT(split_sparse(plan_sparse(nothing, {}), 1 << 20), ElementsAre(SparseImage{}));
  EXPECT_EQ(unfold({write(plan_sparse(nothing, {}), nothing)}), "");
}

TEST_F(Sparse, RefusesLimitsThatHoldNoBlock) {
  const File in = file("in", std::string(5000, 'x'));
  EXPECT_EQ(error_of([&] { split_sparse(plan_sparse(in, {}), 4159); }),
            "a sparse image of at most 4159 bytes cannot hold a block of 4096: it takes 4160");
  for (uint32_t size : {0u, 6u, (1u << 20) + 4}) {
    EXPECT_EQ(error_of([&] { plan_sparse(in, {.block_size = size}); }),
              fmt::format("block size {} of a sparse image, expected a multiple of 4 up to 1048576",
                          size));
  }
}

/// A sparse image by hand: of one block of 4 bytes unless said otherwise.
struct Image {
  Header header{sparse::kMagic, 1, 0, 28, 12, 4, 1, 1, 0};
  std::string chunks = chunk(0xcac1, 1, "abcd");

  static std::string chunk(uint16_t kind, uint32_t blocks, const std::string& data) {
    const ChunkHeader header{kind, 0, blocks, static_cast<uint32_t>(12 + data.size())};
    return std::string(as_text(bytes_of(header))) + data;
  }
  static std::string sum(uint32_t value) {
    return chunk(0xcac4, 0, std::string(as_text(bytes_of(le32(value)))));
  }
  std::string bytes() const { return std::string(as_text(bytes_of(header))) + chunks; }
};

TEST_F(Sparse, ChecksSums) {
  Image image;
  image.header.total_chunks = 5;
  image.header.total_blocks = 4;
  const std::string raw = "abcd" + std::string(4, '\0') + "efefefef";
  const uint32_t first = crc32(0, as_bytes(raw).first(8)), all = crc32(0, as_bytes(raw));
  EXPECT_EQ(crc32(0, as_bytes("123456789")), 0xcbf43926u);
  image.chunks = Image::chunk(0xcac1, 1, "abcd") + Image::chunk(0xcac3, 1, "") + Image::sum(first) +
                 Image::chunk(0xcac2, 2, "efef") + Image::sum(all);
  EXPECT_EQ(unfold({image.bytes()}), raw);
  image.header.checksum = all;
  EXPECT_EQ(unfold({image.bytes()}), raw);
  image.header.checksum = 1;
  EXPECT_EQ(error_of([&] { unfold({image.bytes()}); }),
            fmt::format("cannot unfold '{}': the checksum up to byte 16 is {:#010x}, expected "
                        "0x00000001",
                        name("piece0"), all));
  image.header.checksum = 0;
  image.chunks.back() ^= 1;
  EXPECT_EQ(error_of([&] { unfold({image.bytes()}); }),
            fmt::format("cannot unfold '{}': the checksum up to byte 16 is {:#010x}, expected "
                        "{:#010x}",
                        name("piece0"), all, all ^ 0x01000000));
}

TEST_F(Sparse, HeadersMayBeLonger) {
  Image image;
  image.header.header_size = 32;
  image.header.chunk_header_size = 16;
  image.header.minor_version = 9;
  const ChunkHeader chunk{0xcac1, 0, 1, 20};
  image.chunks = "more" + std::string(as_text(bytes_of(chunk))) + "moreabcd";
  EXPECT_EQ(unfold({image.bytes()}), "abcd");
}

TEST_F(Sparse, RefusesWhatIsBroken) {
  const struct {
    const char* what;
    void (*change)(Image&);
    std::string message;
  } kCases[] = {
      {"magic", [](Image& image) { image.header.magic = 1; },
       "its magic is 0x00000001, expected 0xed26ff3a"},
      {"version", [](Image& image) { image.header.major_version = 2; },
       "its version is 2.0, expected 1.x"},
      {"headers", [](Image& image) { image.header.chunk_header_size = 11; },
       "its headers have 28 and 11 bytes, expected 28 and 12 at least"},
      {"block size", [](Image& image) { image.header.block_size = 0; },
       "its block size is 0, expected a multiple of 4 up to 1048576"},
      {"block size of another kind", [](Image& image) { image.header.block_size = 1 << 21; },
       "its block size is 2097152, expected a multiple of 4 up to 1048576"},
      {"kind", [](Image& image) { image.chunks[0] = '\0'; },
       "chunk 0: its kind is 0xca00, expected 0xcac1 to 0xcac4"},
      {"chunk's size", [](Image& image) { image.chunks[8]++; },
       "chunk 0: its size is 17, expected 16"},
      {"raw beyond the end", [](Image& image) { image.chunks.pop_back(); },
       "chunk 0: 4 bytes at offset 40 reach beyond the file's 43"},
      {"large raw", [](Image& image) { image.chunks = Image::chunk(0xcac1, 0xffffffff, ""); },
       "chunk 0: its size is 12, expected 17179869192"},
      {"sum of blocks", [](Image& image) { image.chunks = Image::chunk(0xcac4, 1, "abcd"); },
       "chunk 0: a checksum of 1 blocks, expected 0"},
      {"total", [](Image& image) { image.header.total_blocks = 2; },
       "its chunks have 1 blocks, expected 2"},
      {"more than 32 bits of blocks",
       [](Image& image) {
         image.chunks = Image::chunk(0xcac3, 0xffffffff, "") + Image::chunk(0xcac3, 2, "");
         image.header.total_chunks = 2;
       },
       "its chunks have 4294967297 blocks, expected 1"},
  };
  for (const auto& c : kCases) {
    Image image;
    c.change(image);
    EXPECT_EQ(error_of([&] { unfold({image.bytes()}); }),
              fmt::format("cannot read sparse image '{}': {}", name("piece0"), c.message))
        << c.what;
  }
  Image image;
  image.header.total_chunks = 0xffffffff;
  EXPECT_EQ(error_of([&] { unfold({image.bytes()}); }),
            fmt::format("cannot read sparse image '{0}': chunk 1: cannot read '{0}': ends at "
                        "offset 44, expected 12 more bytes",
                        name("piece0")));
}

TEST_F(Sparse, RefusesPiecesThatDoNotFit) {
  const Image image;
  EXPECT_EQ(error_of([&] {
              unfold({image.bytes(), image.bytes()});
            }),
            "cannot join the sparse images: two of them write block 0");
  Image longer;
  longer.header.total_blocks = 2;
  longer.header.total_chunks = 2;
  longer.chunks += Image::chunk(0xcac3, 1, "");
  EXPECT_EQ(error_of([&] {
              unfold({image.bytes(), longer.bytes()});
            }),
            fmt::format("cannot join the sparse images: '{}' has 1 blocks of 4 bytes, '{}' 2 of 4",
                        name("piece0"), name("piece1")));
  EXPECT_EQ(
      error_of([&] { unfold({longer.bytes()}, 7); }),
      fmt::format("cannot unfold '{}': it holds 8 bytes, expected at most 7", name("piece0")));
}

}  // namespace
}  // namespace imagefmt
