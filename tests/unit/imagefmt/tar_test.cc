// SPDX-License-Identifier: Apache-2.0
//
// What archives made by hand give: each kind of entry, and each kind of mistake.
#include "imagefmt/tar/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "tests/support/oracle.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::error_of;
using tests::output_of;
using tests::tar_entry;
using tests::tar_of;
using tests::TarEntry;

class Tar : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "a.tar"; }
  TarOptions options() const { return {.spool_folder = folder_.path(), .implied_mtime = 7}; }
  FileTree read_file_of(const std::string& bytes) const {
    write_file(path(), bytes);
    return read_tar(std::make_shared<File>(File::open_for_reading(path())), options());
  }
  FileTree read_stream_of(const std::string& bytes) const {
    std::istringstream stream(bytes);
    return read_tar(stream, path(), options());
  }
  /// The tree, which is the same either way.
  FileTree read(const std::string& bytes) const {
    FileTree tree = read_file_of(bytes);
    EXPECT_TRUE(read_stream_of(bytes) == tree);
    return tree;
  }
  /// The error, without the frame that all have.
  std::string fault_of(const std::string& bytes) const {
    const std::string frame = "cannot read tar '" + path() + "': ";
    const std::string of_file = error_of([&] { read_file_of(bytes); });
    EXPECT_EQ(error_of([&] { read_stream_of(bytes); }), of_file);
    if (of_file == "(no error)") return of_file;
    std::string text;
    std::istringstream lines(of_file);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.starts_with(frame) || line.starts_with("and ")) << line;
      text +=
          (text.empty() ? "" : "\n") + (line.starts_with(frame) ? line.substr(frame.size()) : line);
    }
    return text;
  }
  std::string fault_of_one(const TarEntry& entry) const { return fault_of(tar_of({entry})); }

  tests::TempDir folder_;
};

TEST_F(Tar, HoldsEveryKindOfNode) {
  const FileTree tree = read(tar_of({
      {.name = "./", .type = '5', .mode = "0001777", .uid = "0000003", .mtime = "00000000005"},
      {.name = "dir/", .type = '5', .mode = "0000750", .gid = "0000010"},
      {.name = "dir/file", .data = "hello", .mode = "0004711", .uid = "0001750"},
      {.name = "dir/link", .type = '2', .link = "../else/where", .mode = "0000600"},
      {.name = "dir/hard", .type = '1', .link = "./dir/file"},
      {.name = "dir/hard-link", .type = '1', .link = "dir/link"},
      {.name = "/dev/null", .type = '3', .mode = "0000666", .major = "0000001", .minor = "0000003"},
      {.name = "dev/sda", .type = '4', .major = "0000010", .minor = "0000000"},
      {.name = "dev/fifo", .type = '6'},
      {.name = "dev/old", .type = '\0', .data = "old"},
  }));
  EXPECT_EQ(dump(tree), (std::vector<std::string>{
                            "/\td\t1777\t3\t0\t0\t-",
                            "/dev\td\t0755\t0\t0\t0\t-",
                            "/dev/fifo\tp\t0644\t0\t0\t0\t-",
                            "/dev/null\tc\t0666\t0\t0\t0\t-",
                            "/dev/old\tf\t0644\t0\t0\t3\t-",
                            "/dev/sda\tb\t0644\t0\t0\t0\t-",
                            "/dir\td\t0750\t0\t8\t0\t-",
                            "/dir/file\tf\t4711\t1000\t0\t5\t-",
                            "/dir/hard\tf\t4711\t1000\t0\t5\t-",
                            "/dir/hard-link\tl\t0777\t0\t0\t13\t-\t../else/where",
                            "/dir/link\tl\t0777\t0\t0\t13\t-\t../else/where",
                        }));
  EXPECT_EQ(tree.find("/dir/hard")->regular()->content.read_all(), "hello");
  EXPECT_EQ(tree.find("/dev/null")->device()->minor, 3u);
  EXPECT_EQ(tree.find("/dev/sda")->device()->major, 8u);
  EXPECT_EQ(tree.root().mtime, 5);
  EXPECT_EQ(tree.find("/dev")->mtime, 7);
  EXPECT_EQ(tree.find("/dir")->mtime, 1);
}

TEST_F(Tar, AnEmptyOneIsAnEmptyFolder) {
  const FileTree tree = read(tar_of({}));
  EXPECT_EQ(dump(tree), std::vector<std::string>{"/\td\t0755\t0\t0\t0\t-"});
  EXPECT_EQ(tree.root().mtime, 7);
}

TEST_F(Tar, TakesXattrsAclsAndTimesFromPax) {
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const FileTree tree = read(tar_of({
      {.name = "a",
       .mode = "0000644",
       .pax = {{"SCHILY.xattr.security.capability", capability},
               {"SCHILY.xattr.security.selinux", "system_u:object_r:usr_t:s0"},
               {"RHT.security.selinux", "system_u:object_r:usr_t:s0"},
               {"LIBARCHIVE.xattr.user.of%20two", "AAEC"},
               {"SCHILY.xattr.user.empty", ""},
               {"mtime", "4294967299.75"},
               {"uid", "3000000000"},
               {"comment", "passed over"}}},
      {.name = "b/",
       .type = '5',
       .mode = "0000770",
       .pax = {{"SCHILY.acl.access", "user::rwx,user:joe:r-x:1000,group::r--,mask::rwx,other::---"},
               {"SCHILY.acl.default", "user::rw-,group::r--,other::r--"}}},
      {.name = "old", .mtime = "-0000000001", .pax = {{"mtime", "-5.5"}}},
  }));
  const Node& a = *tree.find("/a");
  EXPECT_EQ(*a.xattrs, (Xattrs{{"security.capability", capability},
                               {"user.empty", ""},
                               {"user.of two", std::string("\0\1\2", 3)}}));
  EXPECT_EQ(a.mtime, 4294967299);
  EXPECT_EQ(a.uid, 3000000000u);
  const Node& b = *tree.find("/b");
  EXPECT_EQ(b.mode, 0770);
  const std::string no_id("\xff\xff\xff\xff", 4);
  auto entry = [](char tag, char permissions, const std::string& id) {
    return std::string{tag, 0, permissions, 0} + id;
  };
  EXPECT_EQ((*b.xattrs)["system.posix_acl_access"],
            std::string("\2\0\0\0", 4) + entry(1, 7, no_id) +
                entry(2, 5, std::string("\xe8\3\0\0", 4)) + entry(4, 4, no_id) +
                entry(16, 7, no_id) + entry(32, 0, no_id));
  EXPECT_EQ(
      (*b.xattrs)["system.posix_acl_default"],
      std::string("\2\0\0\0", 4) + entry(1, 6, no_id) + entry(4, 4, no_id) + entry(32, 4, no_id));
  // No format holds it, and each says so.
  EXPECT_EQ(tree.find("/old")->mtime, -5);
}

TEST_F(Tar, TakesNamesAsTheBytesThatTheyAre) {
  const std::string utf8 = "gr\xc3\xbc\xc3\x9f", latin = "gr\xfc\xdf", odd = "\x01\x7f\\ \n";
  const std::string longest(255, '\xc3');
  const FileTree tree = read(tar_of({
      {.name = utf8},
      {.name = latin},
      {.name = "x", .pax = {{"path", "pax/" + utf8}}},
      {.name = "x", .pax = {{"path", "pax/" + latin}}},
      {.name = "x", .pax = {{"path", "pax/" + odd}}},
      {.name = "x", .pax = {{"path", "pax/" + longest}}},
      {.name = "x", .pax = {{"hdrcharset", "BINARY"}, {"path", "binary/" + latin}}},
      {.name = "x",
       .type = '2',
       .link = "x",
       .pax = {{"path", "link"}, {"linkpath", latin + utf8}}},
  }));
  for (const std::string& name : {utf8, latin, "pax/" + utf8, "pax/" + latin, "pax/" + odd,
                                  "pax/" + longest, "binary/" + latin}) {
    EXPECT_TRUE(tree.find('/' + name)) << name;
  }
  EXPECT_EQ(tree.find("/link")->symlink()->target, latin + utf8);
}

TEST_F(Tar, LaterEntriesReplaceEarlierOnes) {
  const FileTree tree = read(tar_of({
      {.name = "a/b", .data = "first"},
      {.name = "link", .type = '1', .link = "a/b"},
      {.name = "a/b", .data = "second"},
      {.name = "a/", .type = '5', .mode = "0000700"},
      {.name = "x", .type = '5'},
      {.name = "x", .data = "no folder any more"},
      {.name = "y", .data = "a folder soon"},
      {.name = "y/", .type = '5'},
      {.name = "y/z", .type = '1', .link = "x"},
      {.name = "y/z", .type = '1', .link = "y/z"},
  }));
  EXPECT_EQ(tree.find("/a")->mode, 0700);
  EXPECT_EQ(tree.find("/a/b")->regular()->content.read_all(), "second");
  EXPECT_EQ(tree.find("/link")->regular()->content.read_all(), "first");
  EXPECT_EQ(tree.find("/y/z")->regular()->content.read_all(), "no folder any more");
}

TEST_F(Tar, NamesAllThatCannotBeTaken) {
  const std::string large(256, 'n');
  std::string deep;
  for (int i = 0; i < 1025; ++i) deep += "d/";
  EXPECT_EQ(fault_of(tar_of({
                {.name = "../up"},
                {.name = "a/../b"},
                {.name = ""},
                {.name = "x", .pax = {{"path", large}}},
                {.name = "x", .pax = {{"path", std::string(4096, '/')}}},
                {.name = "x", .pax = {{"path", deep}}},
                {.name = "."},
                {.name = "file"},
                {.name = "file/below"},
                {.name = "link", .type = '2', .link = "file"},
                {.name = "link/below"},
                {.name = "empty-link", .type = '2'},
                {.name = "hard", .type = '1', .link = "none"},
                {.name = "hard", .type = '1', .link = "file/x"},
                {.name = "hard", .type = '1', .link = "folder"},
                {.name = "folder/x"},
                {.name = "folder"},
                {.name = "hard", .type = '1', .link = "folder"},
                {.name = "hard", .type = '1', .link = "../x"},
                {.name = "part", .type = 'M'},
                {.name = "uid", .uid = std::string("\x80\0\0\1\0\0\0\0", 8)},
                {.name = "gid", .pax = {{"gid", "4294967295"}}},
                {.name = "dev", .type = '3', .pax = {{"SCHILY.devmajor", "4294967296"}}},
                {.name = "acl",
                 .pax = {{"SCHILY.acl.access",
                          "user::rwx,user:joe:r-x,mask::r-x,group::r--,other::---"}}},
                {.name = "acl", .pax = {{"SCHILY.acl.access", "nonsense"}}},
                {.name = "nfs", .pax = {{"SCHILY.acl.ace", "owner@:rwxp:-------:allow"}}},
            })),
            "'../up': '..' in its path\n"
            "'a/../b': '..' in its path\n"
            "'': an empty name\n"
            "'" +
                large + "': bad file name '" + large +
                "': a name longer than 255 bytes\n"
                "'" +
                std::string(4096, '/') +
                "': a path of 4096 bytes, longer than 4095\n"
                "'" +
                deep +
                "': deeper than 1024 folders\n"
                "'.': the root, expected a folder\n"
                "'file/below': 'file' above it is no folder\n"
                "'link/below': 'link' above it is no folder\n"
                "'empty-link': a symlink target has 1 to 4095 bytes, found 0\n"
                "'hard': hard link to 'none': there is no such entry before it\n"
                "'hard': hard link to 'file/x': there is no such entry before it\n"
                "'hard': hard link to 'folder': there is no such entry before it\n"
                "'folder': a folder with something in it stands there\n"
                "'hard': hard link to 'folder': a folder\n"
                "'hard': hard link to '../x': '..' in its path\n"
                "'part': its type is unknown, or a part of a file that another archive begins\n"
                "'uid': uid 4294967296, expected 0 to 4294967294\n"
                "'gid': gid 4294967295, expected 0 to 4294967294\n"
                "'dev': device major 4294967296, expected 0 to 4294967295\n"
                "'acl': its ACL names 'joe' without a number\n"
                "'acl': Parse error:  SCHILY.acl.access\n"
                "'nfs': an ACL that Linux does not have");
}

TEST_F(Tar, SaysWhereItIsDamaged) {
  const std::string good = tar_of({{.name = "a", .data = std::string(2000, 'a')}, {.name = "b"}});
  ASSERT_EQ(fault_of(good), "(no error)");
  EXPECT_EQ(fault_of(""), "Unrecognized archive format");
  EXPECT_EQ(fault_of("no archive"), "Unrecognized archive format");
  EXPECT_EQ(fault_of(good.substr(0, 100)), "Unrecognized archive format");
  EXPECT_EQ(fault_of(good.substr(0, 1000)), "'a': Truncated tar archive");
  EXPECT_EQ(fault_of(good.substr(0, 512 + 2048)),
            "after 'a': it ends without the zeros that end an archive: a part is missing");
  EXPECT_EQ(fault_of(good.substr(0, 512 + 2048 + 512)),
            "after 'b': it ends without the zeros that end an archive: a part is missing");
  EXPECT_EQ(fault_of(good.substr(0, 512 + 2048 + 100)), "after 'a': Truncated tar archive");
  // One block of zeros will do, as it does for others.
  EXPECT_EQ(fault_of(good.substr(0, good.size() - 512)), "(no error)");
  std::string damaged = good;
  damaged[512 + 2048 + 5] = 'x';
  EXPECT_EQ(fault_of(damaged), "after 'a': Damaged tar archive");
  EXPECT_EQ(fault_of(tar_entry({.name = "a"}) + std::string(512, 'x') + std::string(1024, '\0')),
            "after 'a': Damaged tar archive");
}

TEST_F(Tar, RefusesSizesThatLie) {
  EXPECT_EQ(fault_of_one({.name = "a", .data = "a", .size = "77777777777"}),
            "'a': Truncated tar archive");
  EXPECT_EQ(fault_of_one({.name = "a", .size = std::string("\x80\0\0\0\0\1\0\0\0\0\0\0", 12)}),
            "'a': 281474976710656 bytes, expected 0 to 17592186044416\n"
            "'a': Truncated input file (needed 281474976710656 bytes, only 1024 available)");
  EXPECT_EQ(fault_of_one({.name = "a", .data = "a", .pax = {{"size", "9223372036854775807"}}}),
            "its start: Tar size attribute overflow");
  for (const char* size : {"0", "1000"}) {
    EXPECT_EQ(fault_of_one({.name = "a", .data = "a", .pax = {{"SCHILY.realsize", size}}}),
              "'a': the size in its header is not that of its data");
  }
  EXPECT_EQ(
      fault_of_one({.name = "a",
                    .data = "a",
                    .pax = {{"GNU.sparse.size", "99999999999999999"}, {"GNU.sparse.map", "0,1"}}}),
      "'a': 99999999999999999 bytes, expected 0 to 17592186044416");
  // Pieces that overlap, and one beyond the end.
  EXPECT_EQ(fault_of_one({.name = "a",
                          .data = "aa",
                          .pax = {{"GNU.sparse.size", "1000"}, {"GNU.sparse.map", "10,1,5,1"}}}),
            "'a': the size in its header is not that of its data");
  EXPECT_EQ(fault_of_one({.name = "a",
                          .data = "aa",
                          .pax = {{"GNU.sparse.size", "1000"}, {"GNU.sparse.map", "10,1,1000,1"}}}),
            "'a': the size in its header is not that of its data");
}

TEST_F(Tar, UnpacksWhatIsCompressedOnce) {
  const std::string good = tar_of({{.name = "a", .data = std::string(5000, 'a')}, {.name = "b"}});
  for (const char* tool : {"gzip", "bzip2", "xz", "xz --format=lzma", "zstd", "lz4"}) {
    REQUIRE_OR_SKIP(can_run(std::string(tool).substr(0, 3) == "xz " ? "xz" : tool), tool);
    write_file(path(), good);
    const std::string packed = output_of(std::string(tool) + " -c " + path());
    EXPECT_TRUE(read(packed) == read_stream_of(good)) << tool;
    EXPECT_EQ(read(packed).find("/a")->regular()->content.read_all(), std::string(5000, 'a'));
    write_file(path(), packed);
    EXPECT_EQ(fault_of(output_of("gzip -c " + path())), "it is compressed more than once") << tool;
  }
  write_file(path(), good);
  std::string gzip = output_of("gzip -c " + path()), xz = output_of("xz -c " + path());
  EXPECT_EQ(fault_of(gzip.substr(0, gzip.size() - 10)), "truncated gzip input");
  EXPECT_EQ(fault_of(xz.substr(0, xz.size() - 40)), "Lzma library error:  No progress is possible");
  gzip[40] = static_cast<char>(~gzip[40]);
  xz[100] = static_cast<char>(~xz[100]);
  EXPECT_EQ(fault_of(gzip), "gzip decompression failed");
  EXPECT_EQ(fault_of(xz), "Lzma library error: Corrupted input data");
}

TEST_F(Tar, NoticesThatTheArchiveChanges) {
  const FileTree tree = read_file_of(tar_of({{.name = "a", .data = "hello"}}));
  const Content content = tree.find("/a")->regular()->content;
  EXPECT_EQ(content.read_all(), "hello");
  write_file(path(), tar_of({{.name = "a", .data = "other"}, {.name = "b"}}));
  EXPECT_EQ(error_of([&] { content.read_all(); }),
            "cannot read '" + path() + "': it changed while being read");
}

TEST_F(Tar, KeepsTheHolesOfSparseFiles) {
  // 5 bytes at 100000 and 3 at 300000 of 1000000.
  const std::string bytes = tar_of({{.name = "GNUSparseFile.0/x",
                                     .data = "hello"
                                             "end",
                                     .pax = {{"GNU.sparse.name", "sparse"},
                                             {"GNU.sparse.size", "1000000"},
                                             {"GNU.sparse.map", "100000,5,300000,3"}}}});
  for (bool file : {true, false}) {
    const FileTree tree = file ? read_file_of(bytes) : read_stream_of(bytes);
    const Content content = tree.find("/sparse")->regular()->content;
    std::string expected(1000000, '\0');
    expected.replace(100000, 5, "hello").replace(300000, 3, "end");
    EXPECT_EQ(content.read_all(), expected);
    const std::unique_ptr<ContentReader> reader = content.open();
    EXPECT_EQ(reader->hole_size(), 100000u);
    reader->skip(100002);
    EXPECT_EQ(reader->hole_size(), 0u);
    uint8_t part[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    reader->read(part);
    EXPECT_EQ(std::string(reinterpret_cast<char*>(part), 10), std::string("llo\0\0\0\0\0\0\0", 10));
    EXPECT_EQ(reader->hole_size(), 300000u - 100012);
    reader->skip(200000);
    EXPECT_EQ(reader->hole_size(), 1000000u - 300012);
    reader->skip(1000000 - 300012);
    reader->finish();
  }
}

TEST_F(Tar, DoesNotUnfoldOutOfProportion) {
  // Folders that nobody names, a thousand for one entry, and xattrs.
  std::string deep;
  for (int depth = 0; depth < 1000; ++depth) deep += "d/";
  std::string archive = tar_entry({.name = "x", .pax = {{"path", deep + "f"}}});
  EXPECT_EQ(totals(read(archive + std::string(1024, '\0'))).inodes, 1002u);
  for (int i = 0; i < 70; ++i) {
    archive += tar_entry({.name = std::to_string(i),
                          .pax = {{"SCHILY.xattr.user.large", std::string(990000, 'x')}}});
  }
  write_file(path(), archive + std::string(1024, '\0'));
  REQUIRE_OR_SKIP(can_run("zstd"), "zstd");
  EXPECT_THAT(fault_of(output_of("zstd -c " + path())),
              ::testing::MatchesRegex("its [0-9]+ bytes unfold to a tree of more than [0-9]+"));
}

}  // namespace
}  // namespace imagefmt
