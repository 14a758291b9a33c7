// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/tree.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "tests/support/random_tree.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;

TEST(FileTree, KeepsEntriesSortedByBytes) {
  FileTree tree;
  for (const char* name : {"/b", "/a", "/\xff", "/A", "/a-b"}) tree.insert(name, make_directory());
  std::vector<std::string> names;
  for (const Entry& entry : tree.root().directory()->entries) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"A", "a", "a-b", "b", "\xff"}));
}

TEST(FileTree, MakesMissingParents) {
  FileTree tree;
  tree.insert("/etc/ssh/sshd_config", make_regular(Content::from_bytes("x")));
  ASSERT_TRUE(tree.find("/etc/ssh"));
  EXPECT_EQ(tree.find("/etc/ssh")->mode, 0755);
  EXPECT_EQ(tree.find("/etc/ssh/sshd_config")->regular()->content.read_all(), "x");
  EXPECT_EQ(tree.find("/etc/ssh/sshd_config/deeper"), nullptr);
}

TEST(FileTree, RefusesWhatCannotBeAdded) {
  FileTree tree;
  tree.insert("/a", make_symlink("b"));
  EXPECT_EQ(error_of([&] { tree.insert("/a", make_directory()); }),
            "cannot add '/a': something stands there");
  EXPECT_EQ(error_of([&] { tree.insert("/a/b", make_directory()); }),
            "cannot add '/a/b': 'a' above it is no folder");
  EXPECT_EQ(error_of([&] { tree.insert("/x/../y", make_directory()); }),
            "cannot add '/x/../y': bad file name '..': '.' and '..' are no names");
  EXPECT_EQ(error_of([&] { tree.insert("/", make_directory()); }),
            "cannot add '/': the root stands there");
  EXPECT_EQ(error_of([&] { tree.insert("/l", make_symlink("")); }),
            "cannot add '/l': a symlink target has 1 to 4095 bytes, found 0");
  EXPECT_EQ(error_of([&] { tree.insert("/" + std::string(256, 'n'), make_directory()); }),
            "cannot add '/" + std::string(256, 'n') + "': bad file name '" + std::string(256, 'n') +
                "': a name longer than 255 bytes");
}

TEST(FileTree, CloneIsEqualAndIndependent) {
  FileTree tree = tests::random_tree(7);
  FileTree copy = tree.clone();
  EXPECT_TRUE(tree == copy);
  copy.root().label = Label("other");
  EXPECT_FALSE(tree == copy);
}

TEST(Dump, EscapesAndSortsByPathBytes) {
  FileTree tree;
  tree.insert("/a/b", make_regular(Content::from_bytes("12")));
  tree.insert("/a-b", make_symlink("x y"));
  tree.root().label = Label("system_u:object_r:root_t:s0");
  EXPECT_EQ(dump(tree), (std::vector<std::string>{
                            "/\td\t0755\t0\t0\t0\tsystem_u:object_r:root_t:s0",
                            "/a\td\t0755\t0\t0\t0\t-",
                            "/a-b\tl\t0777\t0\t0\t3\t-\tx\\040y",
                            "/a/b\tf\t0644\t0\t0\t2\t-",
                        }));
}

TEST(Content, FollowsTheLinksOfANamedFile) {
  tests::TempDir folder;
  write_file(folder / "f", "hello");
  std::filesystem::create_symlink("f", folder / "link");
  EXPECT_EQ(Content::from_host_file(folder / "link").read_all(), "hello");
  std::filesystem::create_symlink("/", folder / "root");
  EXPECT_EQ(error_of([&] { Content::from_host_file(folder / "root"); }),
            "cannot read '" + folder / "root" + "': not a regular file");
}

TEST(Content, NoticesAFileThatChanges) {
  tests::TempDir folder;
  write_file(folder / "f", "hello");
  Content content = Content::from_host_file(folder / "f");
  EXPECT_EQ(content.read_all(), "hello");
  write_file(folder / "f", "hello, world");
  EXPECT_EQ(error_of([&] { content.read_all(); }),
            "cannot read '" + folder / "f" + "': it changed while being read");
}

}  // namespace
}  // namespace imagefmt
