// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/fat/fat.h"

#include <gtest/gtest.h>

#include <random>

#include "imagefmt/base/digest.h"
#include "imagefmt/dump.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::error_of;
using tests::output_of;
using tests::TempDir;

constexpr int64_t kTime = 1'700'000'000;  // even

class Fat : public ::testing::Test {
 protected:
  void write(const FileTree& tree, const FatOptions& options = {}) const {
    SilentReporter reporter;
    File file = File::create(image());
    write_fat(tree, options, file, reporter);
    EXPECT_EQ(file.size_bytes(), planned_fat_size(tree, options));
  }
  FileTree read() const {
    return read_fat(std::make_shared<File>(File::open_for_reading(image())));
  }
  std::string error_with(const FileTree& tree, const FatOptions& options = {}) const {
    return error_of([&] { write(tree, options); });
  }
  std::string image() const { return folder_ / "image"; }

  TempDir folder_;
};

std::string noise(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine());
  return bytes;
}

void add(FileTree& tree, const std::string& path, std::string bytes) {
  tree.insert(path, make_regular(Content::from_bytes(std::move(bytes)))).mtime = kTime;
}

/// Folders and files as an EFI system partition has them, and names of every kind.
FileTree tree_of(uint32_t seed) {
  std::mt19937 engine(seed);
  FileTree tree;
  add(tree, "/EFI/BOOT/BOOTX64.EFI", noise(engine() % 300'000, seed));
  add(tree, "/loader/entries/nixos-generation-1.conf", "title NixOS\n");
  add(tree, "/loader/loader.conf", "");
  const std::vector<std::string> names = {"a",
                                          "README.TXT",
                                          "readme.md",
                                          "a.b.c",
                                          ".hidden",
                                          "exactly-13-ch",
                                          "f\xc3\xbcr \xe2\x98\x83",
                                          std::string(255, 'n'),
                                          "UPPER.lower",
                                          "nine-letters.conf"};
  for (const std::string& name : names) add(tree, "/names/" + name, noise(engine() % 9000, seed));
  for (int i = 0; i < 200; ++i) {
    add(tree, fmt::format("/many/file number {}", i),
        noise(engine() % 100, seed + static_cast<uint32_t>(i)));
  }
  walk(tree, [](const std::string&, Node& node) { node.mtime = kTime; });
  tree.root().mtime = 1;  // no slot holds it
  return tree;
}

TEST_F(Fat, WhatIsWrittenIsReadBack) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    FileTree tree = tree_of(seed);
    add(tree, "/two units \xf0\x9f\x90\xa7", "x");
    write(tree, {.volume_name = seed % 2 ? "ESP" : ""});
    EXPECT_EQ(dump(read()), dump(tree));
    EXPECT_TRUE(read() == tree);
  }
}

TEST_F(Fat, LargeSectorsAndAGivenSize) {
  const FileTree tree = tree_of(9);
  write(tree, {.sector_bytes = 4096, .size_bytes = 300 << 20});
  EXPECT_TRUE(read() == tree);
  write(tree, {.size_bytes = 64 << 20});
  EXPECT_TRUE(read() == tree);
}

TEST_F(Fat, TheSmallestIsFat32) {
  EXPECT_EQ(planned_fat_size(FileTree(), {}), (32u + 2 * 512 + 65525) * 512);
}

TEST_F(Fat, TheSerialNumberFollowsTheIdentity) {
  auto bytes_of = [&](const std::string& identity) {
    write(tree_of(1), {.identity = identity});
    return read_file(image());
  };
  EXPECT_EQ(bytes_of("a"), bytes_of("a"));
  EXPECT_NE(bytes_of("a"), bytes_of("b"));
}

TEST_F(Fat, EveryMistakeIsNamedBeforeTheFirstByte) {
  FileTree tree;
  add(tree, "/a:b", "");
  add(tree, "/aux.", "");
  add(tree, "/x\xff", "");
  add(tree, "/Name", "");
  add(tree, "/nAME", "");
  tree.insert("/link", make_symlink("target"));
  EXPECT_EQ(error_with(tree),
            "cannot write '/': 'a:b': its name holds ':'\n"
            "cannot write '/': 'aux.': its name ends with '.'\n"
            "cannot write '/': 'Name' and 'nAME' are one name to firmware\n"
            "cannot write '/': 'x\xff': its name is no UTF-8\n"
            "cannot write '/link': FAT holds files and folders only");
}

TEST_F(Fat, OptionsOutOfRange) {
  FileTree tree;
  EXPECT_EQ(error_with(tree, {.sector_bytes = 1000}),
            "cannot use sectors of 1000 bytes: expected a power of two from 512 to 4096");
  EXPECT_EQ(error_with(tree, {.volume_name = "esp"}),
            "cannot use the volume name 'esp': expected up to 11 of A to Z, 0 to 9, '-' and '_'");
  EXPECT_EQ(error_with(tree, {.size_bytes = 1000}),
            "cannot make a file system of 1000 bytes: no multiple of 512");
  EXPECT_EQ(error_with(tree, {.size_bytes = 1 << 20}),
            "cannot make a file system of 1048576 bytes: FAT32 has at least 34089472");
  add(tree, "/file", noise(40 << 20, 1));
  EXPECT_EQ(error_with(tree, {.size_bytes = 40 << 20}),
            "cannot make a file system of 41943040 bytes: its files need 42616320");
  EXPECT_EQ(error_with(tree, {.size_bytes = 42616320}), "(no error)");
  EXPECT_EQ(error_with(tree, {.size_bytes = 42616320 - 512}),
            "cannot make a file system of 42615808 bytes: its files need 42616320");
}

// Chains and headers that lie.
TEST_F(Fat, HostileImages) {
  FileTree tree;
  add(tree, "/FILE", noise(2000, 1));
  write(tree);
  const std::string good = read_file(image());
  auto error_after = [&](size_t offset, std::string_view bytes, bool both_tables = false) {
    std::string bad = good;
    bad.replace(offset, bytes.size(), bytes);
    if (both_tables) bad.replace(offset + 512 * 512, bytes.size(), bytes);
    write_file(image(), bad);
    const std::string prefix = fmt::format("cannot read FAT image '{}': ", image());
    std::string error = error_of([&] { read(); });
    EXPECT_TRUE(error.starts_with(prefix)) << error;
    return error.substr(prefix.size());
  };
  const size_t table = 32 * 512;
  using namespace std::string_view_literals;
  EXPECT_EQ(error_after(510, "\0"sv), "it has no boot sector");
  EXPECT_EQ(error_after(11, "\1\0"sv), "sectors of 1 bytes, 1 to a cluster");
  EXPECT_EQ(error_after(13, "\3"sv), "sectors of 512 bytes, 3 to a cluster");
  EXPECT_EQ(error_after(16, "\5"sv), "it has 5 tables, expected 1 or 2");
  EXPECT_EQ(error_after(17, "\1"sv), "it is FAT12 or FAT16, expected FAT32");
  EXPECT_EQ(error_after(36, "\1\0\0\0"sv), "a table of 512 bytes for 66547 clusters");
  EXPECT_EQ(error_after(32, "\xff\xff\xff\x7f"sv),
            "its 1099511627264 bytes do not lie in the file's 34089472");
  EXPECT_EQ(error_after(table + 8, "\1"sv), "its two tables differ");
  // The file begins at cluster 3; 2 is the root.
  EXPECT_EQ(error_after(table + 3 * 4, "\3\0\0\0"sv, true), "/FILE: cluster 3 is in use twice");
  EXPECT_EQ(error_after(table + 3 * 4, "\0\0\0\0"sv, true),
            "/FILE: a chain names cluster 0, the image has 2 to 65526");
  EXPECT_EQ(error_after(table + 3 * 4, "\xff\xff\xff\x0f"sv, true),
            "/FILE: 2000 bytes in 1 clusters");
  const size_t root = (32 + 2 * 512) * 512;
  EXPECT_EQ(error_after(root, "A/B"sv), "bad file name 'A/BE': a name with '/'");
  EXPECT_EQ(error_after(root + 11, "\x0f"sv), "a long name belongs to no file");
}

TEST_F(Fat, OracleFsckAndMtools) {
  REQUIRE_OR_SKIP(can_run("fsck.vfat") && can_run("mcopy"), "fsck.vfat or mtools");
  for (const FatOptions& options :
       {FatOptions{.volume_name = "ESP"}, FatOptions{.sector_bytes = 4096},
        FatOptions{.size_bytes = 100 << 20}}) {
    const FileTree tree = tree_of(options.sector_bytes);
    write(tree, options);
    output_of("fsck.vfat -n " + image());
    const std::string out = folder_ / "out";
    output_of(fmt::format("rm -rf {0} && mkdir {0} && LC_ALL=C.UTF-8 mcopy -s -m -i {1} '::/*' {0}",
                          out, image()));
    walk(tree, [&](const std::string& path, const Node& node) {
      if (!node.regular() || path.find("hidden") != std::string::npos) return;
      EXPECT_EQ(read_file(out + path), node.regular()->content.read_all()) << path;
    });
    EXPECT_EQ(output_of(fmt::format("find {} -type f | wc -l", out)), "213\n");
  }
}

}  // namespace
}  // namespace imagefmt
