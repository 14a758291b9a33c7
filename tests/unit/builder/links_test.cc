// SPDX-License-Identifier: Apache-2.0
#include "builder/links.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using tests::error_of;

std::string place_of(const FileTree& tree, std::string_view path) {
  std::optional<Found> found = find_following(tree, path);
  return found ? found->path : "(nothing)";
}

TEST(FindFollowing, FollowsLinksAsTheKernelDoes) {
  FileTree tree;
  tree.insert("/a/b/file", make_regular(Content::from_bytes("x")));
  tree.insert("/abs", make_symlink("/a/b"));
  tree.insert("/a/rel", make_symlink("b/./file"));
  tree.insert("/a/up", make_symlink("../../../abs/file"));
  tree.insert("/a/b/chain", make_symlink("../rel"));
  tree.insert("/dangling", make_symlink("/none"));
  tree.insert("/loop", make_symlink("loop"));
  EXPECT_EQ(place_of(tree, "/"), "/");
  EXPECT_EQ(place_of(tree, "/abs"), "/a/b");
  EXPECT_EQ(place_of(tree, "/abs/file"), "/a/b/file");
  EXPECT_EQ(place_of(tree, "/abs/../rel"), "/a/b/file");
  EXPECT_EQ(place_of(tree, "/a/up"), "/a/b/file");
  EXPECT_EQ(place_of(tree, "//a//b/chain"), "/a/b/file");
  EXPECT_EQ(place_of(tree, "/dangling"), "(nothing)");
  EXPECT_EQ(place_of(tree, "/loop"), "(nothing)");
  EXPECT_EQ(place_of(tree, "/a/b/file/x"), "(nothing)");
  EXPECT_EQ(place_of(tree, "/a/b/file/.."), "(nothing)");
}

TEST(FindFollowing, FollowsFortyLinks) {
  FileTree tree;
  tree.insert("/0", make_regular(Content::from_bytes("x")));
  for (int i = 1; i <= 41; ++i) {
    tree.insert("/" + std::to_string(i), make_symlink(std::to_string(i - 1)));
  }
  EXPECT_EQ(place_of(tree, "/40"), "/0");
  EXPECT_EQ(place_of(tree, "/41"), "(nothing)");
}

TEST(ReadTextAt, TellsWhatIsInTheWay) {
  FileTree tree;
  tree.insert("/f", make_regular(Content::from_bytes("four")));
  EXPECT_EQ(read_text_at(tree, "/f", 4), "four");
  EXPECT_EQ(error_of([&] { read_text_at(tree, "/f", 3); }),
            "cannot read '/f': 4 bytes, expected at most 3");
  EXPECT_EQ(error_of([&] { read_text_at(tree, "/"); }), "cannot read '/': not a regular file");
  EXPECT_EQ(error_of([&] { read_text_at(tree, "/g"); }), "cannot read '/g': nothing stands there");
  EXPECT_EQ(error_of([&] { folder_at(tree, "/f"); }), "cannot read '/f': not a folder");
}

}  // namespace
}  // namespace builder
