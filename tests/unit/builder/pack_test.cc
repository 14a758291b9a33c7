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
#include <sstream>

#include "builder/cli.h"
#include "builder/io.h"
#include "imagefmt/dump.h"
#include "tests/support/oracle.h"
#include "tests/support/random_tree.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"

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

  struct Result {
    int status;
    std::string out, err;
  };
  Result pack(const std::vector<std::string>& more, const std::string& input = {}) const {
    std::vector<std::string> args = {"pack",     "--quiet", "--file-contexts", rules(),
                                     "--output", image(),   "--level",         "1"};
    if (std::find(more.begin(), more.end(), "--format") == more.end()) {
      args.insert(args.end(), {"--format", "squashfs"});
    }
    args.insert(args.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "ext4") != more.end()) {
      args.erase(args.begin() + 6, args.begin() + 8);  // it compresses nothing
    }
    std::istringstream in(input);
    std::ostringstream out, err;
    Io io{in, out, err};
    const int status = run(args, io);
    return {status, out.str(), err.str()};
  }
  /// The paths in the image, or what went wrong.
  std::string packed(const std::vector<std::string>& more, const std::string& input = {}) const {
    const Result result = pack(more, input);
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

TEST_F(Pack, SetsOwners) {
  fill();
  const Result result = pack({"--root", root(), "--owner", "**=1:2:", "--owner",
                              "/etc/passwd=0::0600", "--owner", "/none=0:0:"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "intaglio: warning: no path matches the pattern '/none' of an owner\n");
  const FileTree tree = read_image(image());
  EXPECT_EQ(tree.root().uid, 1u);
  EXPECT_EQ(tree.find("/usr/bin/sh")->gid, 2u);
  EXPECT_EQ(tree.find("/etc/passwd")->uid, 0u);
  EXPECT_EQ(tree.find("/etc/passwd")->gid, 2u);
  EXPECT_EQ(tree.find("/etc/passwd")->mode, 0600);
}

}  // namespace
}  // namespace builder
