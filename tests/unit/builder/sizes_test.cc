// SPDX-License-Identifier: Apache-2.0
#include "builder/sizes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "builder/cli.h"
#include "builder/report.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using nlohmann::json;

std::string store_path(char digit, const std::string& name) {
  return "/nix/store/" + std::string(32, digit) + '-' + name;
}

void add(FileTree& tree, const std::string& path, size_t size, const char* label) {
  imagefmt::Node file = imagefmt::make_regular(Content::from_bytes(std::string(size, 'x')));
  if (*label) file.label = imagefmt::Label(label);
  tree.insert(path, std::move(file));
}

/// In the order of the data: /init, /etc/\xff, curl's, curl's man, no store path, zlib.
FileTree sample() {
  FileTree tree;
  add(tree, "/init", 100, "init_t");
  add(tree, "/etc/\xff", 1, "");
  add(tree, store_path('1', "curl-8.4.0") + "/bin/curl", 3000, "bin_t");
  add(tree, store_path('2', "curl-8.4.0-man") + "/man", 500, "man_t");
  add(tree, "/nix/store/.links/1", 7, "bin_t");
  add(tree, store_path('3', "zlib-1.3"), 900, "bin_t");
  return tree;
}

imagefmt::WrittenImage written() {
  imagefmt::WrittenImage image;
  // /init, then /etc/\xff; below /nix/store the one file, then the folders.
  image.file_bytes = {100, 1, 900, 7, 1200, 400};
  image.inodes = 300;
  image.directories = 200;
  image.xattrs = 60;
  image.superblock = 96;
  image.padding = 832;
  image.equal_files = 2;
  image.saved_bytes = 1700;
  return image;
}

using Rows = std::vector<std::string>;
Rows rows_of(const std::vector<NamedSizes>& table) {
  Rows rows;
  for (const NamedSizes& row : table) {
    rows.push_back(fmt::format("{} {} {} {}", row.name, row.sizes.files, row.sizes.bytes,
                               row.sizes.stored_bytes));
  }
  return rows;
}

TEST(Sizes, AreTabulatedByWhatFilesBelongTo) {
  const ImageSizes sizes = measure_sizes(sample(), written());
  EXPECT_EQ(sizes.image_bytes, 4096u);
  EXPECT_EQ(rows_of({{"all", sizes.files.all}}), (Rows{"all 6 4508 2608"}));
  EXPECT_EQ(rows_of(sizes.files.by_package),
            (Rows{"curl 2 3500 1600", "zlib 1 900 900", " 3 108 108"}));
  EXPECT_EQ(rows_of(sizes.files.by_store_path),
            (Rows{store_path('1', "curl-8.4.0") + " 1 3000 1200",
                  store_path('3', "zlib-1.3") + " 1 900 900",
                  store_path('2', "curl-8.4.0-man") + " 1 500 400", " 3 108 108"}));
  EXPECT_EQ(rows_of(sizes.files.by_label),
            (Rows{"bin_t 3 3907 2107", "man_t 1 500 400", "init_t 1 100 100", " 1 1 1"}));
  EXPECT_EQ(rows_of(tabulate_sizes(sample(), {}).by_package),
            (Rows{"curl 2 3500 0", "zlib 1 900 0", " 3 108 0"}));
}

TEST(Sizes, HaveASummary) {
  EXPECT_EQ(
      sizes_summary(measure_sizes(sample(), written())),
      R"(image: 4.1 kB, of which files 2.6 kB, inodes 300 B, directories 200 B, xattrs 60 B, superblock 96 B, padding 832 B
files: 4.5 kB, 2.6 kB in the image; 2 files, equal to others, save 1.7 kB
largest packages, in the image and before:
    1.6 kB     3.5 kB  curl
     900 B      900 B  zlib
     108 B      108 B  outside of the store
)");
}

TEST(Sizes, StandInTheReport) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  TerminalReporter reporter(io, false);
  {
    imagefmt::Stage stage(reporter, "packing");
    stage.advance(5);
    stage.count(imagefmt::Work::kRead, 4508);
    stage.count(imagefmt::Work::kWritten, 4000);
    stage.count(imagefmt::Work::kWritten, 96);
  }
  const ImageSizes sizes = measure_sizes(sample(), written());
  const json report = json::parse(serialize_report(reporter, {sizes, {}, {}}));
  EXPECT_EQ(report["sizes"]["image_bytes"], 4096);
  EXPECT_EQ(report["sizes"]["parts"],
            json::parse(R"({"files": 2608, "inodes": 300, "directories": 200, "xattrs": 60,
                            "indexes": 0, "superblock": 96, "padding": 832, "free": 0})"));
  EXPECT_EQ(
      report["sizes"]["files"],
      json::parse(R"({"count": 6, "bytes": 4508, "stored_bytes": 2608, "padding_bytes": 0})"));
  EXPECT_EQ(report["sizes"]["equal_files"], json::parse(R"({"count": 2, "saved_bytes": 1700})"));
  EXPECT_EQ(report["sizes"]["by_label"][1],
            json::parse(R"({"name": "man_t", "files": 1, "bytes": 500, "stored_bytes": 400})"));
  EXPECT_EQ(report["sizes"]["by_package"][2]["name"], nullptr);
  EXPECT_FALSE(report.contains("labels"));

  const json stage = report["run"]["stages"][0];
  EXPECT_EQ(stage["name"], "packing");
  EXPECT_EQ(stage["amount"], 5);
  EXPECT_EQ(stage["read"]["bytes"], 4508);
  EXPECT_FALSE(stage.contains("compressed"));
  EXPECT_EQ(stage["written"]["bytes"], 4096);
  EXPECT_GT(stage["written"]["bytes_per_second"], 0);
  EXPECT_GT(report["run"]["seconds"], stage["seconds"]);
  EXPECT_GE(report["run"]["cpu_seconds"], stage["cpu_seconds"]);
}

TEST(Sizes, AreReportedByPack) {
  tests::TempDir folder;
  imagefmt::make_folder(folder / "root");
  imagefmt::write_file(folder / "root/a", std::string(10000, 'a'));
  imagefmt::write_file(folder / "root/b", std::string(10000, 'a'));
  imagefmt::write_file(folder / "contexts", "/.* system_u:object_r:usr_t:s0\n");
  auto pack = [&](const std::string& format, bool quiet) {
    std::istringstream in;
    std::ostringstream out, err;
    Io io{in, out, err};
    std::vector<std::string> args = {"pack",
                                     "--format",
                                     format,
                                     "--root",
                                     folder / "root",
                                     "--file-contexts",
                                     folder / "contexts",
                                     "--output",
                                     folder / "image",
                                     "--report",
                                     folder / "report"};
    if (quiet) args.push_back("--quiet");
    EXPECT_EQ(run(args, io), 0);
    return err.str();
  };
  for (const char* format : {"squashfs", "ext4", "erofs"}) {
    EXPECT_EQ(pack(format, true), "");
    const json sizes = json::parse(imagefmt::read_file(folder / "report"))["sizes"];
    const uint64_t image_bytes = imagefmt::read_file(folder / "image").size();
    EXPECT_EQ(sizes["image_bytes"], image_bytes);
    uint64_t sum = 0;
    for (const json& part : sizes["parts"]) sum += part.get<uint64_t>();
    EXPECT_EQ(sum, image_bytes);
    EXPECT_EQ(sizes["files"]["bytes"], 20000);
    EXPECT_EQ(sizes["by_label"][0]["name"], "system_u:object_r:usr_t:s0");
    EXPECT_NE(pack(format, false).find("\nlargest packages, in the image and before:\n"),
              std::string::npos);
    const json again = json::parse(imagefmt::read_file(folder / "report"))["sizes"];
    EXPECT_EQ(again, sizes);
  }
}

TEST(Options, TakeOneValueEach) {
  auto error_of = [](std::vector<std::string> args) {
    std::istringstream in;
    std::ostringstream out, err;
    Io io{in, out, err};
    EXPECT_NE(run(args, io), 0);
    const std::string text = err.str().substr(err.str().find("intaglio: "));
    return text.substr(0, text.find('\n'));
  };
  const std::string missing = "intaglio: cannot open 'none/store-paths': No such file or directory";
  const std::vector<std::string> explain = {"explain", "--closure", "none", "--policy", "none"};
  for (std::vector<std::string> option : {std::vector<std::string>{"--boolean", "a=on"},
                                          {"--policy-module", "a.cil", "--policy-module", "b.cil"},
                                          {"--policy-remove", "a"}}) {
    std::vector<std::string> args = explain;
    args.insert(args.end(), option.begin(), option.end());
    args.push_back("/etc/shadow");
    EXPECT_EQ(error_of(args), missing) << option[0];
  }
  std::vector<std::string> twice = explain;
  twice.insert(twice.end(), {"--boolean", "a=on", "--boolean", "a=off", "/etc/shadow"});
  EXPECT_EQ(error_of(twice), "intaglio: --boolean 'a=off': 'a' is set twice");
}

}  // namespace
}  // namespace builder
