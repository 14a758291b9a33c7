// SPDX-License-Identifier: Apache-2.0
//
// What others say of our images, and what we say of theirs: erofs-utils and the kernel.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "imagefmt/dump.h"
#include "imagefmt/erofs/erofs.h"
#include "tests/support/image_test.h"
#include "tests/support/oracle.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::output_of;
using tests::scan;
using tests::xattr_of;

using ErofsOracle = tests::ImageTest<tests::ErofsFormat>;

/// Text that compresses to about half, with noise in between.
std::string mixed(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::string bytes;
  while (bytes.size() < size) {
    if (engine() % 500 == 0) {
      for (int i = 0; i < 9000; ++i) bytes += static_cast<char>(engine());
    }
    bytes += fmt::format("{} of {}, ", engine() % 5000, engine() % 300);
  }
  bytes.resize(size);
  return bytes;
}

/// Files of many extents, and a long listing.
void add_large(FileTree& tree, uint32_t seed) {
  auto add = [&](const std::string& path, std::string bytes) {
    tree.insert(path, make_regular(Content::from_bytes(std::move(bytes)))).label =
        Label("system_u:object_r:usr_t:s0");
  };
  add("/mixed/large", mixed(3'333'333, seed));
  add("/mixed/aligned", mixed(2 << 20, seed + 1));
  add("/mixed/zeros", std::string(4 << 20, '\0') + "end");
  for (size_t size = 4000; size < 150'000; size += size / 9) {
    add(fmt::format("/mixed/{}", size), mixed(size, seed + static_cast<uint32_t>(size)));
  }
  for (int i = 0; i < 1500; ++i) {
    tree.insert(fmt::format("/long/{:05}-{}", i, std::string(40, 'n')), make_directory());
  }
}

/// Beside these, random nodes of which scan() sees everything.
FileTree tree_for(uint32_t seed) {
  FileTree tree = tests::random_tree(seed, 150);
  walk(tree, [](const std::string&, Node& node) {
    if (node.xattrs) (*node.xattrs)["user.note"] = "a note";
  });
  add_large(tree, seed);
  return tree;
}

TEST_F(ErofsOracle, TheKernelSeesTheSameTree) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount"), "root, or mount");
  std::filesystem::create_directory(folder_ / "mnt");
  for (uint32_t seed : {1u, 2u}) {
    for (auto [compression, level] : {std::pair(Compression::kNone, std::optional<int>()),
                                      std::pair(Compression::kLz4, std::optional<int>()),
                                      std::pair(Compression::kLz4, std::optional(9)),
                                      std::pair(Compression::kZstd, std::optional<int>()),
                                      std::pair(Compression::kZstd, std::optional(19))}) {
      FileTree tree = tree_for(seed);
      tests::add_limits(tree, int64_t{1} << 34, /*has_acls=*/true);
      write(tree, {.compression = compression, .level = level});
      tests::Mount mount(path(), "erofs", folder_ / "mnt");
      REQUIRE_OR_SKIP(mount.succeeded,
                      "a kernel that mounts erofs from a loop device, with zstd since Linux 6.10");
      const FileTree kernel(scan(mount.point));
      EXPECT_EQ(dump(kernel), dump(tree)) << name_of(compression) << ' ' << seed;
      EXPECT_TRUE(kernel == tree) << name_of(compression) << ' ' << seed;
      EXPECT_EQ(xattr_of(mount.point, "security.selinux"),
                std::string(tree.root().label.text()) + '\0');
      // Names are looked up and not only listed.
      struct stat status {};
      EXPECT_EQ(lstat((mount.point + "/long/nothing").c_str(), &status), -1);
    }
  }
}

TEST_F(ErofsOracle, TheKernelNumbersTheInodesAlike) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount"), "root, or mount");
  std::filesystem::create_directory(folder_ / "mnt");
  const FileTree tree = tree_for(1);
  write(tree);
  tests::Mount mount(path(), "erofs", folder_ / "mnt");
  REQUIRE_OR_SKIP(mount.succeeded, "a kernel that mounts erofs from a loop device");
  PathsByInode numbers;
  EXPECT_TRUE(read_from(path(), &numbers) == tree);
  EXPECT_EQ(numbers.size(), totals(tree).inodes);
  for (const auto& [number, path] : numbers) {
    struct stat status {};
    ASSERT_EQ(lstat((mount.point + path).c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_ino, number) << path;
  }
}

TEST_F(ErofsOracle, FsckFindsNoFaultAndUnpacksTheSameTree) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("fsck.erofs"), "root, or fsck.erofs");
  for (Compression compression : {Compression::kNone, Compression::kLz4}) {
    FileTree tree = tree_for(3);
    // What fsck.erofs 1.5 does not unpack: xattrs, sockets, and the modes of what is no file.
    walk(tree, [](const std::string&, Node& node) {
      node.label = Label();
      node.xattrs = nullptr;
      if (node.device() && node.device()->kind == Device::Kind::kSocket) {
        node.kind = Device{Device::Kind::kFifo};
      }
      if (!node.symlink()) node.mode = 0755;
    });
    write(tree, {.compression = compression});
    const std::string unpacked = folder_ / fmt::format("unpacked-{}", name_of(compression));
    // Fails for what it finds wrong.
    output_of(fmt::format("fsck.erofs --extract={} --preserve {}", unpacked, path()));
    FileTree seen(scan(unpacked));
    walk(seen, [](const std::string&, Node& node) { node.label = Label(); });
    EXPECT_EQ(dump(seen), dump(tree)) << name_of(compression);
    // Times of folders are those of unpacking.
    auto without_times = [](FileTree& any) {
      walk(any, [](const std::string&, Node& node) { node.mtime = 0; });
    };
    without_times(seen);
    without_times(tree);
    EXPECT_TRUE(seen == tree) << name_of(compression);
  }
}

TEST_F(ErofsOracle, DumpShowsWhatIsInTheSuperblock) {
  REQUIRE_OR_SKIP(can_run("dump.erofs"), "dump.erofs");
  write(tests::random_tree(8), {.volume_name = "root", .image_mtime = 86400});
  const std::string shown = output_of(fmt::format("TZ=UTC dump.erofs -s {}", path()));
  EXPECT_NE(shown.find("Filesystem features:                          sb_csum mtime 0padding"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("Fri Jan  2 00:00:00 1970"), std::string::npos) << shown;
}

TEST_F(ErofsOracle, ImagesOfMkfsAreReadEqual) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("mount"), "root, or mount");
  REQUIRE_OR_SKIP(can_run("mkfs.erofs"), "mkfs.erofs");
  // A folder with xattrs and devices, which mkfs.erofs reads: our own image, mounted. Not of random
  // nodes, since it does not find every path again.
  FileTree tree;
  add_large(tree, 5);
  tree.insert("/null", Node(Device{Device::Kind::kCharacter, 1, 3}, 0666)).uid = 100000;
  tree.insert("/fifo", Node(Device{Device::Kind::kFifo}, 0600)).mtime = 77;
  tree.insert("/link", make_symlink(std::string(3000, 't')));
  Node& noted = tree.insert("/noted", make_regular(Content::from_bytes("with xattrs")));
  noted.xattrs = std::make_unique<Xattrs>();
  (*noted.xattrs)["security.capability"] = std::string("\1\0\0\2\0\4", 6) + std::string(14, '\0');
  (*noted.xattrs)["user.note"] = std::string(300, 'n');
  const std::string ours = folder_ / "ours";
  write_to(ours, tree);
  std::filesystem::create_directory(folder_ / "mnt");
  tests::Mount source(ours, "erofs", folder_ / "mnt");
  REQUIRE_OR_SKIP(source.succeeded, "a kernel that mounts erofs from a loop device");
  const FileTree expected = read_from(ours);
  for (const char* options :
       {"", "-zlz4", "-zlz4hc,12", "-zlz4 -C65536", "-zlz4hc -C1048576", "-zlz4 -Elegacy-compress",
        "-zlz4 -Elegacy-compress -C16384", "-x-1 -zlz4", "-x1", "--chunksize=4096",
        "--chunksize=65536 -Eforce-chunk-indexes", "-Enoinline_data", "-Eforce-inode-extended"}) {
    output_of(fmt::format("mkfs.erofs --quiet {} {} {} 2>&1", options, path(), source.point));
    FileTree found = read();
    FileTree wanted = expected.clone();
    if (std::string_view(options).starts_with("-x-1")) {
      walk(wanted, [](const std::string&, Node& node) {
        node.label = Label();
        node.xattrs = nullptr;
      });
    }
    EXPECT_EQ(dump(found), dump(wanted)) << options;
    EXPECT_TRUE(found == wanted) << options;
  }
}

}  // namespace
}  // namespace imagefmt
