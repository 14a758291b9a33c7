// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/ext4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <utility>

#include "imagefmt/dump.h"
#include "imagefmt/ext4/format.h"
#include "imagefmt/ext4/plan.h"
#include "imagefmt/ext4/survey.h"
#include "tests/support/image_test.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

using namespace ext4;
using tests::error_of;

class Ext4 : public tests::ImageTest<tests::Ext4Format> {
 protected:
  uint64_t blocks_on_disk() const {
    return static_cast<uint64_t>(File::open_for_reading(path()).status().st_blocks) * 512 /
           kBlockSize;
  }
};

const Superblock& superblock_of(const std::string& image) {
  return struct_at<Superblock>(as_bytes(image), kSuperblockOffset);
}

constexpr size_t kHoleSize = kHoleBlocks * kBlockSize;

Node file(std::string bytes) {
  return make_regular(Content::from_bytes(std::move(bytes)));
}

/// A text without a block of zeros.
std::string text(size_t size) {
  return std::string(size, 't');
}

FileTree tree_of_files(std::vector<std::string> contents) {
  FileTree tree;
  for (size_t i = 0; i < contents.size(); ++i) {
    tree.insert(fmt::format("/{}", i), file(std::move(contents[i])));
  }
  return tree;
}

TEST_F(Ext4, GivesTheTreeBack) {
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    const FileTree tree = tests::random_tree(seed, 250);
    const Ext4Options options = {.free_space_bytes = seed % 3 == 0 ? 5000000u : 0u,
                                 .share_data = seed % 3 == 1};
    const std::string image = write(tree, options);
    EXPECT_EQ(image.size(), planned_ext4_size(tree, options));
    const FileTree back = read();
    EXPECT_EQ(dump(back), dump(tree)) << "seed " << seed;
    EXPECT_TRUE(back == tree) << "seed " << seed;
  }
}

TEST_F(Ext4, BytesDoNotDependOnTheJobs) {
  const FileTree tree = tests::random_tree(11);
  const std::string one = write(tree, {.jobs = 1});
  for (unsigned jobs : {2u, 7u}) EXPECT_TRUE(write(tree, {.jobs = jobs}) == one) << jobs;
}

TEST_F(Ext4, HoldsEveryKindOfNode) {
  FileTree tree;
  tree.root().label = Label("system_u:object_r:root_t:s0");
  tree.root().mode = 01777;
  tree.insert("/empty", make_directory(0700));
  tree.insert("/nothing", file(""));
  tree.insert("/short", make_symlink(std::string(59, 's')));
  tree.insert("/longer", make_symlink(std::string(60, 's')));
  tree.insert("/long", make_symlink(std::string(4095, 'l')));
  tree.insert("/null", Node(Device{Device::Kind::kCharacter, 1, 3}, 0666));
  tree.insert("/zero", Node(Device{Device::Kind::kCharacter, 0, 0}, 0666));
  tree.insert("/disk", Node(Device{Device::Kind::kBlock, 4095, 0xfffff}, 0660));
  tree.insert("/255", Node(Device{Device::Kind::kBlock, 255, 256}, 0660));
  tree.insert("/fifo", Node(Device{Device::Kind::kFifo}, 0600)).label = Label("a:b:c:s0");
  tree.insert("/socket", Node(Device{Device::Kind::kSocket}, 0600)).uid = UINT32_MAX;
  tree.insert("/old", file("x")).mtime = INT32_MIN;
  tree.insert("/1969", file("x")).mtime = -1;
  tree.insert("/2038", file("x")).mtime = int64_t{INT32_MAX} + 1;
  tree.insert("/2106", file("x")).mtime = int64_t{UINT32_MAX} + 1;
  tree.insert("/2446", file("x")).mtime = kMaxTime;
  Node& last = tree.insert("/last", file("x"));
  last.mode = 07777;
  last.gid = 4000000000;
  last.xattrs = std::make_unique<Xattrs>();
  (*last.xattrs)["security.a"] = "before the label";
  (*last.xattrs)["security.z"] = std::string("with\0NUL\0", 9);
  (*last.xattrs)["trusted.overlay.opaque"] = "y";
  (*last.xattrs)["user.empty"] = "";
  (*last.xattrs)["user.large"] = std::string(3000, 'v');
  // As setfacl gives them: owner, user 1000, group, mask, others.
  const std::string acl(
      "\2\0\0\0\1\0\7\0\xff\xff\xff\xff\2\0\6\0\xe8\3\0\0\4\0\5\0\xff\xff\xff\xff\x10\0\7\0\xff\xff"
      "\xff\xff\x20\0\5\0\xff\xff\xff\xff",
      44);
  (*last.xattrs)["system.posix_acl_access"] = acl;
  write(tree);
  EXPECT_EQ(dump(read()), dump(tree));
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, ASealedImageIsFullAndAsSmallAsItsFiles) {
  const std::string image = write(tree_of_files({text(4096), text(1), text(8193)}));
  const Superblock& superblock = superblock_of(image);
  // Superblock, descriptors, two bitmaps, one block of inodes, the root, and the files.
  EXPECT_EQ(superblock.block_count_low, 5u + 1 + 1 + 1 + 3);
  EXPECT_EQ(image.size(), 11u * kBlockSize);
  EXPECT_EQ(superblock.free_block_count_low, 0u);
  EXPECT_EQ(superblock.inode_count, 16u);
  EXPECT_EQ(superblock.free_inode_count, 3u);
  EXPECT_EQ(superblock.inode_size, 256u);
  EXPECT_EQ(superblock.compat & 0x4, 0u) << "a journal";
  EXPECT_EQ(superblock.compat & 0x10, 0u) << "room to grow in place";
}

TEST_F(Ext4, FreeSpaceIsWhatWasAskedForAndTakesNone) {
  const std::string image = write(tree_of_files({text(4096)}), {.free_space_bytes = 300 << 20});
  const Superblock& superblock = superblock_of(image);
  EXPECT_EQ(superblock.free_block_count_low, (300u << 20) / kBlockSize);
  EXPECT_GE(superblock.free_inode_count, (300u << 20) / 16384);
  EXPECT_EQ(superblock.block_count_low, image.size() / kBlockSize);
  EXPECT_LT(blocks_on_disk(), 30u);
}

TEST_F(Ext4, FreeSpaceKeepsCopiesOfTheSuperblock) {
  const FileTree tree = tree_of_files({text(4096)});
  const std::string image = write(tree, {.free_space_bytes = 600 << 20});
  const Geometry geometry = make_plan(tree, {.free_space_bytes = 600 << 20}).geometry;
  EXPECT_EQ(geometry.backup_groups, (std::vector<uint32_t>{1, 3}));
  for (const uint32_t group : geometry.backup_groups) {
    const Superblock& copy =
        struct_at<Superblock>(as_bytes(image), uint64_t{group} * kMaxGroupItems * kBlockSize);
    EXPECT_EQ(copy.magic, kMagic);
    EXPECT_EQ(copy.group, group);
  }
  EXPECT_EQ(superblock_of(image).compat & kSparseSuper2, 0u);
  EXPECT_EQ(superblock_of(image).free_block_count_low, (600u << 20) / kBlockSize);
}

TEST_F(Ext4, AnImageWhoseInodesReachTheFirstCopyHasNone) {
  // 18 GiB have inodes of 288 MiB.
  const Plan plan = make_plan(tree_of_files({"x"}), {.free_space_bytes = uint64_t{18} << 30});
  EXPECT_FALSE(plan.geometry.can_grow);
  EXPECT_TRUE(plan.geometry.backup_groups.empty());
}

TEST_F(Ext4, FilesLieBehindEachOtherInTheOrderOfTheTree) {
  FileTree tree;
  for (const char* path : {"/b/2", "/a", "/b/1", "/c/d/4", "/c/3", "/z"}) {
    tree.insert(path, file(text(5000)));
  }
  const Plan plan = make_plan(tree, {});
  std::vector<std::string> order;
  uint64_t next = plan.files.first_block;
  for (size_t i = plan.first_file_run; i < plan.runs.size(); ++i) {
    EXPECT_EQ(plan.runs[i].physical, next);
    next += plan.runs[i].count;
  }
  EXPECT_EQ(next, plan.geometry.first_free);
  EXPECT_EQ(next, plan.geometry.block_count);
  // The files of a folder, then its folders.
  const Node* a = tree.find("/a");
  EXPECT_EQ(plan.inodes[1].node, a);
  EXPECT_EQ(plan.inodes[1].first_run, plan.first_file_run);
}

TEST_F(Ext4, InodesWithTheSameXattrsShareABlock) {
  FileTree tree;
  const Label label("system_u:object_r:a_rather_long_type_name_that_does_not_fit_t:s0:c0.c1023");
  for (int i = 0; i < 1500; ++i) tree.insert(fmt::format("/{:04}", i), file("")).label = label;
  const std::string image = write(tree);
  const Plan plan = make_plan(tree, {});
  ASSERT_EQ(plan.geometry.inode_size, 256u);
  ASSERT_EQ(plan.xattrs.block_count, 2u);
  for (auto [number, references] : {std::pair(0, 1024u), std::pair(1, 476u)}) {
    const XattrBlockHeader& header = struct_at<XattrBlockHeader>(
        as_bytes(image), (plan.xattrs.first_block + static_cast<uint64_t>(number)) * kBlockSize);
    EXPECT_EQ(header.reference_count, references);
  }
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, InodesGrowWhereThatTakesLessThanBlocks) {
  FileTree tree;
  for (int i = 0; i < 100; ++i) {
    tree.insert(fmt::format("/{}", i), file("")).label =
        Label(fmt::format("system_u:object_r:{}_{}_t:s0", std::string(150, 'l'), i));
  }
  EXPECT_EQ(superblock_of(write(tree)).inode_size, 512u);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, InodesDoNotGrowWhereThatSavesNoBlock) {
  // A block of 16 inodes and one of xattrs, or two blocks of 8 inodes.
  FileTree tree;
  tree.insert("/f", file("")).label = Label(std::string(300, 'l'));
  for (int i = 0; i < 3; ++i) tree.insert(fmt::format("/{}", i), file(""));
  EXPECT_EQ(superblock_of(write(tree)).inode_size, 256u);
  EXPECT_EQ(make_plan(tree, {}).xattrs.block_count, 1u);
}

TEST_F(Ext4, ALabelStaysInTheInodeBesideWhatDoesNotFit) {
  FileTree tree;
  Node& node = tree.insert("/f", file("x"));
  node.label = Label("system_u:object_r:bin_t:s0");
  node.xattrs = std::make_unique<Xattrs>();
  (*node.xattrs)["user.large"] = std::string(1000, 'v');
  const std::string image = write(tree);
  const Plan plan = make_plan(tree, {});
  const size_t place = plan.geometry.inode_tables * kBlockSize + (kFirstInode - 1) * 256;
  EXPECT_NE(image.substr(place, 256).find("system_u:object_r:bin_t:s0"), std::string::npos);
  EXPECT_EQ(plan.xattrs.block_count, 1u);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, ZerosOfLargeFilesAreHoles) {
  const size_t hole = kHoleSize;
  const std::string zeros(hole, '\0');
  const std::vector<std::string> contents = {
      zeros + text(1 << 20),                                 // at the start
      text(1 << 20) + zeros + text(5000),                    // in the middle
      text(1 << 20) + zeros,                                 // at the end
      text(1 << 20) + std::string(hole - 4096, '\0') + "x",  // too short
      std::string(3 << 20, '\0'),                            // everything
      std::string((2 << 20) + 1, '\0'),
      std::string(900000, '\0'),  // a small file
      text(1 << 20) + std::string(2 * hole + 4095, '\0') + text(1),
  };
  const FileTree tree = tree_of_files(contents);
  write(tree);
  EXPECT_TRUE(read() == tree);
  const Plan plan = make_plan(tree, {});
  std::vector<uint64_t> blocks;
  for (size_t i = 1; i < plan.inodes.size(); ++i) {
    uint64_t count = 0;
    for (const ext4::Run& run : plan.runs_of(plan.inodes[i])) count += run.count;
    blocks.push_back(count);
  }
  EXPECT_EQ(blocks, (std::vector<uint64_t>{256, 256 + 2, 256, 256 + 16, 0, 0, 220, 256 + 1}));
}

TEST_F(Ext4, HolesDoNotDependOnHowTheHostStoresAFile) {
  const std::string bytes = text(1 << 20) + std::string(4 << 20, '\0') + text(100);
  write_file(folder_ / "full", bytes);
  {
    File sparse = File::create(folder_ / "sparse");
    sparse.resize(bytes.size());
    sparse.write(0, as_bytes(text(1 << 20)));
    sparse.write(5 << 20, as_bytes(text(100)));
  }
  std::vector<std::string> images;
  for (const char* name : {"full", "sparse"}) {
    FileTree tree;
    tree.insert("/f", make_regular(Content::from_host_file(folder_ / name)));
    images.push_back(write(tree));
    EXPECT_TRUE(read() == tree);
  }
  EXPECT_TRUE(images[0] == images[1]);
  EXPECT_LT(images[0].size(), 2u << 20);
}

TEST_F(Ext4, AFileOfManyHolesHasATreeOfExtents) {
  // 5 extents do not fit into the inode, 341 not into one block.
  for (size_t pieces : {4, 5, 340, 341}) {
    std::string bytes;
    for (size_t i = 0; i < pieces; ++i) bytes += text(4096) + std::string(kHoleSize, '\0');
    bytes += std::string(2 << 20, '\0');
    const FileTree tree = tree_of_files({bytes});
    write(tree);
    EXPECT_TRUE(read() == tree) << pieces;
    const Plan plan = make_plan(tree, {});
    EXPECT_EQ(plan.runs_of(plan.inodes[1]).size(), pieces);
    EXPECT_EQ(plan.extents.block_count, pieces <= 4 ? 0u : (pieces + 339) / 340) << pieces;
  }
}

TEST_F(Ext4, EqualFilesAreStoredOnceIfAskedFor) {
  const FileTree tree = tree_of_files(
      {text(100000), text(5000), text(100000), "", text(5000) + "x", text(100000), ""});
  const size_t apart = write(tree).size();
  const std::string image = write(tree, {.share_data = true});
  EXPECT_EQ(apart - image.size(), 2u * 25 * kBlockSize);
  EXPECT_EQ(superblock_of(image).read_only_compat & kSharedBlocks, uint32_t{kSharedBlocks});
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, LargeFoldersAreIndexed) {
  // One block, two, and with a level of nodes between.
  for (uint32_t count : {10u, 400u, 50000u}) {
    FileTree tree;
    std::vector<Entry> entries;
    for (uint32_t i = 0; i < count; ++i) {
      entries.push_back(
          {fmt::format("{:07}{}", i, std::string(i % 50 == 0 ? 9 : 248, 'n')), file("")});
    }
    tree.insert("/large", Node(Directory(std::move(entries)), 0755));
    write(tree, {.jobs = 2});
    EXPECT_TRUE(read() == tree) << count;
    const Plan plan = make_plan(tree, {});
    const PlannedInode& large = plan.inodes[1];
    EXPECT_EQ(plan.runs_of(large)[0].count == 1, count == 10u);
    const DirectoryLayout layout = plan_directory(*large.node->directory(), plan.seeds);
    EXPECT_EQ(layout.node_count != 0, count == 50000u) << layout.leaves.size();
  }
}

TEST_F(Ext4, AFolderMayFillItsBlocksToTheLastByte) {
  // 60 records of 68 bytes fit into a leaf, but not beside `.` and `..`.
  for (uint32_t count : {58u, 59u, 60u, 61u}) {
    FileTree tree;
    for (uint32_t i = 0; i < count; ++i) {
      tree.insert(fmt::format("/{:02}{}", i, std::string(58, 'n')), file(""));
    }
    write(tree);
    EXPECT_TRUE(read() == tree) << count;
    const DirectoryLayout layout = plan_directory(*tree.root().directory(), {});
    EXPECT_EQ(layout.indexed, count > 59) << count;
    EXPECT_EQ(layout.leaves.size(), count > 60 ? 2u : 1u) << count;
  }
}

TEST_F(Ext4, ManyInodesWithoutBlocksHaveSmallGroups) {
  FileTree tree;
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < 100000; ++i) entries.push_back({fmt::format("{:06}", i), file("")});
  tree.insert("/large", Node(Directory(std::move(entries)), 0755));
  const std::string image = write(tree);
  EXPECT_LT(superblock_of(image).blocks_per_group, kMaxGroupItems);
  EXPECT_LT(image.size(), 100000u * 256 + 100000 * 17 + 100 * kBlockSize);
  EXPECT_TRUE(read() == tree);
}

TEST_F(Ext4, IdsDeriveFromTheTreeAndFromWhatItWasMadeOf) {
  auto uuid_of = [&](const FileTree& tree, const Ext4Options& options) {
    const std::string image = write(tree, options);
    return to_hex(superblock_of(image).uuid);
  };
  const FileTree tree = tree_of_files({"a"});
  const std::string uuid = uuid_of(tree, {});
  EXPECT_EQ(uuid_of(tree_of_files({"a"}), {.image_mtime = 7, .jobs = 3}), uuid);
  EXPECT_NE(uuid_of(tree, {.identity = "another store"}), uuid);
  EXPECT_NE(uuid_of(tree_of_files({"ab"}), {}), uuid);
  FileTree labelled = tree.clone();
  labelled.root().label = Label("a:b:c");
  EXPECT_NE(uuid_of(labelled, {}), uuid);
  EXPECT_EQ(uuid[12], '8');
}

TEST_F(Ext4, CarriesItsNameAndTime) {
  const std::string image =
      write({}, {.volume_name = "sixteen letters!", .image_mtime = 1234567890});
  EXPECT_EQ(std::string_view(superblock_of(image).volume_name, 16), "sixteen letters!");
  EXPECT_EQ(superblock_of(image).creation_time, 1234567890u);
}

TEST_F(Ext4, BadOptionsAreNamed) {
  const FileTree tree;
  EXPECT_EQ(error_of([&] { write(tree, {.image_mtime = -1}); }),
            "cannot use the image time -1: ext4 holds 0 to 4294967295");
  EXPECT_EQ(error_of([&] { write(tree, {.volume_name = "seventeen letters"}); }),
            "cannot use the label 'seventeen letters': ext4 holds 16 bytes");
  EXPECT_EQ(error_of([&] { write(tree, {.free_space_bytes = 1, .share_data = true}); }),
            "cannot share data in an image with free space: it cannot be written to");
  EXPECT_EQ(error_of([&] { write(tree, {.free_space_bytes = UINT64_MAX}); }),
            "cannot make an ext4 image of 1125899906842633 inodes: it holds 4294934527");
}

TEST_F(Ext4, AJournalTakesNoFreeSpace) {
  const FileTree tree = tests::random_tree(9);
  const std::string image = write(tree, {.free_space_bytes = 40 << 20, .journal = true});
  EXPECT_EQ(superblock_of(image).free_block_count_low, (40u << 20) / kBlockSize);
  EXPECT_EQ(superblock_of(image).journal_inode, kJournalInode);
  EXPECT_EQ(error_of([&] { write(tree, {.journal = true}); }),
            "cannot give an image without free space a journal: nobody writes to it");
}

TEST_F(Ext4, AllThatDoesNotFitIsNamedAtOnce) {
  FileTree tree;
  tree.insert("/a", file("")).mtime = kMaxTime + 1;
  tree.insert("/b", Node(Device{Device::Kind::kBlock, 4096, 1}, 0600));
  auto with_xattr = [&](const char* path, std::string name, std::string value) {
    Node& node = tree.insert(path, file(""));
    node.xattrs = std::make_unique<Xattrs>();
    (*node.xattrs)[std::move(name)] = std::move(value);
  };
  with_xattr("/c", "system.nfs4_acl", "x");
  with_xattr("/d", "user.large", std::string(4096, 'x'));
  with_xattr("/e", "system.posix_acl_access", "no ACL");
  with_xattr("/f", "security.selinux", "a:b:c");
  tree.insert("/g", make_regular(Content::from_host_file(
                        std::make_shared<const std::string>("/nowhere"), "g", 1ull << 44, {})));
  EXPECT_EQ(
      error_of([&] { write(tree); }),
      "cannot write '/a': time 15032385536 does not fit, ext4 holds -2147483648 to 15032385535\n"
      "cannot write '/b': device 4096:1 does not fit, ext4 holds 4095:1048575\n"
      "cannot write '/c': ext4 has no xattr 'system.nfs4_acl', only user., trusted., security. "
      "and POSIX ACLs\n"
      "cannot write '/d': xattrs of 4156 bytes do not fit, ext4 holds 4096 an inode\n"
      "cannot write '/e': xattr 'system.posix_acl_access' is no ACL of version 2\n"
      "cannot write '/f': the label stands among the other xattrs\n"
      "cannot write '/g': a file of 17592186044416 bytes does not fit, ext4 holds "
      "17592186040320");
}

TEST_F(Ext4, AnImageThatIsTooLargeIsRefusedBeforeAnyByte) {
  write_file(path(), "what stood there");
  const FileTree tree = tree_of_files({text(100000)});
  SilentReporter reporter;
  File file = File::create(folder_ / "other");
  file.write(0, as_bytes("untouched"));
  EXPECT_EQ(error_of([&] { write_ext4(tree, {.max_size_bytes = 100000}, file, reporter); }),
            "cannot make an ext4 image of 126976 bytes: it has room for 100000");
  EXPECT_EQ(read_file(folder_ / "other"), "untouched");
  EXPECT_EQ(error_of([&] { write(tree, {.max_size_bytes = 126976}); }), "(no error)");
}

TEST_F(Ext4, AFileThatChangesWhileItIsReadIsNamed) {
  write_file(folder_ / "f", text(10000));
  FileTree tree;
  tree.insert("/f", make_regular(Content::from_host_file(folder_ / "f")));
  write_file(folder_ / "f", text(9000));
  EXPECT_EQ(error_of([&] { write(tree); }),
            fmt::format("cannot read '{}': it changed while being read", folder_ / "f"));
}

TEST_F(Ext4, AFileSystemThatIsFullIsNamedAndHasNoImage) {
  // A limit on the size of files stands for a disk that is full.
  const FileTree tree = tree_of_files({text(1 << 20), text(1 << 20)});
  File file = File::create(path());
  SilentReporter reporter;
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlim_t before = std::exchange(limit.rlim_cur, 1 << 20);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  const std::string message = error_of([&] { write_ext4(tree, {}, file, reporter); });
  limit.rlim_cur = before;
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, fmt::format("cannot resize '{}' to 2121728 bytes: File too large", path()));
  EXPECT_EQ(file.size_bytes(), 0u);
}

}  // namespace
}  // namespace imagefmt
