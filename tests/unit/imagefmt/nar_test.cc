// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/nar/nar.h"

#include <gtest/gtest.h>

#include <sstream>

#include "imagefmt/dump.h"
#include "tests/support/nar_bytes.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;
using tests::nar_number;
using tests::nar_of;
using tests::nar_strings;

/// Bytes in parts of a size.
class Parts : public ByteStream {
 public:
  Parts(std::string_view bytes, size_t size) : rest_(as_bytes(bytes)), size_(size) {}
  ByteView read() override {
    const ByteView part = rest_.first(std::min(size_, rest_.size()));
    rest_ = rest_.subspan(part.size());
    return part;
  }

 private:
  ByteView rest_;
  size_t size_;
};

Nar read_in_parts(std::string_view bytes, size_t part_size, NarLimits limits = {}) {
  Parts parts(bytes, part_size);
  Spool spool("/tmp");
  NarStream stream(parts, spool);
  Nar nar = stream.read_nar(limits);
  EXPECT_TRUE(stream.at_end());
  EXPECT_EQ(stream.offset(), bytes.size());
  spool.flush();
  return nar;
}

std::string refusal(std::string_view bytes, NarLimits limits = {}) {
  return error_of([&] { read_in_parts(bytes, 1000, limits); });
}

std::string written(const Node& node) {
  std::string bytes;
  write_nar(node, [&](ByteView part) { bytes += as_text(part); });
  return bytes;
}

FileTree sample() {
  FileTree tree(make_directory(0555));
  auto file = [&](const std::string& path, std::string bytes, uint16_t mode) {
    tree.insert(path, make_regular(Content::from_bytes(std::move(bytes)), mode));
  };
  for (size_t size : {0, 1, 7, 8, 9, 300'000}) {
    file("/files/" + std::to_string(size), std::string(size, 'x'), 0444);
  }
  file("/bin/run", "#!", 0555);
  file("/\xff \\", "odd", 0444);
  tree.insert("/empty", make_directory(0555));
  tree.insert("/bin/link", make_symlink("../files/9"));
  walk(tree, [](const std::string&, Node& node) {
    if (node.directory()) node.mode = 0555;
  });
  return tree;
}

TEST(Nar, IsItsTreeAndBack) {
  const FileTree tree = sample();
  const std::string bytes = written(tree.root());
  for (size_t part : {size_t{1}, size_t{8}, size_t{1000}, bytes.size()}) {
    Nar nar = read_in_parts(bytes, part);
    EXPECT_TRUE(nar.node == tree.root()) << part;
    EXPECT_EQ(nar.sum.sha256, sha256(bytes)) << part;
    EXPECT_EQ(nar.sum.size_bytes, bytes.size()) << part;
  }
  const NarSum sum = sum_nar(tree.root());
  EXPECT_EQ(sum.sha256, sha256(bytes));
  EXPECT_EQ(sum.size_bytes, bytes.size());
}

TEST(Nar, LeavesDataWhereTheyAre) {
  tests::TempDir folder;
  const FileTree tree = sample();
  const std::string bytes = written(tree.root());
  write_file(folder / "nar", nar_number(7) + bytes + bytes);
  const auto file = std::make_shared<const File>(File::open_for_reading(folder / "nar"));
  FileByteStream input(file);
  NarStream stream(input, DataFile{file, file->status().st_mtim});
  EXPECT_EQ(stream.read_number(), 7u);
  for (int i = 0; i < 2; ++i) {
    Nar nar = stream.read_nar({});
    EXPECT_TRUE(nar.node == tree.root());
    EXPECT_EQ(nar.sum.sha256, sha256(bytes));
  }
  EXPECT_TRUE(stream.at_end());
}

TEST(Nar, IsOneOfAFileToo) {
  const Nar nar =
      read_in_parts(nar_of({"(", "type", "regular", "executable", "", "contents", "hi", ")"}), 3);
  EXPECT_EQ(nar.node.mode, 0555);
  EXPECT_EQ(nar.node.regular()->content.read_all(), "hi");
  EXPECT_EQ(written(make_regular(Content::from_bytes("hi"), 0755)),
            nar_of({"(", "type", "regular", "executable", "", "contents", "hi", ")"}));
  EXPECT_EQ(error_of([] { written(Node(Device{Device::Kind::kFifo}, 0644)); }),
            "'/': expected a file, a folder or a symlink");
}

TEST(Nar, RefusesByPathAndOffset) {
  const std::string hello = nar_of({"(", "type", "regular", "contents", "hello", ")"});
  auto with = [&](size_t offset, std::string_view bytes) {
    std::string changed = hello;
    changed.replace(offset, bytes.size(), bytes);
    return changed;
  };
  auto folder = [](std::vector<std::string_view> names) {
    std::vector<std::string_view> strings = {"(", "type", "directory"};
    for (std::string_view name : names) {
      for (std::string_view word : {"entry", "(", "name"}) strings.push_back(word);
      strings.push_back(name);
      for (std::string_view word : {"node", "(", "type", "regular", "contents", "", ")", ")"}) {
        strings.push_back(word);
      }
    }
    strings.push_back(")");
    return nar_of(strings);
  };
  ASSERT_EQ(refusal(folder({"a", "b"})), "(no error)");
  const struct {
    std::string bytes, message;
  } kCases[] = {
      {"", "'/': offset 0: it ends, expected 8 more bytes"},
      {hello.substr(0, 99), "'/': offset 99: it ends, expected 2 more bytes"},
      {hello.substr(0, hello.size() - 1), "'/': offset 119: it ends, expected 1 more bytes"},
      {nar_strings({"nix-archive-2"}),
       "'/': offset 0: expected 'nix-archive-1', found 'nix-archive-2'"},
      {nar_number(uint64_t{1} << 40),
       "'/': offset 0: a word of 1099511627776 bytes, expected at most 16"},
      {nar_of({"(", "type", "fifo"}),
       "'/': offset 56: expected 'regular', 'symlink' or 'directory', found 'fifo'"},
      {nar_of({"(", "type", "regular", ")"}),
       "'/': offset 72: expected 'executable' or 'contents', found ')'"},
      {nar_of({"(", "type", "regular", "executable", "", ")"}),
       "'/': offset 104: expected 'contents', found ')'"},
      {nar_of({"(", "type", "regular", "executable", "x"}),
       "'/': offset 96: expected '', found 'x'"},
      {nar_of({"(", "type", "regular", "contents", "hello", "x"}),
       "'/': offset 104: expected ')', found 'x'"},
      {with(103, "x"), "'/': offset 101: padding that is not zero"},
      {with(88, nar_number(1000)), "'/': offset 120: it ends, expected 976 more bytes"},
      {with(88, nar_number(UINT64_MAX)),
       "'/': offset 88: a file of 18446744073709551615 bytes, expected at most 17592186044416"},
      {nar_of({"(", "type", "symlink", "target", "", ")"}),
       "'/': offset 88: a symlink without a target"},
      {nar_of({"(", "type", "symlink", "target", std::string_view("a\0b", 3), ")"}),
       "'/': offset 88: a NUL in a symlink's target"},
      {nar_of({"(", "type", "symlink", "target", std::string(4096, 'x'), ")"}),
       "'/': offset 88: a symlink's target of 4096 bytes, expected at most 4095"},
      {folder({"b", "a"}), "'/': offset 312: 'a' after 'b', expected names sorted"},
      {folder({"b", "b"}), "'/': offset 312: 'b' is there twice"},
      {folder({".."}), "'/': offset 128: bad file name '..': '.' and '..' are no names"},
      {folder({"a/b"}), "'/': offset 128: bad file name 'a/b': a name with '/'"},
      {folder({""}), "'/': offset 128: bad file name '': an empty name"},
      {folder({std::string(256, 'n')}),
       "'/': offset 128: a name of 256 bytes, expected at most 255"},
      {folder({"a"}).substr(0, 200), "'/a': offset 200: it ends, expected 7 more bytes"},
      {nar_of({"(", "type", "directory", "node"}),
       "'/': offset 80: expected 'entry' or ')', found 'node'"},
  };
  for (const auto& c : kCases) EXPECT_EQ(refusal(c.bytes), c.message);

  const NarLimits limits{.depth = 0, .size_bytes = hello.size()};
  EXPECT_EQ(refusal(hello, limits), "(no error)");
  EXPECT_EQ(refusal(hello, {.depth = 0, .size_bytes = hello.size() - 1}),
            "'/': offset 112: 8 more bytes, where the NAR is said to have 119 in all");
  EXPECT_EQ(refusal(with(88, nar_number(uint64_t{1} << 40)), limits),
            "'/': offset 96: 1099511627776 more bytes, where the NAR is said to have 120 in all");
}

TEST(Nar, RefusesFoldersThatAreTooDeep) {
  auto nested = [](size_t folders) {
    std::string bytes = nar_strings({"nix-archive-1"});
    for (size_t i = 0; i < folders; ++i) {
      bytes += nar_strings({"(", "type", "directory", "entry", "(", "name", "d", "node"});
    }
    bytes += nar_strings({"(", "type", "directory", ")"});
    for (size_t i = 0; i < folders; ++i) bytes += nar_strings({")", ")"});
    return bytes;
  };
  EXPECT_EQ(refusal(nested(kMaxDepth)), "(no error)");
  std::string path;
  for (size_t i = 0; i <= kMaxDepth; ++i) path += "/d";
  const size_t offset = 24 + (kMaxDepth + 1) * 136 + 32;
  const std::string message =
      fmt::format("'{}': offset {}: deeper than 1024 folders", path, offset);
  EXPECT_EQ(refusal(nested(kMaxDepth + 1)), message);
  EXPECT_EQ(refusal(nested(10'000)), message);
}

TEST(Nar, RefusesATreeOutOfProportion) {
  const std::string bytes = written(sample().root());
  Spool spool("/tmp");
  Unfolding unfolding(100);
  unfolding.charge(unfolding.limit() - 1000);
  Parts parts(bytes, bytes.size());
  NarStream stream(parts, spool, unfolding);
  EXPECT_EQ(error_of([&] { stream.read_nar({}); }),
            fmt::format("its 100 bytes unfold to a tree of more than {}", unfolding.limit()));
}

TEST(Nar, NoticesAFileThatChanges) {
  tests::TempDir folder;
  write_file(folder / "nar", nar_of({"(", "type", "regular", "contents", "hello", ")"}));
  const auto file = std::make_shared<const File>(File::open_for_reading(folder / "nar"));
  FileByteStream input(file);
  NarStream stream(input, DataFile{file, timespec{1, 1}});
  const Nar nar = stream.read_nar({});
  EXPECT_EQ(error_of([&] { nar.node.regular()->content.read_all(); }),
            "cannot read '" + (folder / "nar") + "': it changed while being read");
}

}  // namespace
}  // namespace imagefmt
