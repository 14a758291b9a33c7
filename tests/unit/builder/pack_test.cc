// SPDX-License-Identifier: Apache-2.0
//
// `intaglio pack`: what it packs, from whatever it comes.
#include "builder/pack.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "imagefmt/dump.h"
#include "tests/support/oracle.h"
#include "tests/support/random_tree.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::FileTree;
using imagefmt::Node;
using imagefmt::read_file;
using imagefmt::write_file;
using tests::can_run;
using tests::output_of;

class Pack : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(rules(), "/.* system_u:object_r:usr_t:s0\n");
    std::filesystem::create_directory(root());
  }
  std::string root() const { return folder_ / "root"; }
  std::string rules() const { return folder_ / "file_contexts"; }
  std::string image() const { return folder_ / "image"; }

  Ran pack(const std::vector<std::string>& more, const std::string& input = {}) const {
    std::vector<std::string> args = {"pack",     "--quiet", "--file-contexts", rules(),
                                     "--output", image(),   "--level",         "1"};
    if (std::find(more.begin(), more.end(), "--format") == more.end()) {
      args.insert(args.end(), {"--format", "squashfs"});
    }
    args.insert(args.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "ext4") != more.end()) {
      args.erase(args.begin() + 6, args.begin() + 8);  // it compresses nothing
    }
    return run_with(args, input);
  }
  /// The paths in the image, or what went wrong.
  std::string packed(const std::vector<std::string>& more, const std::string& input = {}) const {
    const Ran result = pack(more, input);
    if (result.status != 0) return std::to_string(result.status) + ' ' + result.err;
    std::string paths;
    walk(read_image(image()), [&](const std::string& path, const Node&) { paths += path + ' '; });
    return paths;
  }
  void fill() const {
    std::filesystem::create_directories(root() + "/etc/ssh");
    std::filesystem::create_directories(root() + "/usr/bin");
    for (const char* file : {"/etc/passwd", "/etc/ssh/key", "/usr/bin/sh", "/usr/bin/a.pyc"}) {
      write_file(root() + file, file);
    }
  }

  tests::TempDir folder_;
};

TEST_F(Pack, RulesHoldInTheOrderOfTheCommandLine) {
  fill();
  write_file(folder_ / "rules", "*.pyc\n!/usr/bin/a.pyc\n");
  const std::string from = folder_ / "rules";
  EXPECT_EQ(packed({"--root", root(), "--exclude", "/usr", "--exclude", "key"}),
            "/ /etc /etc/passwd /etc/ssh ");
  EXPECT_EQ(packed({"--root", root(), "--exclude", "/*", "--include", "/usr", "--exclude=sh"}),
            "/ /usr /usr/bin /usr/bin/a.pyc ");
  EXPECT_EQ(packed({"--root", root(), "--include", "/usr", "--exclude", "/*"}), "/ ");
  EXPECT_EQ(packed({"--root", root(), "--exclude", "/etc", "--exclude-from", from}),
            "/ /usr /usr/bin /usr/bin/a.pyc /usr/bin/sh ");
  EXPECT_EQ(packed({"--root", root(), "--exclude-from", from, "--exclude", "[ae]*"}),
            "/ /usr /usr/bin /usr/bin/sh ");
  EXPECT_EQ(packed({"--root", root(), "--exclude", "[a"}),
            "2 intaglio: bad pattern '[a': a '[' without its ']'\n");
  write_file(from, "a\n[\n");
  EXPECT_EQ(packed({"--root", root(), "--exclude-from", from}),
            "1 intaglio: " + from + ":2: bad pattern '[': a '[' without its ']'\n");
}

TEST_F(Pack, TakesListsAndArchivesFromStandardInput) {
  fill();
  EXPECT_EQ(packed({"--root", root(), "--stdin"}, ".\n./etc\n./usr/bin/sh\n"),
            "/ /etc /usr /usr/bin /usr/bin/sh ");
  EXPECT_EQ(packed({"--root", root(), "--stdin", "-0", "--exclude", "sh"},
                   std::string("usr/bin/sh\0usr\0etc/passwd", 26)),
            "/ /etc /etc/passwd /usr /usr/bin ");
  EXPECT_EQ(packed({"--root", root(), "--stdin", "--null"}, "usr\nx"),
            "1 intaglio: path 1 of the list: cannot stat '" + root() +
                "/usr\nintaglio: path 1 of the list: x': No such file or directory\n");
  const std::string archive = tests::tar_of({{.name = "a/b", .data = "b"}, {.name = "c"}});
  EXPECT_EQ(packed({"--tar", "-", "--exclude", "c"}, archive), "/ /a /a/b ");
  EXPECT_EQ(packed({"--tar", "-"}, archive.substr(0, 700)),
            "1 intaglio: cannot read tar 'standard input': 'a/b': Truncated input file (needed 511 "
            "bytes, only 187 available)\n");
  write_file(folder_ / "a.tar", archive);
  EXPECT_EQ(packed({"--tar", folder_ / "a.tar"}), "/ /a /a/b /c ");
  EXPECT_EQ(packed({"--tar", folder_ / "none.tar"}),
            "1 intaglio: cannot open '" + folder_ / "none.tar" + "': No such file or directory\n");
}

TEST_F(Pack, RefusesWhatContradictsItself) {
  auto usage = [](const std::string& message) {
    return "2 intaglio: " + message + "\nintaglio: 'intaglio pack --help' lists what there is\n";
  };
  EXPECT_EQ(packed({}), usage("--root or --tar is required"));
  EXPECT_EQ(packed({"--root", root(), "--tar", "-"}), usage("--root excludes --tar"));
  EXPECT_EQ(packed({"--tar", "-", "--stdin"}), usage("--stdin requires --root"));
  EXPECT_EQ(packed({"--root", root(), "--null"}), usage("--null requires --stdin"));
  EXPECT_EQ(packed({"--root", root(), "--owner", "/etc=0"}),
            "2 intaglio: bad owner '/etc=0': expected PATTERN=uid:gid:mode\n");
  write_file(image(), tests::tar_of({}));
  EXPECT_EQ(packed({"--tar", image()}),
            "1 intaglio: cannot write '" + image() + "': it is the tar that is to be packed\n");
}

TEST_F(Pack, StoresWhatMatchesUncompressed) {
  const std::string text(1 << 20, 'a');
  for (const char* file : {"/text", "/other.xz"}) write_file(root() + file, text + file);
  auto size_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"--root", root()};
    args.insert(args.end(), more.begin(), more.end());
    const Ran result = pack(args);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(read_image(image()).find("/other.xz")->regular()->content ==
                imagefmt::Content::from_host_file(root() + "/other.xz"));
    return std::filesystem::file_size(image());
  };
  for (const char* format : {"squashfs", "erofs"}) {
    EXPECT_LT(size_with({"--format", format}), 100'000u);
    const uint64_t size = size_with({"--format", format, "--uncompressed", "*.xz"});
    EXPECT_GT(size, text.size());
    EXPECT_LT(size, text.size() + 100'000);
    EXPECT_GT(size_with({"--format", format, "--uncompressed", "*.xz", "--uncompressed", "/text"}),
              2 * text.size());
  }
  EXPECT_EQ(
      pack({"--root", root(), "--uncompressed", "*.zip", "--uncompressed", "/"}).err,
      "intaglio: warning: no file matches the pattern '*.zip' of what is stored uncompressed\n"
      "intaglio: warning: no file matches the pattern '/' of what is stored uncompressed\n");
  EXPECT_EQ(packed({"--root", root(), "--uncompressed", "[a"}),
            "2 intaglio: bad pattern '[a': a '[' without its ']'\n");
  EXPECT_EQ(packed({"--root", root(), "--format", "ext4", "--uncompressed", "*"}),
            "1 intaglio: cannot store some files of an ext4 image uncompressed: all of them are\n");
}

TEST_F(Pack, SetsOwners) {
  fill();
  const Ran result = pack({"--root", root(), "--owner", "**=1:2:", "--owner", "/etc/passwd=0::0600",
                           "--owner", "/none=0:0:"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "intaglio: warning: no path matches the pattern '/none' of an owner\n");
  const FileTree tree = read_image(image());
  EXPECT_EQ(tree.root().uid, 1u);
  EXPECT_EQ(tree.find("/usr/bin/sh")->gid, 2u);
  EXPECT_EQ(tree.find("/etc/passwd")->uid, 0u);
  EXPECT_EQ(tree.find("/etc/passwd")->gid, 2u);
  EXPECT_EQ(tree.find("/etc/passwd")->mode, 0600);
}

/// Writes a tree as it is, but for labels; what the file system has no room for is left out.
void write_whole(const FileTree& tree, const std::string& root) {
  std::vector<std::pair<std::string, timespec>> times;
  walk(tree, [&](const std::string& below, const Node& node) {
    const std::string path = root + below;
    if (node.directory()) {
      std::filesystem::create_directory(path);
    } else if (const imagefmt::Regular* file = node.regular()) {
      write_file(path, file->content.read_all());
    } else if (const imagefmt::Symlink* link = node.symlink()) {
      std::filesystem::create_symlink(link->target, path);
    } else {
      const imagefmt::Device& device = *node.device();
      const mode_t kind = device.kind == imagefmt::Device::Kind::kFifo        ? S_IFIFO
                          : device.kind == imagefmt::Device::Kind::kCharacter ? S_IFCHR
                                                                              : S_IFBLK;
      ASSERT_EQ(mknod(path.c_str(), kind | 0600, makedev(device.major, device.minor)), 0) << path;
    }
    ASSERT_EQ(lchown(path.c_str(), node.uid, node.gid), 0);
    if (!node.symlink()) {
      ASSERT_EQ(chmod(path.c_str(), node.mode), 0);
    }
    if (node.xattrs) {
      for (const auto& [name, value] : *node.xattrs) {
        (void)lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0);
      }
    }
    times.emplace_back(path, timespec{node.mtime, 0});
  });
  for (const auto& [path, time] : times) {
    const timespec both[2] = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW), 0);
  }
}

/// With what an archive has a way of its own to hold.
FileTree tree_for_archives(uint32_t seed) {
  FileTree tree = tests::random_tree(seed, 120);
  walk(tree, [](const std::string&, Node& node) {
    if (imagefmt::Directory* folder = node.directory()) {
      std::erase_if(folder->entries, [](const imagefmt::Entry& entry) {
        return entry.node.device() && entry.node.device()->kind == imagefmt::Device::Kind::kSocket;
      });
    }
  });
  const std::string acl(
      "\2\0\0\0\1\0\7\0\xff\xff\xff\xff\2\0\5\0\x31\xd4\0\0\4\0\4\0\xff\xff\xff\xff"
      "\x10\0\7\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff",
      44);
  Node& with_acl = tree.insert("/acl", imagefmt::make_directory(0770));
  with_acl.xattrs = std::make_unique<imagefmt::Xattrs>();
  (*with_acl.xattrs)["system.posix_acl_access"] = acl;
  (*with_acl.xattrs)["system.posix_acl_default"] = acl;
  tree.insert("/late", imagefmt::make_regular({})).mtime = 4000000000;
  std::string sparse(3 << 20, '\0');
  sparse.replace(1 << 20, 4, "data");
  sparse.replace((2 << 20) + 100, 4, "more");
  tree.insert("/sparse", imagefmt::make_regular(imagefmt::Content::from_bytes(sparse)));
  return tree;
}

TEST_F(Pack, AnArchiveOfAFolderGivesTheSameImage) {
  REQUIRE_OR_SKIP(geteuid() == 0 && can_run("tar") && can_run("bsdtar"), "root, tar or bsdtar");
  write_whole(tree_for_archives(11), root());
  std::filesystem::create_hard_link(root() + "/sparse", root() + "/linked");
  output_of("cp --sparse=always --preserve=all " + root() + "/sparse " + root() +
            "/holes && touch -d @7 " + root() + " " + root() + "/acl");
  const std::string gnu =
      "tar --xattrs --acls --numeric-owner --format=posix -C " + root() + " -cf ";
  const std::string bsd = "bsdtar --xattrs --acls --format=pax -C " + root() + " -cf ";
  const std::string archive = folder_ / "archive";
  struct Case {
    std::string command;
    std::vector<std::string> formats;
  };
  const Case cases[] = {
      {gnu + archive + " .", {"squashfs", "ext4", "erofs"}},
      {gnu + archive + " -S .", {"squashfs", "ext4"}},
      {gnu + archive + " --sparse-version=0.0 -S .", {"ext4"}},
      {gnu + archive + " --sparse-version=0.1 -S .", {"ext4"}},
      {gnu + "- . | gzip -1 >" + archive, {"squashfs", "ext4", "erofs"}},
      {gnu + "- -S . | zstd -q >" + archive, {"ext4"}},
      {gnu + "- . | xz -0 >" + archive, {"squashfs"}},
      {bsd + archive + " .", {"squashfs", "ext4", "erofs"}},
      {bsd + "- . | bzip2 -1 >" + archive, {"squashfs"}},
      {bsd + archive + " --lz4 .", {"squashfs"}},
  };
  auto options = [](std::vector<std::string> input, const std::string& format) {
    input.insert(input.end(), {"--format", format});
    if (format == "squashfs") input.insert(input.end(), {"--exclude", "/acl"});  // it holds none
    return input;
  };
  std::map<std::string, std::string> expected;
  for (const char* format : {"squashfs", "ext4", "erofs"}) {
    const Ran result = pack(options({"--root", root()}, format));
    ASSERT_EQ(result.status, 0) << result.err;
    expected[format] = read_file(image());
  }
  for (const Case& one : cases) {
    output_of(one.command);
    for (const std::string& format : one.formats) {
      const Ran result = pack(options({"--tar", archive}, format));
      ASSERT_EQ(result.status, 0) << one.command << ": " << result.err;
      EXPECT_TRUE(read_file(image()) == expected[format]) << one.command << ", " << format;
      if (read_file(image()) != expected[format]) {
        ASSERT_EQ(pack(options({"--root", root()}, format)).status, 0);
        const std::vector<std::string> folder = dump(read_image(image()));
        ASSERT_EQ(pack(options({"--tar", archive}, format)).status, 0);
        EXPECT_EQ(dump(read_image(image())), folder);
      }
    }
  }
  // As find lists it.
  const std::string list = output_of("cd " + root() + " && find . -print0 | sort -rz");
  EXPECT_EQ(pack(options({"--root", root(), "--stdin", "-0"}, "squashfs"), list).status, 0);
  EXPECT_TRUE(read_file(image()) == expected["squashfs"]);
}

}  // namespace
}  // namespace builder
