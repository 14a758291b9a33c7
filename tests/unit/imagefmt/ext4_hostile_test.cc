// SPDX-License-Identifier: Apache-2.0
//
// Images that are cut, damaged or made to mislead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/ext4/format.h"
#include "imagefmt/ext4/plan.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using namespace ext4;
using tests::error_of;

using HostileExt4 = tests::ImageTest<tests::Ext4Format>;

/// A tree whose inodes have known numbers: /a is 11, /b 12, /d 13, /l 14, /d/f 15.
class SmallExt4 : public HostileExt4 {
 protected:
  void SetUp() override {
    FileTree tree;
    Node& a = tree.insert("/a", make_regular(Content::from_bytes(std::string(9000, 'a'))));
    a.label = Label("system_u:object_r:" + std::string(300, 'l'));
    tree.insert("/b", Node(Device{Device::Kind::kFifo}, 0600)).label = Label("a:b:c");
    tree.insert("/d/f", make_directory());
    tree.insert("/l", make_symlink(std::string(70, 't')));
    image_ = write(tree);
    const Plan plan = make_plan(tree, {});
    geometry_ = plan.geometry;
    directories_ = plan.directories.first_block * kBlockSize;
    xattrs_ = plan.xattrs.first_block * kBlockSize;
  }

  template <class T>
  T& at(uint64_t offset) {
    return *reinterpret_cast<T*>(image_.data() + offset);
  }
  Superblock& superblock() { return at<Superblock>(kSuperblockOffset); }
  Inode& inode(uint32_t number) {
    return at<Inode>(geometry_.inode_tables * kBlockSize +
                     (number - 1) * uint64_t{geometry_.inode_size});
  }
  le32& pointer(uint32_t number, size_t index) {
    return struct_at<le32>(std::span<uint8_t>(inode(number).block), index * sizeof(le32));
  }
  /// Gives the inode a block map whose pointers are all holes.
  void make_block_map(uint32_t number) {
    inode(number).flags = 0;
    for (size_t i = 0; i < kPointers; ++i) pointer(number, i) = 0;
  }
  /// The number of a new block, full of `pointer`.
  uint32_t append_block(uint32_t pointer) {
    const uint32_t block = superblock().block_count_low;
    for (size_t i = 0; i < kBlockSize / sizeof(le32); ++i) {
      image_ += as_text(bytes_of(le32(pointer)));
    }
    superblock().block_count_low = block + 1;
    return block;
  }
  /// The message for the image with `change`, which is taken back.
  std::string changed(const std::function<void()>& change) {
    const std::string before = image_;
    change();
    std::string text = message(image_);
    image_ = before;
    return text;
  }

  std::string image_;
  Geometry geometry_;
  uint64_t directories_ = 0, xattrs_ = 0;  // in bytes
};

TEST_F(SmallExt4, BadSuperblocksAreNamed) {
  EXPECT_EQ(message(image_.substr(0, 2000)), "2000 bytes are too few for a superblock");
  EXPECT_EQ(message(image_.substr(0, image_.size() - 1)),
            fmt::format("it says that it has {} blocks of 4096 bytes, found {} bytes",
                        image_.size() / 4096, image_.size() - 1));
  EXPECT_EQ(changed([&] { superblock().magic = 1; }), "bad magic: expected 0xef53, found 0x1");
  EXPECT_EQ(changed([&] { superblock().revision = 0; }), "bad revision: expected 1, found 0");
  EXPECT_EQ(changed([&] { superblock().incompat = superblock().incompat | 0x4; }),
            "its journal has not been replayed");
  EXPECT_EQ(changed([&] { superblock().incompat = superblock().incompat | 0x80000008; }),
            "it has features that are not known: 0x80000008");
  EXPECT_EQ(changed([&] { superblock().log_block_size = 7; }), "bad block size 2^17");
  EXPECT_EQ(changed([&] { superblock().log_block_size = UINT32_MAX; }),
            "bad block size 2^4294967305");
  EXPECT_EQ(changed([&] { superblock().inode_size = 8192; }), "bad inode size 8192");
  EXPECT_EQ(changed([&] { superblock().inode_size = 300; }), "bad inode size 300");
  EXPECT_EQ(changed([&] { superblock().inodes_per_group = 0; }),
            "bad groups of 32768 blocks and 0 inodes from block 0 on");
  EXPECT_EQ(changed([&] { superblock().blocks_per_group = 0; }),
            "bad groups of 0 blocks and 16 inodes from block 0 on");
  EXPECT_EQ(changed([&] { superblock().blocks_per_group = 1; }),
            fmt::format("16 inodes in {} groups of 16", image_.size() / 4096));
  EXPECT_EQ(changed([&] { superblock().descriptor_size = 48; }),
            "bad size of group descriptors 48");
}

TEST_F(SmallExt4, BadInodesAreNamed) {
  EXPECT_EQ(changed([&] { inode(kRootInode).mode = 0100644; }), "'/': the root is no folder");
  EXPECT_EQ(changed([&] { inode(11).mode = 0; }), "'/a': bad mode 0 of inode 11");
  EXPECT_EQ(changed([&] { inode(11).link_count = 0; }), "'/a': inode 11 is not in use");
  EXPECT_EQ(changed([&] { inode(11).flags = kInodeInline | kInodeExtents; }),
            "'/a': an inode with inline data");
  EXPECT_EQ(changed([&] { inode(11).flags = kInodeEncrypted | kInodeExtents; }),
            "'/a': an encrypted inode");
  EXPECT_EQ(changed([&] { inode(12).extra_size = 130; }),
            "'/b': 130 more bytes of fields in an inode of 256");
  EXPECT_EQ(changed([&] { inode(12).extra_size = 30; }),
            "'/b': 30 more bytes of fields in an inode of 256");
  EXPECT_EQ(changed([&] { inode(14).size_low = 5000; }),
            "'/l': a symlink target has 1 to 4095 bytes, found 5000");
  EXPECT_EQ(changed([&] { inode(14).size_low = 71; }), "'/l': a symlink target with a NUL byte");
  EXPECT_EQ(changed([&] { inode(13).size_low = 100; }), "'/d': a folder of 100 bytes");
  EXPECT_EQ(changed([&] { inode(13).size_low = 8192; }), "'/d': a folder without its block 1");
}

TEST_F(SmallExt4, BadExtentsAreNamed) {
  EXPECT_EQ(
      changed([&] { struct_at<ExtentHeader>(std::span<uint8_t>(inode(11).block), 0).magic = 0; }),
      "bad node of extents: magic 0x0, 1 of 4, depth 0");
  EXPECT_EQ(
      changed([&] { struct_at<ExtentHeader>(std::span<uint8_t>(inode(11).block), 0).count = 5; }),
      "bad node of extents: magic 0xf30a, 5 of 4, depth 0");
  EXPECT_EQ(changed([&] {
              ExtentHeader& header =
                  struct_at<ExtentHeader>(std::span<uint8_t>(inode(11).block), 0);
              header.count = header.capacity = 100;
            }),
            "bad node of extents: magic 0xf30a, 100 of 100, depth 0");
  EXPECT_EQ(
      changed([&] { struct_at<ExtentHeader>(std::span<uint8_t>(inode(11).block), 0).depth = 6; }),
      "bad node of extents: magic 0xf30a, 1 of 4, depth 6");
  EXPECT_EQ(
      changed([&] {
        struct_at<Extent>(std::span<uint8_t>(inode(11).block), sizeof(ExtentHeader)).start_low =
            100000;
      }),
      fmt::format("block 100000 is not among {}", image_.size() / 4096));
}

TEST_F(SmallExt4, BadBlockMapsAreNamed) {
  const size_t blocks = image_.size() / kBlockSize;
  EXPECT_EQ(changed([&] {
              make_block_map(11);
              pointer(11, 2) = 100000;
            }),
            fmt::format("block 100000 is not among {}", blocks));
  EXPECT_EQ(changed([&] {
              make_block_map(11);
              inode(11).size_low = 1 << 20;
              pointer(11, kDirectPointers) = 100000;
            }),
            fmt::format("block 100000 is not among {}", blocks));
  EXPECT_EQ(changed([&] {
              make_block_map(11);
              inode(11).size_low = 1 << 20;
              pointer(11, kDirectPointers) = append_block(UINT32_MAX);
            }),
            fmt::format("block 4294967295 is not among {}", blocks + 1));
  EXPECT_EQ(changed([&] { make_block_map(13); }), "'/d': a folder without its block 0");
}

TEST_F(SmallExt4, ABlockBehindTheEndOfABlockMapIsNamed) {
  const uint64_t end = (12 + 1024 + (uint64_t{1} << 20) + (uint64_t{1} << 30)) * kBlockSize;
  make_block_map(11);
  inode(11).size_low = low32(end + 1);
  inode(11).size_high = high32(end + 1);
  write_file(path(), image_);
  const FileTree tree = read_ext4(std::make_shared<File>(File::open_for_reading(path())));
  std::unique_ptr<ContentReader> reader = tree.find("/a")->regular()->content.open();
  reader->skip(end - 1);
  Bytes last(1, 'x');
  reader->read(last);
  EXPECT_EQ(last[0], 0);
  EXPECT_EQ(error_of([&] { reader->read(last); }),
            fmt::format("cannot read ext4 image '{}': block 1074791436 of a file is more than a "
                        "block map holds",
                        path()));
}

TEST_F(SmallExt4, AFolderWhoseBlockMapNamesABlockAgainAndAgainEnds) {
  const uint32_t empty = append_block(0);
  at<DirectoryEntry>(uint64_t{empty} * kBlockSize).record_size = kBlockSize;
  const uint32_t once = append_block(empty), twice = append_block(once);
  make_block_map(13);
  for (size_t i = 0; i < kDirectPointers; ++i) pointer(13, i) = empty;
  pointer(13, kDirectPointers) = once;
  pointer(13, kDirectPointers + 1) = twice;
  pointer(13, kDirectPointers + 2) = append_block(twice);
  inode(13).size_high = 1024;
  const uint64_t blocks = image_.size() / kBlockSize;
  EXPECT_EQ(message(image_),
            fmt::format("'/d': its {} blocks unfold to a tree of more than {} bytes", blocks,
                        (64 << 20) + 64 * blocks * kBlockSize));
}

TEST_F(SmallExt4, BadFoldersAreNamed) {
  // Behind `.` and `..` of 12 bytes each.
  auto first_entry = [&]() -> DirectoryEntry& { return at<DirectoryEntry>(directories_ + 24); };
  EXPECT_EQ(changed([&] { first_entry().record_size = 6; }),
            "'/': a record of 6 bytes with a name of 1 at 24 of 4096");
  EXPECT_EQ(changed([&] { first_entry().record_size = 8; }),
            "'/': a record of 8 bytes with a name of 1 at 24 of 4096");
  EXPECT_EQ(changed([&] { first_entry().record_size = 8000; }),
            "'/': a record of 8000 bytes with a name of 1 at 24 of 4096");
  EXPECT_EQ(changed([&] { first_entry().inode = 17; }), "'/a': inode 17 is not among 16");
  EXPECT_EQ(changed([&] { first_entry().inode = 13; }),
            "'/d': a folder that stands elsewhere, too");
  EXPECT_EQ(changed([&] { image_[directories_ + 32] = '/'; }),
            "'/': bad file name '/': a name with '/'");
  EXPECT_EQ(changed([&] { image_[directories_ + 32] = 'b'; }), "'/b': it stands twice");
  // A loop: /d/f leads to /.
  EXPECT_EQ(changed([&] { at<DirectoryEntry>(directories_ + kBlockSize + 24).inode = 2; }),
            "'/d/f': a folder that stands elsewhere, too");
}

TEST_F(SmallExt4, BadXattrsAreNamed) {
  const uint64_t entries = xattrs_ + sizeof(XattrBlockHeader);
  EXPECT_EQ(changed([&] { at<XattrBlockHeader>(xattrs_).magic = 7; }),
            fmt::format("'/a': bad block of xattrs {}: magic 0x7, 1 blocks", xattrs_ / kBlockSize));
  EXPECT_EQ(changed([&] { at<XattrEntry>(entries).prefix = 9; }),
            "'/a': bad xattr with prefix 9 and a name of 7 bytes");
  EXPECT_EQ(changed([&] { at<XattrEntry>(entries).value_inode = 12; }),
            "'/a': xattr 'security.selinux' has its value in an inode");
  EXPECT_EQ(changed([&] { at<XattrEntry>(entries).value_size = 5000; }),
            "'/a': the value of xattr 'security.selinux', 5000 bytes at 3776, is not among 4096");
  EXPECT_EQ(changed([&] { inode(11).xattr_block_low = 100000; }),
            fmt::format("'/a': block 100000 is not among {}", image_.size() / 4096));
}

TEST_F(HostileExt4, DamagedImagesEndInATreeOrAnError) {
  const std::string image = write(tests::random_tree(3, 60));
  std::mt19937 engine(1);
  size_t errors = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = image;
    for (int i = 0; i < 20; ++i) {
      // Most of the image is data: aim at what describes it.
      const size_t place = engine() % std::min<size_t>(damaged.size(), 40 * kBlockSize);
      damaged[place] = static_cast<char>(engine());
    }
    errors += error_of([&] { read_all(damaged); }) != "(no error)";
  }
  EXPECT_GT(errors, 20u);
  for (size_t size = 0; size < image.size(); size += image.size() / 97) {
    EXPECT_NE(error_of([&] { read_all(image.substr(0, size)); }), "(no error)") << size;
  }
}

}  // namespace
}  // namespace imagefmt
