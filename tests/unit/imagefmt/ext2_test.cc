// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext2/ext2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imagefmt/ext4/ext4.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;

FileTree sample_tree() {
  FileTree tree;
  auto add = [&](const std::string& path, std::string bytes) {
    tree.insert(path, make_regular(Content::from_bytes(std::move(bytes)))).mtime = 77;
  };
  add("/extlinux/extlinux.conf", "label x\n");
  add("/empty", "");
  // By pointers in the inode alone, by one list of them, and by a list of lists.
  add("/direct", std::string(12 * 4096, 'd'));
  add("/one-list", std::string(12 * 4096 + 1, 'i'));
  add("/kernel", std::string((12 + 1024) * 4096 + 4097, 'k'));
  // More names than a block holds.
  for (int i = 0; i < 200; ++i) add(fmt::format("/dtbs/qcom/a-device-{:040}.dtb", i), "x");
  tree.find("/dtbs")->uid = 100000;
  tree.find("/dtbs")->mode = 0700;
  return tree;
}

class Ext2 : public ::testing::Test {
 protected:
  std::string write(const FileTree& tree, const Ext2Options& options = {}) {
    const std::string path = folder_ / fmt::format("{}.img", count_++);
    File out = File::create(path);
    SilentReporter reporter;
    write_ext2(tree, options, out, reporter);
    EXPECT_EQ(out.size_bytes(), planned_ext2_size(tree, options));
    return path;
  }
  FileTree read(const std::string& path) {
    return read_ext4(std::make_shared<const File>(File::open_for_reading(path)));
  }

 private:
  tests::TempDir folder_;
  int count_ = 0;
};

TEST_F(Ext2, IsReadBackAsItWas) {
  const FileTree tree = sample_tree();
  EXPECT_TRUE(read(write(tree)) == tree);
}

TEST_F(Ext2, IsSoundAndHasNoNewerFeature) {
  REQUIRE_OR_SKIP(tests::can_run("e2fsck") && tests::can_run("dumpe2fs"), "e2fsprogs");
  const std::string path = write(sample_tree(), {.volume_name = "boot"});
  tests::output_of("e2fsck -fn " + path + " 2>&1");
  const std::string features = tests::output_of("dumpe2fs -h " + path + " 2>/dev/null");
  EXPECT_THAT(features, testing::HasSubstr("features:      filetype sparse_super large_file\n"));
  EXPECT_THAT(features, testing::HasSubstr("volume name:   boot\n"));
  // With several groups, of which the last is small, and with none but a root.
  tests::output_of("e2fsck -fn " + write(sample_tree(), {.min_size_bytes = 400 << 20}) + " 2>&1");
  tests::output_of("e2fsck -fn " + write(FileTree()) + " 2>&1");
}

TEST_F(Ext2, SameInputsGiveTheSameBytes) {
  const std::string first = read_file(write(sample_tree()));
  EXPECT_TRUE(read_file(write(sample_tree())) == first);
  EXPECT_FALSE(read_file(write(sample_tree(), {.identity = "other"})) == first);
}

TEST_F(Ext2, IsAsLargeAsItIsToBe) {
  EXPECT_EQ(planned_ext2_size(FileTree(), {}), 1u << 20);
  EXPECT_EQ(planned_ext2_size(FileTree(), {.min_size_bytes = (17 << 20) + 1}), 18u << 20);
  EXPECT_GT(planned_ext2_size(sample_tree(), {.min_size_bytes = 1}), 4u << 20);
}

TEST_F(Ext2, FindsRoomForAnyTree) {
  for (const size_t files : {1, 10, 1000, 9000}) {
    FileTree tree;
    for (size_t i = 0; i < files; ++i) {
      tree.insert(fmt::format("/{}/{}{}", i % 7, std::string(200, 'n'), i),
                  make_regular(Content::from_bytes(std::string(i % 5000, 'x'))));
    }
    EXPECT_TRUE(read(write(tree)) == tree) << files;
  }
}

TEST_F(Ext2, RefusesWhatItCannotHold) {
  FileTree tree;
  tree.insert("/link", make_symlink("x"));
  tree.insert("/old", make_regular(Content::from_bytes("x"))).mtime = -1;
  EXPECT_EQ(error_of([&] { planned_ext2_size(tree, {.volume_name = std::string(17, 'v')}); }),
            "cannot name an ext2 image 'vvvvvvvvvvvvvvvvv': 17 bytes, at most 16 are possible\n"
            "cannot write '/link': it is neither a file nor a folder\n"
            "cannot write '/old': a time before 1970 or after 2106: -1");
}

}  // namespace
}  // namespace imagefmt
