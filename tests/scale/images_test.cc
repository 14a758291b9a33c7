// SPDX-License-Identifier: Apache-2.0
//
// Large trees, through every format: our readers and the kernel give the same tree back, and the
// format's own checker finds nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "imagefmt/dump.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::Mount;

struct Format {
  std::string name;
  std::string check;  // a command, `{}` the image
  std::function<void(const FileTree&, File&)> write;
  FileTree (*read)(std::shared_ptr<const File>, PathsByInode*);
};

class Scale : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    REQUIRE_OR_SKIP(geteuid() == 0 && tests::can_run("mount"), "root, or mount");
  }
  void expect_the_same_from_all(const FileTree& tree) const {
    const std::string image = folder_ / "image";
    {
      File out = File::create(image);
      GetParam().write(tree, out);
    }
    tests::output_of(fmt::format(fmt::runtime(GetParam().check), image));
    EXPECT_TRUE(GetParam().read(std::make_shared<File>(File::open_for_reading(image)), nullptr) ==
                tree);
    std::filesystem::create_directories(folder_ / "mnt");
    Mount mount(image, GetParam().name, folder_ / "mnt");
    REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts the format from a loop device");
    EXPECT_TRUE(FileTree(tests::scan(mount.point)) == tree);
  }

  tests::TempDir folder_;
};

Node labelled_file(Content content = {}) {
  Node file = make_regular(std::move(content));
  file.label = Label("system_u:object_r:usr_t:s0");
  return file;
}

Node folder_of(size_t count, size_t name_size) {
  std::vector<Entry> entries;
  for (size_t i = 0; i < count; ++i) {
    std::string name = fmt::format("{:07}", i);
    name.resize(name_size, 'n');
    entries.push_back({std::move(name), labelled_file()});
  }
  return {Directory(std::move(entries)), 0755};
}

TEST_P(Scale, AFolderOf300000Entries) {
  FileTree tree;
  tree.insert("/short", folder_of(300'000, 12));
  expect_the_same_from_all(tree);
}

TEST_P(Scale, AFolderOf300000LongNames) {
  // The kernel finds a name in squashfs behind all that the folder's index has before it: to look all of
  // them up takes the square of their number.
  const size_t count = GetParam().name == "squashfs" ? 20'000 : 300'000;
  FileTree tree;
  tree.insert("/long", folder_of(count, 255));
  expect_the_same_from_all(tree);
}

TEST_P(Scale, AMillionEmptyFiles) {
  FileTree tree;
  for (int i = 0; i < 1000; ++i) tree.insert(fmt::format("/{}", i), folder_of(1000, 16));
  expect_the_same_from_all(tree);
}

TEST_P(Scale, ASparseFileOf20GiB) {
  const std::string path = folder_ / "sparse";
  constexpr uint64_t kSize = uint64_t{20} << 30;
  {
    File sparse = File::create(path);
    for (const uint64_t at : {uint64_t{0}, (uint64_t{4} << 30) - 9, kSize / 2 + 1, kSize - 5}) {
      sparse.write(at, as_bytes("here!"));
    }
  }
  FileTree tree;
  tree.insert("/sparse", labelled_file(Content::from_host_file(path)));
  expect_the_same_from_all(tree);
  // A hundredth: erofs has an entry of an index for every 4096 bytes, and a block for every part.
  EXPECT_LT(File::open_for_reading(folder_ / "image").status().st_blocks * 512, kSize / 100);
}

template <class Options>
auto writer(WrittenImage (*write)(const FileTree&, const Options&, File&, Reporter&)) {
  return [write](const FileTree& tree, File& out) {
    SilentReporter reporter;
    write(tree, {}, out, reporter);
  };
}

INSTANTIATE_TEST_SUITE_P(
    , Scale,
    ::testing::Values(Format{"ext4", "e2fsck -fn {} 2>&1", writer(write_ext4), read_ext4},
                      Format{"squashfs", "unsquashfs -lls {} >/dev/null", writer(write_squashfs),
                             read_squashfs},
                      Format{"erofs", "fsck.erofs {} 2>&1", writer(write_erofs), read_erofs}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace imagefmt
