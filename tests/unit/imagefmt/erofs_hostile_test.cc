// SPDX-License-Identifier: Apache-2.0
//
// Images that nobody should make: read_erofs names what is wrong, or gives a tree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cassert>
#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/erofs/checksum.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/erofs/format.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using namespace erofs;
using ::testing::EndsWith;
using ::testing::StartsWith;
using tests::error_of;

/// A struct of the format at a place in an image, to be changed.
template <class T>
T& at(std::string& image, uint64_t offset) {
  assert(offset + sizeof(T) <= image.size());
  return *reinterpret_cast<T*>(image.data() + offset);
}
Superblock& superblock(std::string& image) {
  return at<Superblock>(image, kSuperblockOffset);
}
void mend_checksum(std::string& image) {
  superblock(image).checksum = 0;
  superblock(image).checksum =
      checksum(as_bytes(image).subspan(kSuperblockOffset, kBlockSize - kSuperblockOffset));
}

using HostileErofs = tests::ImageTest<tests::ErofsFormat>;

/// Small, so that every field has a known place: the root's inode is the first of block 1.
class SmallImage : public HostileErofs {
 protected:
  void SetUp() override {
    FileTree tree;
    std::string text;
    for (int i = 0; text.size() < 20000; ++i) text += fmt::format("{}, ", i);
    tree.insert("/a", make_regular(Content::from_bytes(text)));
    tree.insert("/b", Node(Device{Device::Kind::kFifo}, 0600));
    tree.insert("/d/f", make_directory());
    tree.insert("/l", make_symlink("target"));
    tree.insert("/p", make_regular(Content::from_bytes("short")));
    image_ = whole_ = write(tree);
    root_ = kBlockSize;
    // '.', '..', and then the entries.
    entries_ = root_ + sizeof(CompactInode);
  }

  ListingEntry& entry(size_t index) {
    return at<ListingEntry>(image_, entries_ + index * sizeof(ListingEntry));
  }
  char& name(size_t index) { return at<char>(image_, entries_ + entry(index).name_offset); }
  uint64_t place(size_t index) { return entry(index).nid * kSlotSize; }
  CompactInode& inode(size_t index) { return at<CompactInode>(image_, place(index)); }
  /// The packed index of /a.
  uint64_t index() { return place(kA) + sizeof(CompactInode) + sizeof(IndexHeader); }
  std::string restored() {
    std::string text = message(image_);
    image_ = whole_;
    return text;
  }

  static constexpr size_t kA = 2, kB = 3, kD = 4, kL = 5, kP = 6;
  std::string image_, whole_;
  uint64_t root_ = 0, entries_ = 0;
};

TEST_F(SmallImage, IsReadAsItIs) {
  EXPECT_EQ(dump(read(image_)).size(), 7u);
}

TEST_F(SmallImage, BadSuperblocksAreNamed) {
  auto changed = [&](const auto& change) {
    change(superblock(image_));
    mend_checksum(image_);
    return restored();
  };
  EXPECT_EQ(message(""), "0 bytes are too few for a superblock");
  EXPECT_EQ(message(image_.substr(0, 4095)), "4095 bytes are too few for a superblock");
  EXPECT_EQ(changed([](Superblock& block) { block.magic = 1; }),
            "bad magic: expected 0xe0f5e1e2, found 0x1");
  EXPECT_EQ(changed([](Superblock& block) { block.block_log = 9; }),
            "blocks of 2^9 bytes and listings of 2^0 blocks: expected 2^12 and 2^0");
  EXPECT_EQ(changed([](Superblock& block) { block.incompat_features = 0x31; }),
            "features 0x30 are not supported");
  EXPECT_EQ(changed([](Superblock& block) { block.block_count = 1000; }),
            fmt::format("it says that it has 4096000 bytes, found {}", image_.size()));
  EXPECT_EQ(changed([](Superblock& block) { block.block_count = 0; }),
            fmt::format("it says that it has 0 bytes, found {}", image_.size()));
  EXPECT_EQ(changed([](Superblock& block) { block.root_nid = 60000; }),
            "'/': inode 60000 lies outside of the image");
  EXPECT_EQ(changed([](Superblock& block) { block.inode_start = 1 << 30; }),
            "'/': inode 128 lies outside of the image");
  EXPECT_EQ(
      changed([&](Superblock& block) {
        block.root_nid = static_cast<uint16_t>(uint64_t{entry(kP).nid});
      }),
      "'/': bad mode 0100644 of inode " + std::to_string(entry(kP).nid) + ", expected type 040000");
  superblock(image_).uuid[0] ^= 1;
  EXPECT_THAT(restored(), StartsWith("bad checksum: expected "));
}

TEST_F(SmallImage, BadInodesAreNamed) {
  inode(kB).format = 0x10;
  EXPECT_EQ(restored(), fmt::format("'/b': bad format 0x10 of inode {}", entry(kB).nid));
  inode(kB).format = 5 << kLayoutShift;
  EXPECT_EQ(restored(), fmt::format("'/b': bad format 0xa of inode {}", entry(kB).nid));
  inode(kB).mode = 0100600;
  EXPECT_EQ(restored(),
            fmt::format("'/b': bad mode 0100600 of inode {}, expected type 010000", entry(kB).nid));
  inode(kB).xattr_count = 60000;
  EXPECT_THAT(restored(), StartsWith("'/b': "));
  inode(kL).size = 4096;
  EXPECT_EQ(restored(), "'/l': a symlink target has 1 to 4095 bytes, found 4096");
  inode(kL).size = 0;
  EXPECT_EQ(restored(), "'/l': a symlink target has 1 to 4095 bytes, found 0");
  at<char>(image_, place(kL) + sizeof(CompactInode)) = '\0';
  EXPECT_EQ(restored(), "'/l': a symlink target with a NUL byte");
  inode(kP).size = 4090;
  EXPECT_EQ(restored(), fmt::format("'/p': 4090 bytes behind inode {} cross the end of a block",
                                    entry(kP).nid));
  inode(kP).size = 40000;
  inode(kP).start = 1 << 20;
  EXPECT_EQ(restored(), "'/p': 36864 bytes at 4294967296 lie outside of the image");
  inode(kP).format = kChunks << kLayoutShift;
  inode(kP).start = 0x40;
  EXPECT_EQ(restored(), "'/p': bad format 0x40 of chunks");
}

TEST_F(SmallImage, BadIndexesAreNamed) {
  IndexHeader& header = at<IndexHeader>(image_, index() - sizeof(IndexHeader));
  header.algorithms = 1;
  EXPECT_EQ(restored(),
            "'/a': compressed with advice 0x1, algorithms 0x1 and clusters 0x0, which are not "
            "supported");
  header.advice = 0x21;
  EXPECT_EQ(restored(),
            "'/a': compressed with advice 0x21, algorithms 0x0 and clusters 0x0, which are not "
            "supported");
  inode(kA).size = UINT32_MAX;
  EXPECT_EQ(restored(), fmt::format("'/a': 2097152 bytes at {} lie outside of the image",
                                    index() - sizeof(IndexHeader)));
  // The first cluster lies within an extent that no one began.
  at<le16>(image_, index()) = kInside << kEntryBits;
  EXPECT_EQ(restored(), "no extent begins at or before byte 0");
  // It stands as it is, and goes on for several clusters.
  at<le16>(image_, index()) = kPlain << kEntryBits;
  EXPECT_THAT(restored(), StartsWith("bad extent from byte 0 to "));
  at<le32>(image_, index() + 4) = 1 << 20;
  EXPECT_EQ(restored(), "data at 4294971392: 4096 bytes at 4294971392 lie outside of the image");
  // Its block holds other bytes than those of an extent.
  at<le32>(image_, index() + 4) = 0;
  EXPECT_THAT(restored(), StartsWith("data at 4096: "));
}

TEST_F(SmallImage, BadListingsAreNamed) {
  entry(0).name_offset = 13;
  EXPECT_EQ(restored(), "'/': bad offset 13 of the first name");
  entry(0).name_offset = 0;
  EXPECT_EQ(restored(), "'/': bad offset 0 of the first name");
  entry(0).name_offset = 12 * 300;
  EXPECT_THAT(restored(), StartsWith("'/': a block of entries ends at offset "));
  const size_t size = inode(0).size;
  entry(kB).name_offset = 4000;
  EXPECT_EQ(restored(), fmt::format("'/': bad name from {} to 4000 in {} bytes",
                                    uint16_t{entry(kA).name_offset}, size));
  entry(kB).name_offset = entry(kA).name_offset;
  EXPECT_EQ(restored(), "'/': bad file name '': an empty name");
  name(kA) = '/';
  EXPECT_EQ(restored(), "'/': bad file name '/': a name with '/'");
  name(kA) = 'b';
  EXPECT_EQ(restored(), "'/': 'b' follows 'b', expected names in the order of their bytes");
  name(kB) = 'A';
  EXPECT_EQ(restored(), "'/': 'A' follows 'a', expected names in the order of their bytes");
  entry(kA).type = 9;
  EXPECT_EQ(restored(), "'/a': bad type 9 of an entry");
  entry(kA).nid = UINT64_MAX;
  EXPECT_EQ(restored(), "'/a': inode 18446744073709551615 lies outside of the image");
  // The folder leads back to the root.
  entry(kD).nid = entry(0).nid;
  EXPECT_EQ(restored(), "'/d': a folder that stands elsewhere, too");
}

TEST_F(HostileErofs, BadXattrsAreNamed) {
  FileTree tree;
  tree.root().xattrs = std::make_unique<Xattrs>();
  (*tree.root().xattrs)["user.a"] = "1";
  (*tree.root().xattrs)["user.b"] = "2";
  std::string image = write(tree);
  const uint64_t header = kBlockSize + sizeof(CompactInode);
  const uint64_t first = header + sizeof(XattrHeader);
  const uint64_t second = first + sizeof(XattrEntry) + 4;  // a name and a value of one byte, padded
  auto restored = [&, whole = image] {
    std::string text = message(image);
    image = whole;
    return text;
  };
  at<XattrEntry>(image, first).prefix = 5;
  EXPECT_EQ(restored(), "'/': bad prefix 5 of an xattr");
  at<XattrEntry>(image, second).value_size = 500;
  EXPECT_EQ(restored(), "'/': an xattr of 505 bytes does not fit where it stands");
  at<char>(image, second + sizeof(XattrEntry)) = 'a';
  EXPECT_EQ(restored(), "'/': xattr 'user.a' stands twice");
  at<XattrHeader>(image, header).shared_count = 5;
  EXPECT_EQ(restored(), "'/': 5 shared xattrs in 28 bytes");
  at<XattrHeader>(image, header).shared_count = 1;
  at<le32>(image, first) = UINT32_MAX;
  EXPECT_THAT(restored(), EndsWith(" lie outside of the image"));
}

TEST_F(HostileErofs, DeepFoldersAreRefused) {
  FileTree tree;
  Node* node = &tree.root();
  for (size_t i = 0; i <= kMaxDepth; ++i) {
    std::vector<Entry> entries;
    entries.push_back({"d", make_directory()});
    node->kind = Directory(std::move(entries));
    node = &node->directory()->entries[0].node;
  }
  std::string deepest;
  for (size_t i = 0; i <= kMaxDepth; ++i) deepest += "/d";
  EXPECT_EQ(message(write(tree)), "'" + deepest + "': deeper than 1024 folders");
}

TEST_F(HostileErofs, ASmallImageDoesNotUnfoldWithoutBounds) {
  // One set of large xattrs, just short of what the format holds, for many nodes.
  FileTree tree;
  for (int i = 0; i < 600; ++i) {
    Node& node = tree.insert(fmt::format("/{}", i), make_directory());
    node.xattrs = std::make_unique<Xattrs>();
    for (char name : {'a', 'b', 'c', 'd'}) {
      (*node.xattrs)[std::string("user.") + name] = std::string(65000, name);
    }
  }
  std::string image = write(tree);
  EXPECT_LT(image.size(), 400000u);
  EXPECT_THAT(message(image), EndsWith(fmt::format("its {} bytes unfold to a tree of more than {}",
                                                   image.size(), (64 << 20) + 64 * image.size())));
}

TEST_F(HostileErofs, CutImagesAreRefused) {
  FileTree tree = tests::random_tree(21, 100);
  for (Compression compression : {Compression::kNone, Compression::kLz4}) {
    std::string image = write(tree, {.compression = compression});
    for (size_t part = 0; part < 50; ++part) {
      message(image.substr(0, image.size() * part / 50));
    }
    // And with a superblock that says that this is all.
    for (size_t part = 1; part < 50; ++part) {
      std::string cut = image.substr(0, image.size() * part / 50 / kBlockSize * kBlockSize);
      if (cut.size() < 2 * kBlockSize) continue;
      superblock(cut).block_count = static_cast<uint32_t>(cut.size() / kBlockSize);
      mend_checksum(cut);
      message(cut);
    }
  }
}

TEST_F(HostileErofs, FlippedBitsGiveATreeOrAnError) {
  FileTree tree = tests::random_tree(22, 40);
  for (Compression compression : {Compression::kNone, Compression::kLz4}) {
    const std::string image = write(tree, {.compression = compression});
    std::mt19937 dice(static_cast<uint32_t>(compression));
    size_t errors = 0;
    for (int i = 0; i < 300; ++i) {
      std::string flipped = image;
      // The first blocks are metadata; behind them is data, where a flip tells little.
      uint64_t place = i % 4 == 0   ? kSuperblockOffset + dice() % sizeof(Superblock)
                       : i % 4 == 1 ? dice() % image.size()
                                    : kBlockSize + dice() % (2 * kBlockSize);
      flipped[place] = static_cast<char>(flipped[place] ^ 1 << dice() % 8);
      if (i % 8 != 0) mend_checksum(flipped);
      std::string text = error_of([&] { read_all(flipped); });
      errors += text != "(no error)";
    }
    EXPECT_GT(errors, 30u) << name_of(compression);
  }
}

}  // namespace
}  // namespace imagefmt
