// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/erofs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/erofs/extents.h"
#include "imagefmt/erofs/format.h"
#include "imagefmt/erofs/slots.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using erofs::Superblock;
using tests::error_of;

using Erofs = tests::ImageTest<tests::ErofsFormat>;

Superblock superblock_of(const std::string& image) {
  return Cursor(as_bytes(image).subspan(erofs::kSuperblockOffset), "image")
      .take_struct<Superblock>();
}

std::string noise(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

/// Compresses to about half.
std::string words(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::string bytes;
  while (bytes.size() < size) bytes += fmt::format("{} of {}, ", engine() % 5000, engine() % 300);
  bytes.resize(size);
  return bytes;
}

Node file(std::string bytes) {
  return make_regular(Content::from_bytes(std::move(bytes)));
}

constexpr Compression kAll[] = {Compression::kNone, Compression::kLz4, Compression::kZstd};

class ErofsRoundTrip
    : public Erofs,
      public ::testing::WithParamInterface<std::pair<Compression, std::optional<int>>> {};

TEST_P(ErofsRoundTrip, GivesTheTreeBack) {
  const auto [compression, level] = GetParam();
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    FileTree tree = tests::random_tree(seed, 200);
    std::string image = write(tree, {.compression = compression, .level = level});
    EXPECT_EQ(image.size() % erofs::kBlockSize, 0u);
    FileTree back = read();
    EXPECT_EQ(dump(back), dump(tree)) << "seed " << seed;
    EXPECT_TRUE(back == tree) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(, ErofsRoundTrip,
                         ::testing::Values(std::pair(Compression::kNone, std::nullopt),
                                           std::pair(Compression::kLz4, std::nullopt),
                                           std::pair(Compression::kLz4, std::optional(3)),
                                           std::pair(Compression::kLz4, std::optional(12)),
                                           std::pair(Compression::kZstd, std::nullopt),
                                           std::pair(Compression::kZstd, std::optional(22))));

TEST_F(Erofs, BytesDoNotDependOnTheJobs) {
  FileTree tree = tests::random_tree(11);
  tree.insert("/large", file(words(5 << 20, 1)));
  for (Compression compression : kAll) {
    std::string one = write(tree, {.compression = compression, .jobs = 1});
    for (unsigned jobs : {2u, 7u}) {
      EXPECT_TRUE(write(tree, {.compression = compression, .jobs = jobs}) == one)
          << name_of(compression) << " with " << jobs << " jobs";
    }
  }
}

TEST_F(Erofs, FilesOfEverySizeComeBack) {
  // Around what fits behind an inode, into a block, into the packs of an index, into a part.
  FileTree tree;
  std::vector<size_t> sizes = {0, 1, 3900, 4000, 4015, 4016, 4017, 4048, 4064, 4065, 4095};
  for (size_t blocks :
       {1u, 2u, 3u, 4u, 7u, 15u, 16u, 17u, 24u, 32u, 33u, 37u, 65u, 255u, 256u, 257u}) {
    for (size_t more : {0u, 1u, 100u, 4016u, 4095u}) sizes.push_back(blocks * 4096 + more);
  }
  for (size_t size : sizes) {
    const std::string name = fmt::format("{:08}", size);
    tree.insert("/noise/" + name, file(noise(size, 1))).label = Label("u:r:noise_t");
    tree.insert("/words/" + name, file(words(size, 2)));
    tree.insert("/zeros/" + name, file(std::string(size, '\0'))).uid = 70000;
    // Both kinds of extent, one behind the other.
    std::string mixed;
    for (uint32_t part = 0; mixed.size() < size; ++part) {
      mixed += part % 2 ? noise(7000 + part, part) : words(9000 + part, part);
    }
    mixed.resize(size);
    tree.insert("/mixed/" + name, file(std::move(mixed)));
  }
  for (Compression compression : kAll) {
    write(tree, {.compression = compression});
    EXPECT_TRUE(read() == tree) << name_of(compression);
  }
}

TEST_F(Erofs, FilesMayBeReadAnywhere) {
  FileTree tree;
  const std::string bytes = words(3 << 20, 5) + std::string(3 << 20, 'z') + noise(1 << 20, 6);
  tree.insert("/f", file(bytes));
  for (Compression compression : kAll) {
    write(tree, {.compression = compression});
    const FileTree back = read();
    std::mt19937 dice(7);
    for (size_t step : {1u, 100u, 4096u, 5000u, 70000u, 2000000u}) {
      // A reader goes forward; one that begins anew is at any place after a first long step.
      std::unique_ptr<ContentReader> reader = back.find("/f")->regular()->content.open();
      std::string part(dice() % (bytes.size() - 3 * step), '\0');
      size_t offset = 0;
      for (int i = 0; i < 3; ++i) {
        reader->read({reinterpret_cast<uint8_t*>(part.data()), part.size()});
        EXPECT_TRUE(bytes.compare(offset, part.size(), part) == 0) << offset << ' ' << step;
        offset += part.size();
        part.resize(step);
      }
    }
  }
}

TEST_F(Erofs, GivesTheNumbersOfItsInodes) {
  FileTree tree;
  tree.insert("/a/b", file("x"));
  tree.insert("/c", make_symlink("a"));
  write(tree);
  PathsByInode numbers;
  EXPECT_TRUE(read_from(path(), &numbers) == tree);
  // Units of 32 bytes: the root in block 1, before what its tree alone decides; a file behind.
  using Number = std::pair<uint64_t, std::string>;
  EXPECT_THAT(numbers, ::testing::UnorderedElementsAre(Number(128, "/"), Number(131, "/a"),
                                                       Number(134, "/c"), Number(256, "/a/b")));
}

TEST_F(Erofs, HoldsEveryKindOfNode) {
  FileTree tree;
  tree.root().label = Label("system_u:object_r:root_t:s0");
  tree.root().mode = 01777;
  tree.insert("/empty", make_directory(0700));
  tree.insert("/nothing", file(""));
  tree.insert("/long", make_symlink(std::string(4095, 'l')));
  tree.insert("/null", Node(Device{Device::Kind::kCharacter, 1, 3}, 0666));
  tree.insert("/disk", Node(Device{Device::Kind::kBlock, 4095, 0xfffff}, 0660));
  tree.insert("/fifo", Node(Device{Device::Kind::kFifo}, 0600)).label = Label("a:b:c:s0");
  tree.insert("/socket", Node(Device{Device::Kind::kSocket}, 0600)).uid = UINT32_MAX;
  tree.insert("/early", make_directory()).mtime = -1;
  tree.insert("/late", make_directory()).mtime = int64_t{1} << 40;
  // Before and behind '.' and '..'.
  tree.insert("/!", make_directory());
  tree.insert("/-", make_directory());
  tree.insert("/...", make_directory());
  tree.insert("/.a", make_directory());
  Node& last = tree.insert("/last", file("x"));
  last.mode = 07777;
  last.gid = 4000000000;
  last.xattrs = std::make_unique<Xattrs>();
  (*last.xattrs)["security.a"] = "before the label";
  (*last.xattrs)["security.z"] = std::string("with\0NUL\0", 9);
  (*last.xattrs)["system.posix_acl_access"] = std::string("\2\0\0\0", 4);
  (*last.xattrs)["trusted.overlay.opaque"] = "y";
  (*last.xattrs)["user.empty"] = "";
  (*last.xattrs)["user.large"] = std::string(65535, 'u');
  last.label = Label("system_u:object_r:usr_t:s0:c0.c1023");
  // The same set again is shared; and one that is shared in part, with an end of data behind it.
  Node& twin = tree.insert("/twin", file(std::string(4500, 't')));
  twin.xattrs = std::make_unique<Xattrs>(*last.xattrs);
  (*twin.xattrs)["user.own"] = std::string(5000, 'o');
  for (Compression compression : kAll) {
    write(tree, {.compression = compression});
    EXPECT_EQ(dump(read()), dump(tree));
    EXPECT_TRUE(read() == tree);
  }
}

TEST_F(Erofs, HoldsManyXattrs) {
  // More than can be shared; all that stand before the data.
  FileTree tree;
  for (const char* path : {"/a", "/b"}) {
    Node& node = tree.insert(path, file(std::string(2000, 'x')));
    node.xattrs = std::make_unique<Xattrs>();
    for (int i = 0; i < 300; ++i) (*node.xattrs)[fmt::format("user.{}", i)] = fmt::format("{}", i);
  }
  write(tree);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Erofs, HoldsFoldersOfAnySize) {
  FileTree tree;
  std::vector<Entry> entries;
  for (int i = 0; i < 20000; ++i) {
    Node node = file("");
    node.label = Label(fmt::format("u:object_r:type{}_t", i % 512));
    entries.push_back({fmt::format("{:06}-{}", i, std::string(60, 'n')), std::move(node)});
  }
  tree.insert("/large", {Directory(std::move(entries)), 0755});
  // Listings that end with a block, or just before or behind it: '.' and '..' take 27 bytes, and
  // each of the entries 12 more than its name has.
  for (size_t last : {90u, 91u, 92u}) {
    const std::string folder = fmt::format("/block{}", last);
    for (int i = 0; i < 15; ++i) {
      tree.insert(fmt::format("{}/{:02}{}", folder, i, std::string(248, 'e')), make_directory());
    }
    tree.insert(
        fmt::format("{}/{}", folder, std::string(4096 - 27 - 15 * 262 - 12 - 91 + last, 'z')),
        make_directory());
  }
  std::string deep;
  for (size_t i = 0; i < kMaxDepth; ++i) deep += "/d";
  tree.insert(deep, make_directory());
  std::vector<Entry> folders;
  for (int i = 0; i < 66000; ++i) folders.push_back({fmt::format("{:05}", i), make_directory()});
  tree.insert("/folders", {Directory(std::move(folders)), 0755});
  write(tree);
  EXPECT_TRUE(read() == tree);
}

/// A file of 5 GB that is zeros but for a few bytes.
class Sparse : public ContentSource {
 public:
  static constexpr uint64_t kSize = 5'000'000'000;
  void read(uint64_t offset, std::span<uint8_t> into) const override {
    std::fill(into.begin(), into.end(), uint8_t{0});
    for (uint64_t place : {uint64_t{4'500'000'000}, kSize - 1}) {
      if (place >= offset && place < offset + into.size()) into[place - offset] = 'x';
    }
  }
};

TEST_F(Erofs, HoldsLargeSparseFiles) {
  FileTree tree;
  tree.insert("/sparse",
              make_regular(Content::from_source(std::make_shared<Sparse>(), Sparse::kSize)));
  EXPECT_LT(write(tree).size(), Sparse::kSize / 100);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Erofs, EqualFilesShareTheirBlocks) {
  for (Compression compression : kAll) {
    FileTree tree;
    const ErofsOptions options{.compression = compression};
    std::string large = noise(3 << 20, 1), small = noise(70000, 2), packed = words(300000, 3);
    tree.insert("/a", file(large));
    tree.insert("/b", file(small));
    tree.insert("/c", file(packed));
    size_t once = write(tree, options).size();
    tree.insert("/d", file(large)).label = Label("another:label:than:a");
    tree.insert("/e", file(small));
    tree.insert("/f", file(packed));
    // No room for the end behind these xattrs, which the first of the equal files does not have.
    Node& crowded = tree.insert("/g", file(small));
    crowded.xattrs = std::make_unique<Xattrs>();
    (*crowded.xattrs)["user.large"] = std::string(3900, 'x');
    std::string late_difference = large;
    late_difference.back() ^= 1;
    size_t twice = write(tree, options).size();
    EXPECT_LE(twice, once + 30 * 4096);
    EXPECT_TRUE(read() == tree);
    tree.insert("/h", file(late_difference));
    EXPECT_GE(write(tree, options).size(), twice + large.size());
    EXPECT_TRUE(read() == tree);
  }
}

TEST_F(Erofs, WhatDoesNotShrinkIsStoredAsItIs) {
  FileTree tree;
  tree.insert("/noise", file(noise(500000, 1)));
  EXPECT_LE(write(tree).size(), 500000u + 4 * 4096);
  tree.insert("/words", file(words(1000000, 1)));
  EXPECT_LE(write(tree).size(), 500000u + 700000u);
  EXPECT_LE(write(tree, {.compression = Compression::kZstd}).size(), 500000u + 400000u);
}

TEST_F(Erofs, LabelsAreSharedAndHaveATrailingNul) {
  FileTree tree;
  for (int i = 0; i < 100; ++i) {
    tree.insert(fmt::format("/{}", i), make_directory()).label =
        Label("system_u:object_r:usr_t:s0");
  }
  std::string image = write(tree);
  // Name of 7 bytes, prefix 6, value of 27 bytes.
  std::string stored("\x07\x06\x1b\0selinuxsystem_u:object_r:usr_t:s0\0", 38);
  size_t place = image.find(stored);
  ASSERT_NE(place, std::string::npos);
  EXPECT_EQ(image.find(stored, place + 1), std::string::npos);
  EXPECT_EQ(place, superblock_of(image).xattr_start * erofs::kBlockSize);
  // The same without the NUL is the same label.
  image[place + 2] = 26;
  write_file(path(), image);
  EXPECT_EQ(read().find("/7")->label.text(), "system_u:object_r:usr_t:s0");
}

TEST_F(Erofs, TheSuperblockSaysWhatItMust) {
  FileTree tree = tests::random_tree(4, 50);
  const ErofsOptions options{
      .volume_name = "a volume's name", .identity = "one", .image_mtime = 1234567890};
  const Superblock block = superblock_of(write(tree, options));
  EXPECT_EQ(block.build_time, 1234567890u);
  EXPECT_EQ(block.inode_count, totals(tree).inodes);
  EXPECT_STREQ(block.volume_name, "a volume's name");
  // Linux 5.10 knows no other feature.
  EXPECT_EQ(block.incompat_features, erofs::kZeroPadding);
  EXPECT_EQ(superblock_of(write(tree, {.compression = Compression::kNone})).incompat_features, 0u);
  const std::string zstd = write(tree, {.compression = Compression::kZstd});
  EXPECT_EQ(superblock_of(zstd).incompat_features, erofs::kZeroPadding | erofs::kBigClusters);
  EXPECT_EQ(superblock_of(zstd).algorithms, 1 << 3);
  // Six bytes of settings: format 0, windows of up to 2^17 bytes.
  EXPECT_EQ(to_hex(as_bytes(zstd).subspan(1024 + 128, 8)), "0600000700000000");
  auto uuid = [&](const ErofsOptions& changed) {
    return to_hex(superblock_of(write(tree, changed)).uuid);
  };
  const std::string before = uuid(options);
  EXPECT_EQ(uuid({.level = 12, .jobs = 3, .identity = "one"}), before);
  EXPECT_NE(uuid({.identity = "another"}), before);
  tree.insert("/one-more", make_directory());
  EXPECT_NE(uuid(options), before);
}

TEST_F(Erofs, WritesOverWhatStoodInTheFile) {
  std::string image = write(FileTree());
  File file = File::create(path());
  SilentReporter reporter;
  file.write(0, as_bytes(noise(50000, 4)));
  write_erofs(FileTree(), {}, file, reporter);
  EXPECT_TRUE(read_file(path()) == image);
}

TEST_F(Erofs, ReportsEachByteOnce) {
  class Counter : public SilentReporter {
   public:
    void begin(std::string_view stage, uint64_t total, std::string_view unit) noexcept override {
      stages += fmt::format("{} {} {}\n", stage, total, unit);
    }
    void advance(uint64_t amount) noexcept override { done += amount; }
    std::string stages;
    uint64_t done = 0;
  } counter;
  FileTree tree = tests::random_tree(3);
  tree.insert("/large", file(words(3 << 20, 1)));
  tree.insert("/large-again", file(words(3 << 20, 1)));
  File file = File::create(path());
  write_erofs(tree, {}, file, counter);
  EXPECT_EQ(counter.done, totals(tree).data_bytes);
  EXPECT_EQ(counter.stages, fmt::format("writing files {} bytes\nwriting metadata 0 bytes\n",
                                        totals(tree).data_bytes));
}

TEST_F(Erofs, RefusesOptionsOutOfRange) {
  auto message = [&](const ErofsOptions& options) {
    return error_of([&] { write(FileTree(), options); });
  };
  for (int level : {-1, 0, 2, 13}) {
    EXPECT_EQ(
        message({.level = level}),
        fmt::format("cannot use level {} with lz4: expected 1 (fast) or 3 to 12 (high)", level));
  }
  EXPECT_EQ(message({.compression = Compression::kNone, .level = 1}),
            "cannot use level 1 without compression");
  for (int level : {-1, 0, 23}) {
    EXPECT_EQ(message({.compression = Compression::kZstd, .level = level}),
              fmt::format("cannot use level {} with zstd: expected 1 to 22", level));
  }
  EXPECT_EQ(message({.compression = Compression::kXz}),
            "cannot compress an erofs image with xz: expected lz4, zstd or none");
  EXPECT_EQ(message({.volume_name = "more than 15 bytes"}),
            "cannot use the volume name 'more than 15 bytes': expected at most 15 bytes, found 18");
}

TEST_F(Erofs, NamesEveryNodeThatDoesNotFit) {
  FileTree tree;
  tree.insert("/label", make_directory()).label = Label(std::string(65535, 'l'));
  tree.insert("/major", Node(Device{Device::Kind::kBlock, 4096, 0}, 0600));
  tree.insert("/minor", Node(Device{Device::Kind::kCharacter, 1, 1 << 20}, 0600));
  Node& many = tree.insert("/many", make_directory());
  many.xattrs = std::make_unique<Xattrs>();
  for (char name : {'a', 'b', 'c', 'd', 'e'}) {
    (*many.xattrs)[std::string("user.") + name] = std::string(60000, name);
  }
  Node& node = tree.insert("/xattr", make_directory());
  node.xattrs = std::make_unique<Xattrs>();
  (*node.xattrs)["security.selinux"] = "x";
  (*node.xattrs)["system.other"] = "x";
  (*node.xattrs)["user." + std::string(251, 'n')] = "x";
  (*node.xattrs)["user.big"] = std::string(65536, 'x');
  EXPECT_EQ(error_of([&] { write(tree); }),
            "cannot write '/label': a label of 65535 bytes does not fit\n"
            "cannot write '/major': device 4096:0 does not fit, erofs holds 4095:1048575\n"
            "cannot write '/many': xattrs of 300052 bytes do not fit, erofs holds 262148\n"
            "cannot write '/minor': device 1:1048576 does not fit, erofs holds 4095:1048575\n"
            "cannot write '/xattr': the label stands among the other xattrs\n"
            "cannot write '/xattr': erofs has no xattr 'system.other', only user., trusted., "
            "security. and POSIX ACLs\n"
            "cannot write '/xattr': xattr 'user.big' has 65536 bytes, expected at most 65535\n"
            "cannot write '/xattr': xattr 'user." +
                std::string(251, 'n') + "' has a name longer than 255 bytes");
}

TEST_F(Erofs, NamesAFileThatChangesWhileItIsRead) {
  for (size_t size : {5u, 2u << 20}) {
    write_file(folder_ / "host", std::string(size, '1'));
    FileTree tree;
    tree.insert("/f", make_regular(Content::from_host_file(folder_ / "host")));
    write_file(folder_ / "host", std::string(size + 1, '1'));
    EXPECT_EQ(error_of([&] { write(tree); }),
              "cannot read '" + folder_ / "host" + "': it changed while being read");
  }
}

/// Fails behind its first MiB.
class Broken : public ContentSource {
 public:
  void read(uint64_t offset, std::span<uint8_t> into) const override {
    if (offset + into.size() > 1 << 20) throw Error("cannot read 'broken': Input/output error");
    std::fill(into.begin(), into.end(), static_cast<uint8_t>(offset >> 20));
  }
};

TEST_F(Erofs, AReadThatFailsLeavesNoImage) {
  for (uint64_t size : {(1u << 20) - 1, 5u << 20}) {
    for (Compression compression : kAll) {
      FileTree tree = tests::random_tree(6, 100);
      auto source = std::make_shared<Broken>();
      tree.insert("/broken", make_regular(Content::from_source(source, size + 1)));
      tree.insert("/whole", make_regular(Content::from_source(source, 100)));
      const std::string message = error_of([&] { write(tree, {.compression = compression}); });
      if (size + 1 <= 1 << 20) {
        EXPECT_EQ(message, "(no error)");
      } else {
        EXPECT_EQ(message, "cannot read 'broken': Input/output error");
        EXPECT_NE(error_of([&] { read(); }), "(no error)");
      }
    }
  }
}

TEST_F(Erofs, NamesTheImageWhenItCannotBeWritten) {
  FileTree tree;
  tree.insert("/f", file(noise(8 << 20, 1)));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (rlim_t limit : {rlim_t{50}, rlim_t{3 << 20}, rlim_t{8 << 20}}) {
    rlimit small{limit, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    std::string message = error_of([&] { write(tree); });
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(message, "cannot write '" + path() + "': File too large") << limit;
  }
  std::signal(SIGXFSZ, handler);
}

TEST(SlotAllocator, FillsBlocksAndCrossesNone) {
  erofs::SlotAllocator slots;
  EXPECT_EQ(slots.place(64), 0u);
  EXPECT_EQ(slots.place(4048), 4096u);  // leaves 32 bytes
  EXPECT_EQ(slots.place(30), 4096u + 4064);
  EXPECT_EQ(slots.place(3000), 64u);
  EXPECT_EQ(slots.place(4096), 8192u);
  EXPECT_EQ(slots.place(10000), 12288u);  // three blocks, of which 1824 bytes are used of the last
  EXPECT_EQ(slots.place(2200), 12288u + 10016);
  EXPECT_EQ(slots.place(960), 64u + 3008);
  EXPECT_EQ(slots.block_count(), 6u);
  std::mt19937 dice(1);
  uint64_t sum = 0;
  for (int i = 0; i < 5000; ++i) {
    const uint64_t size = 64 + dice() % 4033, place = slots.place(size);
    EXPECT_EQ(place % 32, 0u);
    EXPECT_EQ(place / 4096, (place + size - 1) / 4096);
    sum += size;
  }
  EXPECT_LT(slots.block_count() * 4096, sum + sum / 8);
}

}  // namespace
}  // namespace imagefmt
