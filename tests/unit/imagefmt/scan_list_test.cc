// SPDX-License-Identifier: Apache-2.0
//
// Folders of which only a part is taken: paths of a list, and what a selection leaves in.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "imagefmt/scan.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;

class ScanList : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"a/b/c", "a/d", "a-b", "e"}) {
      std::filesystem::create_directories(folder_ / folder);
    }
    for (const char* file : {"a/b/f", "a/b/c/g", "a/d/h", "a-b/i", "j"}) {
      write_file(folder_ / file, file);
    }
    std::filesystem::create_symlink("a", folder_ / "link");
  }
  static PathList list(const std::string& text, char end = '\n') {
    std::istringstream in(text);
    return PathList::read(in, end);
  }
  std::string scanned(const ScanOptions& options) const {
    std::string paths;
    walk(FileTree(scan_folder(folder_.path(), options)),
         [&](const std::string& path, const Node&) { paths += path + ' '; });
    return paths;
  }
  std::string listed(const std::string& text, char end = '\n') const {
    const PathList paths = list(text, end);
    return scanned({.list = &paths});
  }

  tests::TempDir folder_;
};

TEST_F(ScanList, TakesThePathsAndTheFoldersAboveThem) {
  EXPECT_EQ(listed(""), "/ ");
  EXPECT_EQ(listed(".\n"), "/ ");
  EXPECT_EQ(listed("a"), "/ /a ");
  EXPECT_EQ(listed("j\n./a/b/c/g\n/a/d/\na-b\nj\nlink\n"),
            "/ /a /a/b /a/b/c /a/b/c/g /a/d /a-b /j /link ");
  EXPECT_EQ(listed(std::string("a/b/f\0a//b/./c\0", 15), '\0'), "/ /a /a/b /a/b/c /a/b/f ");
}

TEST_F(ScanList, TakesAllThatFindLists) {
  std::string all = "/ ", text = ".\n";
  walk(FileTree(scan_folder(folder_.path(), {})), [&](const std::string& path, const Node&) {
    if (path == "/") return;
    all += path + ' ';
    text = '.' + path + '\n' + text;  // in no order
  });
  EXPECT_EQ(listed(text), all);
  const PathList paths = list(text);
  for (unsigned jobs : {1u, 4u}) {
    EXPECT_TRUE(FileTree(scan_folder(folder_.path(), {.jobs = jobs, .list = &paths})) ==
                FileTree(scan_folder(folder_.path(), {.jobs = jobs})));
  }
}

TEST_F(ScanList, NamesWhatIsNotThere) {
  const std::string root = folder_.path();
  EXPECT_EQ(error_of([&] { listed("a\nnone\nj/x\nlink/b\na/b/none/x\n"); }),
            "path 5 of the list: cannot stat '" + root + "/a/b/none': No such file or directory\n" +
                "path 3 of the list: cannot take what lies below '" + root +
                "/j': it is no folder\n" + "path 4 of the list: cannot take what lies below '" +
                root + "/link': it is no folder\n" + "path 2 of the list: cannot stat '" + root +
                "/none': No such file or directory");
  EXPECT_EQ(error_of([&] { listed("a\n\na/../b\n" + std::string(4096, 'x')); }),
            "path 2 of the list: it is empty\n"
            "path 3 of the list: 'a/../b' has '..' in it\n"
            "path 4 of the list: longer than 4095 bytes");
  EXPECT_EQ(error_of([&] { listed(std::string("a\0b\n", 4)); }),
            "path 1 of the list: a NUL byte in a list of lines");
}

TEST_F(ScanList, DoesNotLookIntoWhatIsLeftOut) {
  Selection selection;
  selection.exclude("/a/b");
  selection.exclude("a-b/");
  selection.exclude("link/");  // no folder: it stays
  ASSERT_EQ(mkfifo((folder_ / "a/b/fifo").c_str(), 0600), 0);
  EXPECT_EQ(
      error_of([&] { scanned({.metadata = Metadata::kCanonical}); }),
      "cannot take '" + folder_ / "a/b/fifo" + "': a fifo, expected a file, a folder or a symlink");
  EXPECT_EQ(scanned({.metadata = Metadata::kCanonical, .selection = &selection}),
            "/ /a /a/d /a/d/h /e /j /link ");
  const PathList paths = list("a/b/f\na/d/h\na/b/none\nlink\n");
  EXPECT_EQ(scanned({.selection = &selection, .list = &paths}), "/ /a /a/d /a/d/h /link ");
  // The same as leaving it out of the tree.
  FileTree whole(scan_folder(folder_.path(), {}));
  prune(whole, selection);
  EXPECT_TRUE(whole == FileTree(scan_folder(folder_.path(), {.selection = &selection})));
}

}  // namespace
}  // namespace imagefmt
