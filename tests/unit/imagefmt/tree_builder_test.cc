// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/tree_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "imagefmt/dump.h"
#include "tests/support/random_tree.h"

namespace imagefmt {
namespace {

TEST(TreeBuilder, MakesTheSameTreeFromAnyOrder) {
  const FileTree tree = tests::random_tree(3, 800);
  // Folders before what is in them, and otherwise backwards.
  std::vector<std::string> paths;
  walk(tree, [&](const std::string& path, const Node&) { paths.push_back(path); });
  std::stable_sort(paths.begin(), paths.end(), [](const std::string& a, const std::string& b) {
    const auto depth = [](const std::string& path) {
      return std::count(path.begin(), path.end(), '/');
    };
    return depth(a) != depth(b) ? depth(a) < depth(b) : a > b;
  });
  auto shallow = [](const Node& node) {
    if (!node.directory()) return node.clone();
    Node folder = make_directory(node.mode);
    folder.uid = node.uid, folder.gid = node.gid, folder.mtime = node.mtime;
    folder.label = node.label;
    return folder;
  };
  TreeBuilder builder(shallow(tree.root()));
  std::map<std::string, TreeBuilder::Number> numbers = {{"", TreeBuilder::kRoot}};
  for (const std::string& path : paths) {
    if (path == "/") continue;
    const size_t slash = path.rfind('/');
    const TreeBuilder::Number folder = numbers.at(path.substr(0, slash));
    const std::string name = path.substr(slash + 1);
    EXPECT_FALSE(builder.find(folder, name));
    numbers[path] = builder.add(folder, name, shallow(*tree.find(path)));
    EXPECT_EQ(builder.find(folder, name), numbers[path]);
    EXPECT_TRUE(builder.has_entries(folder));
  }
  const FileTree built = std::move(builder).finish();
  EXPECT_EQ(dump(built), dump(tree));
  EXPECT_TRUE(built == tree);
}

TEST(TreeBuilder, TakesManyNamesOfOneFolderInNoOrder) {
  TreeBuilder builder(make_directory());
  constexpr uint32_t kCount = 100000;
  for (uint32_t i = 0; i < kCount; ++i) {
    builder.add(TreeBuilder::kRoot, std::to_string(i * 7919 % kCount), make_symlink("x"));
  }
  const FileTree tree = std::move(builder).finish();
  const std::vector<Entry>& entries = tree.root().directory()->entries;
  ASSERT_EQ(entries.size(), kCount);
  EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(),
                             [](const Entry& a, const Entry& b) { return a.name < b.name; }));
}

}  // namespace
}  // namespace imagefmt
