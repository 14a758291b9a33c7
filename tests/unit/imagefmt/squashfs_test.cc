// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/squashfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <numeric>
#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/squashfs/format.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using squashfs::Superblock;
using tests::error_of;

using Squashfs = tests::ImageTest<tests::SquashfsFormat>;

Superblock superblock_of(const std::string& image) {
  return Cursor(as_bytes(image), "image").take_struct<Superblock>();
}

std::string noise(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

Node file(std::string bytes) {
  return make_regular(Content::from_bytes(std::move(bytes)));
}

constexpr Compression kAll[] = {Compression::kNone, Compression::kZstd, Compression::kXz,
                                Compression::kGzip, Compression::kLz4};

class SquashfsRoundTrip : public Squashfs,
                          public ::testing::WithParamInterface<std::tuple<Compression, uint32_t>> {
};

TEST_P(SquashfsRoundTrip, GivesTheTreeBack) {
  auto [compression, block_size] = GetParam();
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    FileTree tree = tests::random_tree(seed, 200);
    std::string image =
        write(tree, {.compression = compression,
                     .level = compression == Compression::kZstd ? std::optional(3) : std::nullopt,
                     .block_size = block_size,
                     .isolate_below = seed % 2 ? "/" : ""});
    EXPECT_EQ(image.size() % 4096, 0u);
    FileTree back = read();
    EXPECT_EQ(dump(back), dump(tree)) << "seed " << seed;
    EXPECT_TRUE(back == tree) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(, SquashfsRoundTrip,
                         ::testing::Combine(::testing::ValuesIn(kAll),
                                            ::testing::Values(4096u, 131072u, 1048576u)),
                         [](const auto& parameter) {
                           return fmt::format("{}_{}", name_of(std::get<0>(parameter.param)),
                                              std::get<1>(parameter.param));
                         });

TEST_F(Squashfs, BytesDoNotDependOnTheJobs) {
  FileTree tree = tests::random_tree(11);
  for (Compression compression : kAll) {
    std::string one = write(tree, {.compression = compression, .block_size = 8192, .jobs = 1});
    for (unsigned jobs : {2u, 7u}) {
      EXPECT_TRUE(write(tree, {.compression = compression, .block_size = 8192, .jobs = jobs}) ==
                  one)
          << name_of(compression) << " with " << jobs << " jobs";
    }
  }
  // The levels of zstd that keep tables from one block to the next in different ways.
  for (int level : {1, 3, 6, 9, 13, 19}) {
    EXPECT_TRUE(write(tree, {.level = level, .jobs = 1}) ==
                write(tree, {.level = level, .jobs = 5}))
        << level;
  }
}

TEST_F(Squashfs, EveryLevelWorks) {
  FileTree tree;
  tree.insert("/f", file(std::string(50000, 'a') + noise(1000, 1)));
  for (auto [compression, levels] : {std::pair(Compression::kZstd, std::vector{1, 15, 22}),
                                     std::pair(Compression::kXz, std::vector{0, 6, 9}),
                                     std::pair(Compression::kGzip, std::vector{1, 9}),
                                     std::pair(Compression::kLz4, std::vector{1, 12})}) {
    for (int level : levels) {
      EXPECT_LT(write(tree, {.compression = compression, .level = level}).size(), 9000u);
      EXPECT_TRUE(read() == tree) << name_of(compression) << ' ' << level;
    }
  }
}

TEST_F(Squashfs, GivesTheNumbersOfItsInodes) {
  FileTree tree;
  tree.insert("/a/b", file("x"));
  tree.insert("/c", make_symlink("a"));
  write(tree);
  PathsByInode numbers;
  EXPECT_TRUE(read_from(path(), &numbers) == tree);
  using Number = std::pair<uint64_t, std::string>;
  EXPECT_THAT(numbers, ::testing::UnorderedElementsAre(Number(1, "/"), Number(2, "/a"),
                                                       Number(3, "/c"), Number(4, "/a/b")));
}

TEST_F(Squashfs, HoldsEveryKindOfNode) {
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
  Node& last = tree.insert("/last", file("x"));
  last.mode = 07777;
  last.gid = 4000000000;
  last.mtime = UINT32_MAX;
  last.xattrs = std::make_unique<Xattrs>();
  (*last.xattrs)["security.a"] = "before the label";
  (*last.xattrs)["security.z"] = std::string("with\0NUL\0", 9);
  (*last.xattrs)["trusted.overlay.opaque"] = "y";
  (*last.xattrs)["user.large"] = std::string(65536, 'u');
  last.label = Label("system_u:object_r:usr_t:s0:c0.c1023");
  write(tree);
  EXPECT_EQ(dump(read()), dump(tree));
  EXPECT_TRUE(read() == tree);
}

TEST_F(Squashfs, HoldsFoldersOfAnySize) {
  // Beyond 65535 bytes of names a listing needs an extended inode and an index; 512 sets of xattrs
  // fill a block of their table exactly.
  FileTree tree;
  std::vector<Entry> entries;
  for (int i = 0; i < 20000; ++i) {
    Node node = file("");
    node.label = Label(fmt::format("u:object_r:type{}_t", i % 512));
    entries.push_back({fmt::format("{:06}-{}", i, std::string(60, 'n')), std::move(node)});
  }
  tree.insert("/large", {Directory(std::move(entries)), 0755});
  std::string deep;
  for (size_t i = 0; i < kMaxDepth; ++i) deep += "/d";
  tree.insert(deep, make_directory());
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

TEST_F(Squashfs, HoldsLargeSparseFiles) {
  FileTree tree;
  tree.insert("/sparse",
              make_regular(Content::from_source(std::make_shared<Sparse>(), Sparse::kSize)));
  EXPECT_LT(write(tree, {.level = 1, .block_size = 1048576}).size(), 20000u);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Squashfs, EqualFilesShareTheirBytes) {
  FileTree tree;
  std::string large = noise(3 << 20, 1), small = noise(70000, 2);
  tree.insert("/a", file(large));
  tree.insert("/b", file(small));
  size_t once = write(tree).size();
  tree.insert("/c", file(large)).label = Label("another:label:than:a");
  tree.insert("/d", file(small));
  std::string late_difference = large;
  late_difference.back() ^= 1;
  size_t twice = write(tree).size();
  EXPECT_LE(twice, once + 4096);
  EXPECT_TRUE(read() == tree);
  tree.insert("/e", file(late_difference));
  EXPECT_GE(write(tree).size(), twice + large.size());
  EXPECT_TRUE(read() == tree);
}

TEST_F(Squashfs, AChangeInAnIsolatedFolderLeavesTheOthersBytesAlone) {
  FileTree tree;
  for (const char* name : {"a", "b", "c"}) {
    for (uint32_t i = 0; i < 4; ++i) {
      tree.insert(fmt::format("/nix/store/{}/{}", name, i),
                  file(name + noise(i == 3 ? 9000 : 500, i)));
    }
  }
  tree.insert("/nix/store/file", file("alone" + noise(300, 9)));
  tree.insert("/etc/first", file("etc" + noise(100, 7)));
  tree.insert("/usr/last", file("usr" + noise(100, 8)));
  SquashfsOptions options{.compression = Compression::kNone, .block_size = 4096};
  auto data_of = [&] {
    std::string image = write(tree, options);
    return image.substr(sizeof(Superblock), superblock_of(image).inode_table - sizeof(Superblock));
  };
  auto tails_of = [](const char* name) {
    std::string tails;
    for (uint32_t i = 0; i < 3; ++i) tails += name + noise(500, i);
    return tails;
  };
  // Without compression the shared block of ends can be seen: only those of one entry follow
  // each other, and those outside of the folder share a block across it.
  options.isolate_below = "/nix/store";
  std::string before = data_of();
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_NE(before.find(tails_of(name)), std::string::npos) << name;
  }
  EXPECT_NE(before.find("etc" + noise(100, 7) + "usr" + noise(100, 8)), std::string::npos);
  EXPECT_EQ(superblock_of(write(tree, options)).fragment_count, 5u);  // a, b, c, file, the rest

  *tree.find("/nix/store/b/1") = file("longer than it was" + noise(1500, 77));
  std::string after = data_of();
  size_t b_before = before.find("b" + noise(9000, 3).substr(0, 4095));
  size_t c_before = before.find("c" + noise(9000, 3).substr(0, 4095));
  size_t c_after = after.find("c" + noise(9000, 3).substr(0, 4095));
  ASSERT_NE(b_before, std::string::npos);
  ASSERT_NE(c_before, std::string::npos);
  ASSERT_NE(c_after, std::string::npos);
  EXPECT_TRUE(after.substr(0, b_before) == before.substr(0, b_before));
  EXPECT_TRUE(after.substr(c_after) == before.substr(c_before));
}

TEST_F(Squashfs, LabelsHaveATrailingNulAndAreReadWithoutOne) {
  FileTree tree;
  tree.root().label = Label("system_u:object_r:root_t:s0");
  std::string image = write(tree, {.compression = Compression::kNone});
  std::string stored("selinux\x1c\0\0\0system_u:object_r:root_t:s0\0", 39);
  size_t place = image.find(stored);
  ASSERT_NE(place, std::string::npos);
  // The same without the NUL: another value of one byte less, and a byte that nobody reads.
  image[place + 7] = 27;
  EXPECT_EQ(read(image).root().label.text(), "system_u:object_r:root_t:s0");
}

TEST_F(Squashfs, ImageTimeIsInTheSuperblock) {
  EXPECT_EQ(superblock_of(write(FileTree(), {.image_mtime = 1234567890})).mtime, 1234567890u);
}

TEST_F(Squashfs, WritesOverWhatStoodInTheFile) {
  std::string image = write(FileTree());
  write_file(path(), noise(100000, 3));
  File file = File::create(path());
  SilentReporter reporter;
  file.write(0, as_bytes(noise(50000, 4)));
  write_squashfs(FileTree(), {}, file, reporter);
  EXPECT_TRUE(read_file(path()) == image);
}

TEST_F(Squashfs, ReportsEachByteOnce) {
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
  File file = File::create(path());
  write_squashfs(tree, {.level = 1}, file, counter);
  EXPECT_EQ(counter.done, totals(tree).data_bytes);
  EXPECT_EQ(counter.stages, fmt::format("writing files {} bytes\nwriting metadata 0 bytes\n",
                                        totals(tree).data_bytes));
}

TEST_F(Squashfs, RefusesOptionsOutOfRange) {
  auto message = [&](const SquashfsOptions& options) {
    return error_of([&] { write(FileTree(), options); });
  };
  EXPECT_EQ(message({.block_size = 5000}),
            "cannot use a block size of 5000 bytes: expected a power of two from 4096 to 1048576");
  EXPECT_EQ(message({.block_size = 2048}),
            "cannot use a block size of 2048 bytes: expected a power of two from 4096 to 1048576");
  EXPECT_EQ(message({.image_mtime = -1}),
            "cannot use the image time -1: squashfs holds 0 to 4294967295");
  EXPECT_EQ(message({.level = 23}), "cannot use level 23 with zstd: expected 1 to 22");
  EXPECT_EQ(message({.level = 0}), "cannot use level 0 with zstd: expected 1 to 22");
  EXPECT_EQ(message({.compression = Compression::kXz, .level = 10}),
            "cannot use level 10 with xz: expected 0 to 9");
  EXPECT_EQ(message({.compression = Compression::kGzip, .level = 0}),
            "cannot use level 0 with gzip: expected 1 to 9");
  EXPECT_EQ(message({.compression = Compression::kLz4, .level = 5}),
            "cannot use level 5 with lz4: expected 1 (fast) or 12 (high)");
  EXPECT_EQ(message({.compression = Compression::kNone, .level = 1}),
            "cannot use level 1 without compression");
}

TEST_F(Squashfs, NamesEveryNodeThatDoesNotFit) {
  FileTree tree;
  tree.insert("/early", make_directory()).mtime = -1;
  tree.insert("/late", make_directory()).mtime = int64_t{1} << 32;
  tree.insert("/major", Node(Device{Device::Kind::kBlock, 4096, 0}, 0600));
  tree.insert("/minor", Node(Device{Device::Kind::kCharacter, 1, 1 << 20}, 0600));
  Node& node = tree.insert("/xattr", make_directory());
  node.xattrs = std::make_unique<Xattrs>();
  (*node.xattrs)["security.selinux"] = "x";
  (*node.xattrs)["system.posix_acl_access"] = "x";
  (*node.xattrs)["user." + std::string(251, 'n')] = "x";
  (*node.xattrs)["user.big"] = std::string(65537, 'x');
  EXPECT_EQ(error_of([&] { write(tree); }),
            "cannot write '/early': time -1 does not fit, squashfs holds 0 to 4294967295\n"
            "cannot write '/late': time 4294967296 does not fit, squashfs holds 0 to 4294967295\n"
            "cannot write '/major': device 4096:0 does not fit, squashfs holds 4095:1048575\n"
            "cannot write '/minor': device 1:1048576 does not fit, squashfs holds 4095:1048575\n"
            "cannot write '/xattr': the label stands among the other xattrs\n"
            "cannot write '/xattr': squashfs has no xattr 'system.posix_acl_access', only user., "
            "trusted. and security.\n"
            "cannot write '/xattr': xattr 'user.big' has 65537 bytes, expected at most 65536\n"
            "cannot write '/xattr': xattr 'user." +
                std::string(251, 'n') + "' has a name longer than 255 bytes");
}

TEST_F(Squashfs, RefusesMoreIdsThanTheTableHolds) {
  FileTree tree;
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < 65535; ++i) {
    Node node = make_directory();
    node.uid = i;
    entries.push_back({fmt::format("{:05}", i), std::move(node)});
  }
  tree.root().kind = Directory(std::move(entries));
  write(tree);
  EXPECT_TRUE(read() == tree);
  tree.root().gid = 65535;
  EXPECT_EQ(error_of([&] { write(tree); }),
            "cannot write 65536 different user and group ids: squashfs holds 65535");
}

TEST_F(Squashfs, NamesAFileThatChangesWhileItIsRead) {
  write_file(folder_ / "host", "12345");
  FileTree tree;
  tree.insert("/f", make_regular(Content::from_host_file(folder_ / "host")));
  write_file(folder_ / "host", "123456");
  EXPECT_EQ(error_of([&] { write(tree); }),
            "cannot read '" + folder_ / "host" + "': it changed while being read");
}

TEST_F(Squashfs, NamesTheImageWhenItCannotBeWritten) {
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

TEST_F(Squashfs, NamesAFullDevice) {
  File full = File::open_for_reading("/dev/null");
  SilentReporter reporter;
  EXPECT_EQ(error_of([&] { write_squashfs(FileTree(), {}, full, reporter); }),
            "cannot resize '/dev/null' to 0 bytes: Invalid argument");
}

TEST(Compression, NamesAreWhatIsParsed) {
  for (Compression compression : kAll) {
    EXPECT_EQ(parse_compression(name_of(compression)), compression);
  }
  EXPECT_EQ(error_of([] { parse_compression("ZSTD"); }),
            "unknown compression 'ZSTD': expected zstd, xz, gzip, lz4 or none");
}

}  // namespace
}  // namespace imagefmt
