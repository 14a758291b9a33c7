// SPDX-License-Identifier: Apache-2.0
//
// What others say of our images, and what we say of theirs: e2fsprogs and the kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "imagefmt/dump.h"
#include "imagefmt/ext4/ext4.h"
#include "tests/support/image_test.h"
#include "tests/support/oracle.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::Mount;
using tests::output_of;
using tests::scan;

class Ext4Oracle : public tests::ImageTest<tests::Ext4Format> {
 protected:
  /// e2fsck finds nothing to mend; output_of() fails otherwise.
  void expect_clean() const { output_of(fmt::format("e2fsck -fn {} 2>&1", path())); }
};

/// With what ext4 alone holds, and without what has no value to compare.
FileTree tree_for(uint32_t seed) {
  FileTree tree = tests::random_tree(seed, 200);
  size_t index = 0;
  walk(tree, [&](const std::string&, Node& node) {
    if (++index % 7 == 0) node.mtime = int64_t{UINT32_MAX} + static_cast<int64_t>(index);
    if (!node.xattrs) return;
    node.xattrs->erase("user.note");
    (*node.xattrs)["user.note"] = "a note";
  });
  return tree;
}

void erase_lost_found(FileTree& tree) {
  std::erase_if(tree.root().directory()->entries,
                [](const Entry& entry) { return entry.name == "lost+found"; });
}

Node folder_of(uint32_t count, size_t name_size) {
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = fmt::format("{:06}", i);
    name.resize(name_size, 'n');
    entries.push_back({std::move(name), i % 3 == 0 ? make_directory() : make_regular({})});
  }
  return {Directory(std::move(entries)), 0755};
}

TEST_F(Ext4Oracle, TheKernelSeesTheSameTree) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount") && can_run("e2fsck"), "root, or a tool");
  std::filesystem::create_directory(folder_ / "mnt");
  const Ext4Options kinds[] = {{},
                               {.free_space_bytes = 64 << 20},
                               {.free_space_bytes = 64 << 20, .journal = true},
                               {.share_data = true}};
  for (const Ext4Options& options : kinds) {
    FileTree tree = tree_for(options.share_data ? 1 : options.free_space_bytes ? 2 : 3);
    // Names are looked up by the index: one level, and two.
    tree.insert("/large", folder_of(1500, 40));
    tree.insert("/larger", folder_of(9000, 255));
    tests::add_limits(tree, (int64_t{1} << 34) + INT32_MIN - 1, /*has_acls=*/true);
    write(tree, options);
    expect_clean();
    Mount mount(path(), "ext4", folder_ / "mnt");
    REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts ext4 from a loop device");
    const FileTree kernel(scan(mount.point));
    EXPECT_EQ(dump(kernel), dump(tree));
    EXPECT_TRUE(kernel == tree);
    EXPECT_EQ(tests::xattr_of(mount.point, "security.selinux"),
              std::string(tree.root().label.text()) + '\0');
  }
}

TEST_F(Ext4Oracle, FoldersOfEverySizeAreClean) {
  REQUIRE_OR_SKIP(can_run("e2fsck"), "e2fsck");
  const std::pair<uint32_t, size_t> sizes[] = {{58, 60},  {59, 60},   {60, 60},
                                               {61, 60},  {150, 16},  {170, 16},
                                               {341, 40}, {1300, 40}, {8000, 255}};
  for (const auto& [count, name_size] : sizes) {
    FileTree tree;
    tree.insert("/folder", folder_of(count, name_size));
    write(tree);
    expect_clean();
    EXPECT_TRUE(read() == tree) << count;
  }
}

TEST_F(Ext4Oracle, FoldersOf4To64KiBAreClean) {
  REQUIRE_OR_SKIP(can_run("e2fsck"), "e2fsck");
  FileTree tree;
  // With a name of 255 bytes an entry takes 264 of a block's.
  for (uint32_t count = 14; count <= 16 * 15; ++count) {
    if (count % 15 < 2 || count % 15 == 14) {
      tree.insert(fmt::format("/{}", count), folder_of(count, 255));
    }
  }
  write(tree);
  expect_clean();
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4Oracle, FilesOfManyExtentsAreClean) {
  REQUIRE_OR_SKIP(can_run("e2fsck"), "e2fsck");
  for (size_t pieces : {4, 5, 340, 341, 1400}) {
    std::string bytes;
    for (size_t i = 0; i < pieces; ++i) bytes += std::string(4096, 't') + std::string(65536, '\0');
    bytes += std::string(2 << 20, '\0');
    FileTree tree;
    tree.insert("/sparse", make_regular(Content::from_bytes(std::move(bytes))));
    write(tree);
    expect_clean();
    EXPECT_TRUE(read() == tree) << pieces;
  }
}

TEST_F(Ext4Oracle, AnImageWithFreeSpaceIsWrittenToAndResized) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount") && can_run("resize2fs"), "root, or a tool");
  std::filesystem::create_directory(folder_ / "mnt");
  FileTree tree = tree_for(4);
  tree.insert("/large", folder_of(1500, 40));
  write(tree, {.free_space_bytes = 40 << 20});
  {
    Mount mount(path(), "ext4", folder_ / "mnt", "rw");
    REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts ext4 from a loop device");
    write_file(mount.point + "/new", std::string(30 << 20, 'n'));
    for (int i = 0; i < 300; ++i) {
      write_file(fmt::format("{}/large/another-{}", mount.point, i), "more");
    }
    std::filesystem::remove(mount.point + "/large/" + "000001" + std::string(34, 'n'));
  }
  expect_clean();
  const FileTree changed = read();
  EXPECT_TRUE(changed.find("/large/another-299"));
  EXPECT_FALSE(changed.find("/large/000001" + std::string(34, 'n')));
  const std::vector<std::string> lines = dump(changed);
  // e2fsck makes lost+found, which resize2fs wants to have been run.
  output_of(fmt::format("e2fsck -fp {0} >&2; [ $? -le 1 ] && resize2fs {0} 300M >&2", path()));
  expect_clean();
  output_of(fmt::format("resize2fs -M {} >&2", path()));
  expect_clean();
  // Its lost+found has a block map.
  FileTree resized = read();
  Mount mount(path(), "ext4", folder_ / "mnt");
  EXPECT_TRUE(FileTree(scan(mount.point)) == resized);
  erase_lost_found(resized);
  EXPECT_EQ(dump(resized), lines);
}

TEST_F(Ext4Oracle, AJournalHasTheSizeThatMke2fsChooses) {
  REQUIRE_OR_SKIP(can_run("e2fsck") && can_run("dumpe2fs"), "e2fsprogs");
  const FileTree tree = tree_for(7);
  // The last one takes more extents than fit into an inode.
  for (const auto& [free_space, size] : {std::pair<uint64_t, const char*>(1 << 20, "4096k"),
                                         {100 << 20, "4096k"},
                                         {300 << 20, "16M"},
                                         {uint64_t{3} << 30, "64M"},
                                         {uint64_t{20} << 30, "128M"},
                                         {uint64_t{200} << 30, "1024M"}}) {
    write_to(path(), tree, {.free_space_bytes = free_space, .journal = true});
    expect_clean();
    const std::string shown = output_of(fmt::format("dumpe2fs -h {} 2>&1", path()));
    EXPECT_NE(shown.find(fmt::format("Total journal size:       {}\n", size)), std::string::npos)
        << shown;
    EXPECT_TRUE(read() == tree);
  }
}

TEST_F(Ext4Oracle, TheJournalMendsWhatWasNotUnmounted) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount") && can_run("e2fsck"), "root, or a tool");
  std::filesystem::create_directory(folder_ / "mnt");
  FileTree tree = tree_for(8);
  write(tree, {.free_space_bytes = 40 << 20, .journal = true});
  {
    Mount mount(path(), "ext4", folder_ / "mnt", "rw");
    REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts ext4 from a loop device");
    std::filesystem::create_directory(mount.point + "/new");
    for (int i = 0; i < 500; ++i) write_file(fmt::format("{}/new/{}", mount.point, i), "more");
    // What a machine without power finds.
    output_of(fmt::format("sync -f {} && cp --sparse=always {} {}", mount.point, path(),
                          folder_ / "cut"));
  }
  EXPECT_EQ(tests::error_of([&] {
              read_ext4(std::make_shared<File>(File::open_for_reading(folder_ / "cut")));
            }),
            "cannot read ext4 image '" + folder_ / "cut" + "': its journal has not been replayed");
  std::filesystem::rename(folder_ / "cut", path());
  { Mount mount(path(), "ext4", folder_ / "mnt", "rw"); }
  expect_clean();
  FileTree mended = read();
  EXPECT_TRUE(mended.find("/new/499"));
  std::erase_if(mended.root().directory()->entries,
                [](const Entry& entry) { return entry.name == "new"; });
  EXPECT_EQ(dump(mended), dump(tree));
}

TEST_F(Ext4Oracle, AnImageWithFreeSpaceHasGoodCopiesOfTheSuperblock) {
  REQUIRE_OR_SKIP(can_run("e2fsck"), "e2fsck");
  FileTree tree = tree_for(5);
  // It fills the first group, and goes on behind the copy in the second. Without that it would have
  // as many extents as fit into an inode.
  std::string bytes(130 << 20, 't');
  for (size_t hole = 1; hole <= 3; ++hole) std::fill_n(&bytes[hole << 20], 65536, '\0');
  tree.insert("/large", make_regular(Content::from_bytes(std::move(bytes))));
  write(tree, {.free_space_bytes = 300 << 20});
  expect_clean();
  output_of(fmt::format("e2fsck -fn -b 32768 {} 2>&1", path()));
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4Oracle, ImagesOfMke2fsAreReadEqual) {
  REQUIRE_OR_SKIP(can_run("mke2fs"), "mke2fs");
  const std::string source = folder_ / "source";
  std::filesystem::create_directories(source + "/sub/empty");
  for (int i = 0; i < 1500; ++i) {
    write_file(fmt::format("{}/{:04}-{}", source, i, std::string(30, 'n')),
               std::string(static_cast<size_t>(i % 50) * 300, 'x'));
  }
  {
    File sparse = File::create(source + "/sparse");
    for (uint64_t i = 0; i < 30; ++i) sparse.write(i * 100000, as_bytes(std::string(5000, 's')));
  }
  {
    // With a block map: through each of the levels.
    File far = File::create(source + "/far");
    for (const uint64_t at : {10000, 100000, 20000000, 70000000}) {
      far.write(at, as_bytes(std::string(5000, 'f')));
    }
  }
  std::filesystem::create_hard_link(source + "/sparse", source + "/sub/hard-link");
  std::filesystem::create_symlink("some/where", source + "/link");
  std::filesystem::create_symlink(std::string(200, 'l'), source + "/long");
  ASSERT_EQ(mkfifo((source + "/fifo").c_str(), 0600), 0);
  setxattr((source + "/sparse").c_str(), "user.note", "noted", 5, 0);
  for (const char* options :
       {"-t ext4", "-t ext4 -b 1024", "-t ext4 -b 2048 -I 128", "-t ext4 -O ^64bit",
        "-t ext4 -O ^metadata_csum -I 512", "-t ext4 -O ^has_journal",
        "-t ext4 -O metadata_csum_seed", "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode",
        "-t ext4 -O ^dir_index", "-t ext3 -b 1024", "-t ext2"}) {
    std::filesystem::remove(path());
    output_of(fmt::format("mke2fs -q -d {} {} {} 100M >&2", source, options, path()));
    FileTree expected(scan(source));
    FileTree found = read();
    // The root is made anew: mke2fs gives it the time at which it runs.
    expected.root().mtime = found.root().mtime;
    erase_lost_found(found);
    EXPECT_EQ(dump(found), dump(expected)) << options;
    EXPECT_TRUE(found == expected) << options;
  }
}

}  // namespace
}  // namespace imagefmt
