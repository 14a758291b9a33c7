// SPDX-License-Identifier: Apache-2.0
//
// What others say of our images, and what we say of theirs: squashfs-tools, squashfs-tools-ng and
// the kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "imagefmt/dump.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/image_test.h"
#include "tests/support/oracle.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::Mount;
using tests::output_of;
using tests::scan;
using tests::xattr_of;

using SquashfsOracle = tests::ImageTest<tests::SquashfsFormat>;

/// Without what a test that is not root cannot make or what has no value to compare.
FileTree tree_for(uint32_t seed) {
  FileTree tree = tests::random_tree(seed, 150);
  walk(tree, [](const std::string&, Node& node) {
    if (!node.xattrs) return;
    node.xattrs->erase("user.note");
    (*node.xattrs)["user.note"] = "a note";
  });
  return tree;
}

TEST_F(SquashfsOracle, TheKernelSeesTheSameTree) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount"), "root, or mount");
  std::filesystem::create_directory(folder_ / "mnt");
  const std::pair<Compression, uint32_t> kinds[] = {
      {Compression::kNone, 131072}, {Compression::kZstd, 4096},   {Compression::kZstd, 1048576},
      {Compression::kXz, 1048576},  {Compression::kGzip, 131072}, {Compression::kLz4, 8192}};
  for (auto [compression, block_size] : kinds) {
    FileTree tree = tree_for(block_size + static_cast<uint32_t>(compression));
    // Long listings, which the kernel looks names up in by their index.
    std::vector<Entry> entries;
    for (int i = 0; i < 1500; ++i) {
      entries.push_back({fmt::format("{:05}-{}", i, std::string(40, 'n')), make_directory()});
    }
    tree.insert("/large", Node(Directory(std::move(entries)), 0755));
    tests::add_limits(tree, UINT32_MAX, /*has_acls=*/false);
    write(tree, {.compression = compression, .block_size = block_size});
    Mount mount(path(), "squashfs", folder_ / "mnt");
    REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts squashfs from a loop device");
    FileTree kernel(scan(mount.point));
    EXPECT_EQ(dump(kernel), dump(tree)) << name_of(compression) << ' ' << block_size;
    EXPECT_TRUE(kernel == tree) << name_of(compression) << ' ' << block_size;
    EXPECT_EQ(xattr_of(mount.point, "security.selinux"),
              std::string(tree.root().label.text()) + '\0');
  }
}

TEST_F(SquashfsOracle, TheKernelNumbersTheInodesAlike) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount"), "root, or mount");
  std::filesystem::create_directory(folder_ / "mnt");
  const FileTree tree = tree_for(1);
  write(tree, {});
  Mount mount(path(), "squashfs", folder_ / "mnt");
  REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts squashfs from a loop device");
  PathsByInode numbers;
  EXPECT_TRUE(read_from(path(), &numbers) == tree);
  EXPECT_EQ(numbers.size(), totals(tree).inodes);
  for (const auto& [number, path] : numbers) {
    struct stat status {};
    ASSERT_EQ(lstat((mount.point + path).c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_ino, number) << path;
  }
}

/// What `unsquashfs -lln` shows of a node: type, mode, ids, size, path and target.
std::string listed_line(const std::string& path, const Node& node) {
  uint64_t size = node.regular() ? node.regular()->content.size_bytes() : 0;
  if (const Symlink* link = node.symlink()) size = link->target.size();
  char type = node.regular() ? '-' : type_letter(node);
  std::string mode(9, '-');
  for (size_t bit = 0; bit < 9; ++bit) {
    if (node.mode & (0400 >> bit)) mode[bit] = "rwx"[bit % 3];
  }
  std::string target = node.symlink() ? " -> " + node.symlink()->target : "";
  return fmt::format("{}{} {}/{} {} {}{}\n", type, mode, node.uid, node.gid, size, path, target);
}

TEST_F(SquashfsOracle, UnsquashfsListsAndUnpacksTheSameTree) {
  REQUIRE_OR_SKIP(can_run("unsquashfs"), "unsquashfs");
  FileTree tree;
  for (size_t i = 0; i < 300; ++i) {
    Node file = make_regular(Content::from_bytes(std::string(i * 1000, 'a')), 0640);
    file.label = Label("system_u:object_r:usr_t:s0");
    file.uid = 1000 + static_cast<uint32_t>(i % 3);
    tree.insert(fmt::format("/folder{}/file{}", i % 7, i), std::move(file));
  }
  tree.insert("/link", make_symlink("folder1/file1"));
  tree.insert("/fifo", Node(Device{Device::Kind::kFifo}, 0600));
  std::string expected_list;
  walk(tree, [&](const std::string& path, const Node& node) {
    // The size of a folder is that of its list of entries.
    if (!node.directory()) expected_list += listed_line(path, node);
  });
  FileTree unlabelled = tree.clone();
  walk(unlabelled, [](const std::string&, Node& node) {
    node.label = Label();
    node.uid = 0;
  });

  for (Compression compression : {Compression::kNone, Compression::kZstd, Compression::kXz,
                                  Compression::kGzip, Compression::kLz4}) {
    write(tree, {.compression = compression, .isolate_below = "/folder1"});
    std::string list;
    std::istringstream lines(output_of(fmt::format("unsquashfs -lln -d '' {}", path())));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string mode, ids, size, date, time, path;
      fields >> mode >> ids >> size >> date >> time >> std::ws;
      if (mode.starts_with('d')) continue;
      std::getline(fields, path);
      list += fmt::format("{} {} {} {}\n", mode, ids, size, path);
    }
    EXPECT_EQ(list, expected_list) << name_of(compression);

    std::string unpacked = folder_ / fmt::format("unpacked-{}", name_of(compression));
    output_of(fmt::format("unsquashfs -no-xattrs -no-progress -quiet -d {} {}", unpacked, path()));
    FileTree seen(scan(unpacked));
    walk(seen, [](const std::string&, Node& node) { node.uid = node.gid = 0; });
    EXPECT_EQ(dump(seen), dump(unlabelled)) << name_of(compression);
    EXPECT_TRUE(seen == unlabelled) << name_of(compression);
  }
}

TEST_F(SquashfsOracle, UnsquashfsUnpacksEveryInodeWithAllThatItHas) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("unsquashfs"), "root, or unsquashfs");
  for (Compression compression : {Compression::kNone, Compression::kZstd}) {
    FileTree tree = tree_for(9 + static_cast<uint32_t>(compression));
    tests::add_limits(tree, INT32_MAX, /*has_acls=*/false);
    write(tree, {.compression = compression});
    const std::string unpacked = folder_ / fmt::format("all-{}", name_of(compression));
    output_of(fmt::format("unsquashfs -no-progress -quiet -d {} {}", unpacked, path()));
    const FileTree seen(scan(unpacked));
    EXPECT_EQ(dump(seen), dump(tree)) << name_of(compression);
    EXPECT_TRUE(seen == tree) << name_of(compression);
  }
}

class ForeignImages : public SquashfsOracle {
 protected:
  /// A folder with what images hold in different ways.
  void make_source() {
    source_ = folder_ / "source";
    std::filesystem::create_directories(source_ + "/sub/empty");
    FileTree tree = tests::random_tree(5, 120);
    int index = 0;
    walk(tree, [&](const std::string&, const Node& node) {
      if (!node.regular()) return;
      write_file(fmt::format("{}/sub/{}", source_, index++), node.regular()->content.read_all());
    });
    for (int i = 0; i < 1500; ++i) {
      write_file(fmt::format("{}/{:04}-{}", source_, i, std::string(30, 'n')),
                 std::string(static_cast<size_t>(i % 50), 'x'));
    }
    write_file(source_ + "/sparse", std::string(500000, '\0') + "end");
    std::filesystem::create_hard_link(source_ + "/sparse", source_ + "/sub/hard-link");
    std::filesystem::create_symlink("some/where", source_ + "/link");
    ASSERT_EQ(mkfifo((source_ + "/fifo").c_str(), 0600), 0);
    // gensquashfs keeps every time and owner but the root's.
    const timespec epoch[2] = {};
    ASSERT_EQ(utimensat(AT_FDCWD, source_.c_str(), epoch, 0), 0);
    if (geteuid() == 0) {
      setxattr((source_ + "/sparse").c_str(), "user.note", "noted", 5, 0);
      setxattr((source_ + "/sparse").c_str(), "trusted.note", "trusted", 7, 0);
      for (int i = 0; i < 40; ++i) {
        std::string label = "system_u:object_r:" + std::string(200, 'l') + "_t:s0";
        std::string path = fmt::format("{}/{:04}-{}", source_, i, std::string(30, 'n'));
        // Fails where the host's own policy forbids it; then there is less to compare.
        setxattr(path.c_str(), "security.selinux", label.c_str(), label.size() + (i % 2), 0);
      }
    }
  }
  void expect_equal(const std::string& image, const std::string& what,
                    const FileTree& expected) const {
    FileTree found = read_from(image);
    EXPECT_EQ(dump(found), dump(expected)) << what;
    EXPECT_TRUE(found == expected) << what;
  }

  std::string source_;
};

TEST_F(ForeignImages, OfMksquashfsAreReadEqual) {
  REQUIRE_OR_SKIP(can_run("mksquashfs"), "mksquashfs");
  make_source();
  for (const char* options :
       {"-comp gzip", "-comp xz -b 65536", "-comp zstd -b 1M", "-comp lz4 -Xhc",
        "-comp gzip -no-fragments", "-comp zstd -always-use-fragments -b 8192",
        "-comp xz -Xbcj x86", "-comp gzip -no-exports", "-comp gzip -noI -noD -noF -noX",
        "-comp zstd -no-duplicates -no-sparse", "-comp lz4 -b 4096"}) {
    output_of(
        fmt::format("mksquashfs {} {} -noappend -no-progress -quiet {}", source_, path(), options));
    expect_equal(path(), options, FileTree(scan(source_)));
  }
}

TEST_F(ForeignImages, OfGensquashfsAreReadEqual) {
  REQUIRE_OR_SKIP(can_run("gensquashfs"), "gensquashfs");
  make_source();
  for (const char* options : {"-c gzip", "-c xz", "-c zstd -b 1M", "-c lz4 -e",
                              "-c zstd -T -b 4096", "-c lz4 -X hc", "-c gzip -j 4 -b 16384"}) {
    output_of(fmt::format("gensquashfs -q -f -k -x -D {} {} {}", source_, options, path()));
    FileTree expected(scan(source_));
    expected.root().uid = expected.root().gid = 0;
    expect_equal(path(), options, expected);
  }
}

}  // namespace
}  // namespace imagefmt
