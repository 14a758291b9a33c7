// SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of images go: no format may lose or invent one.
#include "imagefmt/written_image.h"

#include <gtest/gtest.h>

#include <numeric>

#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/random_tree.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

struct Written {
  WrittenImage sizes;
  uint64_t image_bytes = 0;
};
using Write = std::function<WrittenImage(const FileTree&, File&)>;

Written written_by(const FileTree& tree, const Write& write) {
  tests::TempDir folder;
  File file = File::create(folder / "image");
  Written written{write(tree, file), 0};
  written.image_bytes = file.size_bytes();
  return written;
}

Write squashfs(Compression compression, uint32_t block_size, std::string isolate = {}) {
  return [=](const FileTree& tree, File& file) {
    SilentReporter reporter;
    SquashfsOptions options{.compression = compression, .block_size = block_size};
    options.isolate_below = isolate;
    return write_squashfs(tree, options, file, reporter);
  };
}
Write ext4(bool share_data, uint64_t free_space_bytes = 0) {
  return [=](const FileTree& tree, File& file) {
    SilentReporter reporter;
    return write_ext4(tree, {.free_space_bytes = free_space_bytes, .share_data = share_data}, file,
                      reporter);
  };
}
Write erofs(Compression compression) {
  return [=](const FileTree& tree, File& file) {
    SilentReporter reporter;
    return write_erofs(tree, {.compression = compression}, file, reporter);
  };
}

const std::map<std::string, Write>& all_writers() {
  static const std::map<std::string, Write> writers = {
      {"squashfs", squashfs(Compression::kZstd, 131072)},
      {"squashfs by folder", squashfs(Compression::kZstd, 131072, "/isolated")},
      {"squashfs of small blocks", squashfs(Compression::kGzip, 4096)},
      {"squashfs as it is", squashfs(Compression::kNone, 131072)},
      {"ext4", ext4(false)},
      {"ext4 with shared data", ext4(true)},
      {"ext4 with free space", ext4(false, 700 << 20)},
      {"erofs", erofs(Compression::kLz4)},
      {"erofs as it is", erofs(Compression::kNone)}};
  return writers;
}

/// What each file takes, in the order of their data: of a tree with two equal files that shrink, two
/// blocks and an end each, of which the second is to be stored as it is.
std::vector<uint64_t> taken_by_one_uncompressed(const Write& write) {
  const Content text = Content::from_bytes(std::string(2 * 131072 + 5000, 'a'));
  FileTree tree;
  tree.insert("/compressed", make_regular(text));
  tree.insert("/uncompressed", make_regular(text));
  std::get<Regular>(tree.find("/uncompressed")->kind).content.set_uncompressed();
  return written_by(tree, write).sizes.file_bytes;
}

TEST(WrittenImage, HasFilesAsTheyAreWhereTheyAreMarked) {
  const std::vector<uint64_t> squash =
      taken_by_one_uncompressed(squashfs(Compression::kZstd, 131072));
  ASSERT_EQ(squash.size(), 2u);
  EXPECT_LT(squash[0], 500u);
  EXPECT_EQ(squash[1], 2u * 131072 + 5000);
  const std::vector<uint64_t> ero = taken_by_one_uncompressed(erofs(Compression::kLz4));
  ASSERT_EQ(ero.size(), 2u);
  EXPECT_LT(ero[0], 20'000u);
  EXPECT_EQ(ero[1], 2u * 131072 + 5000);
}

uint64_t count_files(const FileTree& tree) {
  uint64_t files = 0;
  walk_files(tree, [&](const std::string&, const Node&) { ++files; });
  return files;
}

TEST(WrittenImage, PartsAreTheWhole) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    FileTree tree = tests::random_tree(seed);
    FileTree other = tests::random_tree(seed + 100, 100);
    tree.insert("/isolated/a", std::move(other.root()));
    tree.insert("/isolated/b", tests::random_tree(seed + 200, 20).root().clone());
    for (const auto& [name, write] : all_writers()) {
      const Written written = written_by(tree, write);
      EXPECT_EQ(written.sizes.size_bytes(), written.image_bytes) << name << ", seed " << seed;
      EXPECT_EQ(written.sizes.file_bytes.size(), count_files(tree)) << name << ", seed " << seed;
    }
  }
  for (const auto& [name, write] : all_writers()) {
    const Written written = written_by(FileTree(), write);
    EXPECT_EQ(written.sizes.size_bytes(), written.image_bytes) << name;
    EXPECT_TRUE(written.sizes.file_bytes.empty()) << name;
  }
}

std::string noise(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((seed = seed * 1103515245 + 12345) >> 16);
  return bytes;
}

/// Three folders; of the files the order is /e, /b/large, /b/small, /c/large, /d/end.
FileTree sample() {
  FileTree tree;
  auto add = [&](const char* path, std::string bytes) {
    tree.insert(path, make_regular(Content::from_bytes(std::move(bytes)))).label =
        Label("system_u:object_r:bin_t:s0");
  };
  add("/b/large", noise(20000, 1));
  add("/b/small", "small");
  add("/c/large", noise(20000, 1));
  add("/d/end", noise(5000, 2));
  add("/e", "");
  return tree;
}

TEST(WrittenImage, CountsFilesInTheOrderOfTheirData) {
  const FileTree tree = sample();
  std::vector<std::string> paths;
  walk_files(tree, [&](const std::string& path, const Node&) { paths.push_back(path); });
  EXPECT_EQ(paths, (std::vector<std::string>{"/e", "/b/large", "/b/small", "/c/large", "/d/end"}));

  using Sizes = std::vector<uint64_t>;
  const Written packed = written_by(tree, squashfs(Compression::kNone, 8192));
  EXPECT_EQ(packed.sizes.file_bytes, (Sizes{0, 20000, 5, 0, 5000}));
  EXPECT_EQ(packed.sizes.equal_files, 1u);
  EXPECT_EQ(packed.sizes.saved_bytes, 20000u);
  EXPECT_EQ(packed.sizes.superblock, 96u);

  const Written plain = written_by(tree, ext4(false));
  EXPECT_EQ(plain.sizes.file_bytes, (Sizes{0, 20480, 4096, 20480, 8192}));
  EXPECT_EQ(plain.sizes.file_padding, 480u + 4091 + 480 + 3192);
  EXPECT_EQ(plain.sizes.equal_files, 0u);
  const Written shared = written_by(tree, ext4(true));
  EXPECT_EQ(shared.sizes.file_bytes, (Sizes{0, 20480, 4096, 0, 8192}));
  EXPECT_EQ(shared.sizes.equal_files, 1u);
  EXPECT_EQ(shared.sizes.saved_bytes, 20480u);
  // The labels of five files stand in their inodes, which are 10 reserved ones, 3 folders' and theirs.
  EXPECT_EQ(plain.sizes.directories, 4u * 4096);
  EXPECT_EQ(plain.sizes.inodes + plain.sizes.xattrs, 18u * 256);
  EXPECT_GT(plain.sizes.xattrs, 5u * sizeof("system_u:object_r:bin_t:s0"));

  // 20000 bytes are 4 blocks and 3616 bytes that stand behind the inode.
  const Written flat = written_by(tree, erofs(Compression::kNone));
  EXPECT_EQ(flat.sizes.file_bytes, (Sizes{0, 20000, 5, 3616, 5000}));
  EXPECT_EQ(flat.sizes.equal_files, 1u);
  EXPECT_EQ(flat.sizes.saved_bytes, 4u * 4096);
  EXPECT_EQ(flat.sizes.superblock, 1152u);
}

TEST(WrittenImage, SharesOutABlockOfEnds) {
  FileTree tree;
  std::string text(3000, 'x');
  tree.insert("/a", make_regular(Content::from_bytes(text)));
  tree.insert("/b", make_regular(Content::from_bytes(text + text)));
  tree.insert("/c", make_regular(Content::from_bytes("")));
  const Written written = written_by(tree, squashfs(Compression::kGzip, 131072));
  const std::vector<uint64_t>& sizes = written.sizes.file_bytes;
  const uint64_t block = sizes[0] + sizes[1];
  EXPECT_LT(block, 200u);
  EXPECT_EQ(sizes[0], block / 3);
  EXPECT_EQ(sizes[2], 0u);
}

}  // namespace
}  // namespace imagefmt
