// SPDX-License-Identifier: Apache-2.0
//
// Images that are cut, damaged or made to mislead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/squashfs/format.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using namespace squashfs;
using ::testing::StartsWith;
using tests::error_of;

using HostileSquashfs = tests::ImageTest<tests::SquashfsFormat>;

/// A struct of the format at a place in an image, to be changed.
template <class T>
T& at(std::string& image, uint64_t offset) {
  assert(offset + sizeof(T) <= image.size());
  return *reinterpret_cast<T*>(image.data() + offset);
}
Superblock& superblock(std::string& image) {
  return at<Superblock>(image, 0);
}

/// Small, and stored as it is, so that every field has a known place. Behind the header of two
/// bytes, inodes come in this order: /d/f, then /a, /b, /d, /l, then the root.
class StoredImage : public HostileSquashfs {
 protected:
  void SetUp() override {
    FileTree tree;
    tree.insert("/a", make_regular(Content::from_bytes(std::string(5000, 'a'))));
    tree.insert("/b", Node(Device{Device::Kind::kFifo}, 0600));
    tree.insert("/d/f", make_directory());
    tree.insert("/l", make_symlink("target"));
    image_ = write(tree, {.compression = Compression::kNone, .block_size = 4096});
    inodes_ = superblock(image_).inode_table + sizeof(le16);
    listings_ = superblock(image_).directory_table + sizeof(le16);
  }

  /// Offsets from inodes_ and listings_.
  static constexpr uint64_t kInodeOfF = 0;
  static constexpr uint64_t kInodeOfA = kInodeOfF + sizeof(InodeHeader) + sizeof(DirectoryInode);
  static constexpr uint64_t kInodeOfB =
      kInodeOfA + sizeof(InodeHeader) + sizeof(RegularInode) + sizeof(le32);
  static constexpr uint64_t kInodeOfD = kInodeOfB + sizeof(InodeHeader) + sizeof(le32);
  static constexpr uint64_t kInodeOfL = kInodeOfD + sizeof(InodeHeader) + sizeof(DirectoryInode);
  static constexpr uint64_t kListingOfD = 0;
  static constexpr uint64_t kListingOfRoot = sizeof(ListingHeader) + sizeof(ListingEntry) + 1;

  InodeHeader& inode(uint64_t place) { return at<InodeHeader>(image_, inodes_ + place); }
  template <class T>
  T& body(uint64_t place) {
    return at<T>(image_, inodes_ + place + sizeof(InodeHeader));
  }
  template <class T>
  T& listing(uint64_t place) {
    return at<T>(image_, listings_ + place);
  }

  std::string image_;
  uint64_t inodes_ = 0, listings_ = 0;
};

TEST_F(StoredImage, IsReadAsItIs) {
  EXPECT_EQ(dump(read(image_)).size(), 6u);
}

TEST_F(StoredImage, BadSuperblocksAreNamed) {
  auto changed = [&](const auto& change) {
    std::string image = image_;
    change(superblock(image));
    return message(image);
  };
  EXPECT_EQ(message(""), "0 bytes are too few for a superblock");
  EXPECT_EQ(message(image_.substr(0, 95)), "95 bytes are too few for a superblock");
  EXPECT_EQ(changed([](Superblock& block) { block.magic = 1; }),
            "bad magic: expected 0x73717368, found 0x1");
  EXPECT_EQ(changed([](Superblock& block) { block.major = 3; }),
            "bad version: expected 4.0, found 3.0");
  EXPECT_EQ(changed([](Superblock& block) { block.block_size = 4097; }),
            "bad block size 4097 (2^12)");
  EXPECT_EQ(changed([](Superblock& block) { block.block_log = 13; }), "bad block size 4096 (2^13)");
  EXPECT_EQ(changed([](Superblock& block) { block.compressor = 3; }),
            "compressor 3 (lzo) is not supported");
  EXPECT_EQ(changed([](Superblock& block) { block.compressor = 9; }),
            "compressor 9 (unknown) is not supported");
  EXPECT_EQ(changed([](Superblock& block) { block.bytes_used = 1 << 20; }),
            fmt::format("it says that it has 1048576 bytes, found {}", image_.size()));
  EXPECT_EQ(changed([](Superblock& block) { block.inode_table = 3; }),
            fmt::format("bad places of the inode table 3 and the directory table {}",
                        uint64_t{superblock(image_).directory_table}));
  uint64_t used = superblock(image_).bytes_used;
  EXPECT_EQ(changed([](Superblock& block) { block.inode_count = 0; }),
            fmt::format("0 inodes in {} bytes", used));
  EXPECT_EQ(changed([](Superblock& block) { block.inode_count = UINT32_MAX; }),
            fmt::format("4294967295 inodes in {} bytes", used));
  EXPECT_EQ(changed([](Superblock& block) { block.fragment_count = 1u << 31; }),
            fmt::format("fragment table: 2147483648 entries listed at {} lie outside of the image",
                        uint64_t{superblock(image_).fragment_table}));
  EXPECT_EQ(changed([](Superblock& block) { block.id_table = kNoTable; }),
            "id table: 1 entries listed at 18446744073709551615 lie outside of the image");
  EXPECT_EQ(changed([](Superblock& block) { block.id_count = 2000; }),
            fmt::format("id table: metadata block at {}: 4 bytes, expected 8000",
                        uint64_t{superblock(image_).id_table} - 6));
  EXPECT_EQ(changed([](Superblock& block) { block.xattr_table = 1 << 30; }),
            "the xattr table lies outside of the image");
  EXPECT_EQ(changed([](Superblock& block) { block.root = uint64_t{1} << 40; }),
            "'/': reference 0x10000000000 leads outside of the image");
  EXPECT_EQ(changed([](Superblock& block) { block.root = 8000; }),
            fmt::format("'/': metadata block at {} has no byte 8000",
                        uint64_t{superblock(image_).inode_table}));
}

TEST_F(StoredImage, BadInodesAreNamed) {
  auto changed = [&](uint64_t place, const auto& change) {
    std::string whole = image_;
    change(inode(place));
    std::string text = message(image_);
    image_ = whole;
    return text;
  };
  EXPECT_EQ(changed(kInodeOfA, [](InodeHeader& header) { header.type = kDirectory; }),
            "'/a': bad type of inode 1, expected 2");
  EXPECT_EQ(changed(kInodeOfB, [](InodeHeader& header) { header.type = 99; }),
            "'/b': bad type of inode 99, expected 6");
  EXPECT_EQ(changed(kInodeOfL, [](InodeHeader& header) { header.number = 7; }),
            "'/l': inode number 7 is not among 6");
  EXPECT_EQ(changed(kInodeOfF, [](InodeHeader& header) { header.uid_index = 5; }),
            "'/d/f': user or group 5 is not among 1 ids");
}

TEST_F(StoredImage, BadBodiesAreNamed) {
  auto restored = [&, whole = image_] {
    std::string text = message(image_);
    image_ = whole;
    return text;
  };
  body<SymlinkInode>(kInodeOfL).target_size = 4096;
  EXPECT_EQ(restored(), "'/l': a symlink target has 1 to 4095 bytes, found 4096");
  body<SymlinkInode>(kInodeOfL).target_size = 0;
  EXPECT_EQ(restored(), "'/l': a symlink target has 1 to 4095 bytes, found 0");
  at<char>(image_, inodes_ + kInodeOfL + sizeof(InodeHeader) + sizeof(SymlinkInode)) = '\0';
  EXPECT_EQ(restored(), "'/l': a symlink target with a NUL byte");
  body<RegularInode>(kInodeOfA).fragment = 1;
  EXPECT_EQ(restored(), "'/a': fragment 1 is not among 1");
  body<RegularInode>(kInodeOfA).fragment_offset = 4000;
  EXPECT_EQ(restored(), "'/a': bytes 4000 to 4904 of a fragment, expected at most 4096");
  body<RegularInode>(kInodeOfA).fragment_offset = 1;
  EXPECT_EQ(restored(), "fragment 0 has 904 bytes, expected 905");
  body<RegularInode>(kInodeOfA).start = 1 << 30;
  EXPECT_EQ(restored(), "data block at 1073741824: outside of the image");
  at<le32>(image_, inodes_ + kInodeOfA + sizeof(InodeHeader) + sizeof(RegularInode)) = 5000;
  EXPECT_EQ(restored(), "data block at 96: bad size 0x1388");
  at<le32>(image_, inodes_ + kInodeOfA + sizeof(InodeHeader) + sizeof(RegularInode)) =
      kBlockStored | 4000;
  EXPECT_EQ(restored(), "data block at 96: 4000 bytes, expected 4096");
  at<le32>(image_, inodes_ + kInodeOfA + sizeof(InodeHeader) + sizeof(RegularInode)) = 4000;
  EXPECT_EQ(restored(), "data block at 96: corrupt compressed data");
  body<RegularInode>(kInodeOfA).size = UINT32_MAX;
  body<RegularInode>(kInodeOfA).fragment = kNoFragment;
  // A list of a million blocks runs into what follows.
  EXPECT_THAT(restored(), StartsWith("data block at "));
}

TEST_F(StoredImage, BadListingsAreNamed) {
  auto restored = [&, whole = image_] {
    std::string text = message(image_);
    image_ = whole;
    return text;
  };
  constexpr uint64_t kFirst = kListingOfRoot + sizeof(ListingHeader);
  constexpr uint64_t kSecond = kFirst + sizeof(ListingEntry) + 1;
  listing<ListingHeader>(kListingOfRoot).count = 256;
  EXPECT_EQ(restored(), "'/': 257 entries behind a header, expected at most 256");
  listing<ListingHeader>(kListingOfRoot).count = 4;
  EXPECT_EQ(restored(), "'/': the list of entries ends in an entry");
  listing<ListingHeader>(kListingOfRoot).inode_block = 1 << 20;
  EXPECT_EQ(restored(), "'/a': reference 0x1000000020 leads outside of the image");
  listing<ListingEntry>(kFirst).name_size = 300;
  EXPECT_EQ(restored(), "'/': the list of entries ends in an entry");
  listing<char>(kFirst + sizeof(ListingEntry)) = '/';
  EXPECT_EQ(restored(), "'/': bad file name '/': a name with '/'");
  listing<char>(kFirst + sizeof(ListingEntry)) = '.';
  EXPECT_EQ(restored(), "'/': bad file name '.': '.' and '..' are no names");
  listing<char>(kFirst + sizeof(ListingEntry)) = 'b';
  EXPECT_EQ(restored(), "'/': 'b' follows 'b', expected names in the order of their bytes");
  listing<char>(kSecond + sizeof(ListingEntry)) = 'A';
  EXPECT_EQ(restored(), "'/': 'A' follows 'a', expected names in the order of their bytes");
  // /d/f leads back to /d.
  listing<ListingEntry>(kListingOfD + sizeof(ListingHeader)).inode_offset = kInodeOfD;
  EXPECT_EQ(restored(), "'/d/f': a folder that stands elsewhere, too");
}

TEST_F(HostileSquashfs, BadXattrsAreNamed) {
  FileTree tree;
  tree.root().xattrs = std::make_unique<Xattrs>();
  (*tree.root().xattrs)["user.a"] = "1";
  (*tree.root().xattrs)["user.b"] = "2";
  std::string image = write(tree, {.compression = Compression::kNone});
  uint64_t header = superblock(image).xattr_table;
  uint64_t entries = at<XattrTableHeader>(image, header).entries + sizeof(le16);
  uint64_t second = entries + sizeof(XattrEntry) + 1 + sizeof(le32) + 1;
  auto restored = [&, whole = image] {
    std::string text = message(image);
    image = whole;
    return text;
  };
  at<XattrEntry>(image, entries).type = 9;
  EXPECT_EQ(restored(), "'/': bad xattr of type 0x9 with a name of 1 bytes");
  at<XattrEntry>(image, entries).type = kXattrOutOfLine;
  EXPECT_EQ(restored(), "'/': xattr 'user.a' has a reference of 1 bytes, expected 8");
  at<le32>(image, entries + sizeof(XattrEntry) + 1) = 65537;
  EXPECT_EQ(restored(), "'/': xattr 'user.a' has 65537 bytes, expected at most 65536");
  at<char>(image, second + sizeof(XattrEntry)) = 'a';
  EXPECT_EQ(restored(), "'/': xattr 'user.a' stands twice");
  at<XattrTableHeader>(image, header).count = 0;
  EXPECT_EQ(restored(), "'/': set of xattrs 0 is not among 0");
  at<XattrTableHeader>(image, header).entries = uint64_t{1} << 60;
  EXPECT_EQ(restored(), "'/': reference 0x0 leads outside of the image");
}

TEST_F(HostileSquashfs, DeepFoldersAreRefused) {
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
  EXPECT_EQ(message(write(tree, {})), "'" + deepest + "': deeper than 1024 folders");
}

TEST_F(HostileSquashfs, ASmallImageDoesNotUnfoldWithoutBounds) {
  // One set of large xattrs for many nodes.
  FileTree tree;
  for (int i = 0; i < 300; ++i) {
    Node& node = tree.insert(fmt::format("/{}", i), make_directory());
    node.xattrs = std::make_unique<Xattrs>();
    for (char name : {'a', 'b', 'c', 'd'}) {
      (*node.xattrs)[std::string("user.") + name] = std::string(65536, name);
    }
  }
  std::string image = write(tree, {.level = 3});
  EXPECT_LT(image.size(), 20000u);
  uint64_t used = superblock(image).bytes_used;
  EXPECT_THAT(message(image),
              ::testing::EndsWith(fmt::format("its {} bytes unfold to a tree of more than {}", used,
                                              (64 << 20) + 64 * used)));
}

TEST_F(HostileSquashfs, CutImagesAreRefused) {
  FileTree tree = tests::random_tree(21, 100);
  for (Compression compression : {Compression::kNone, Compression::kZstd}) {
    std::string image = write(tree, {.compression = compression, .level = std::nullopt});
    image.resize(superblock(image).bytes_used);  // the padding behind it is nobody's loss
    for (size_t part = 0; part < 50; ++part) {
      message(image.substr(0, image.size() * part / 50));
    }
    // And with a superblock that says that this is all.
    for (size_t part = 1; part < 50; ++part) {
      std::string cut = image.substr(0, image.size() * part / 50);
      superblock(cut).bytes_used = cut.size();
      message(cut);
    }
  }
}

TEST_F(HostileSquashfs, FlippedBitsGiveATreeOrAnError) {
  FileTree tree = tests::random_tree(22, 40);
  for (Compression compression : {Compression::kNone, Compression::kZstd, Compression::kXz,
                                  Compression::kGzip, Compression::kLz4}) {
    std::string image = write(tree, {.compression = compression});
    uint64_t metadata = superblock(image).inode_table;
    uint64_t end = superblock(image).bytes_used;
    std::mt19937 dice(static_cast<uint32_t>(compression));
    size_t errors = 0;
    for (int i = 0; i < 200; ++i) {
      std::string flipped = image;
      // Most of the image is data, where a flip tells little.
      uint64_t place = i % 4 == 0   ? dice() % sizeof(Superblock)
                       : i % 4 == 1 ? dice() % end
                                    : metadata + dice() % (end - metadata);
      flipped[place] = static_cast<char>(flipped[place] ^ 1 << dice() % 8);
      std::string text = error_of([&] { read_all(flipped); });
      errors += text != "(no error)";
    }
    EXPECT_GT(errors, 50u) << name_of(compression);
  }
}

}  // namespace
}  // namespace imagefmt
