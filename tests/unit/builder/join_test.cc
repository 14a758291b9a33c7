// SPDX-License-Identifier: Apache-2.0
//
// That joined parts are what one build writes, byte by byte, is shown by `nix` of tests/run.
#include "builder/join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::read_file;
using imagefmt::write_file;

const std::string kRoot =
    R"({"intaglio": "1", "toplevel": "/nix/store/t", "mode": "enforcing",
        "needed_params": ["ro", "init=/init"],
        "artifacts": [{"name": "root.erofs"}, {"name": "policy/p/policy.33"}],
        "labels": {"inodes": 3}})";
const std::string kBoot =
    R"({"intaglio": "1", "board": "b", "mode": "enforcing", "cmdline": "quiet ro init=/init",
        "artifacts": [{"name": "kernel"}]})";

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string refused(const std::string& root, const std::string& boot) {
  try {
    join_manifests({{"r", root}, {"b", boot}});
  } catch (const imagefmt::Error& error) {
    return error.what();
  }
  return "joined";
}

TEST(Join, OneManifestOfAll) {
  EXPECT_EQ(join_manifests({{"b", kBoot}, {"r", kRoot}}), R"({
  "intaglio": "1",
  "board": "b",
  "toplevel": "/nix/store/t",
  "mode": "enforcing",
  "cmdline": "quiet ro init=/init",
  "artifacts": [
    {
      "name": "kernel"
    },
    {
      "name": "policy/p/policy.33"
    },
    {
      "name": "root.erofs"
    }
  ],
  "labels": {
    "inodes": 3
  }
}
)");
}

TEST(Join, WhatDoesNotFit) {
  EXPECT_EQ(refused(kRoot, kBoot), "joined");
  EXPECT_EQ(refused(kRoot, with(kBoot, "enforcing", "permissive")),
            "cannot join 'r' and 'b': their mode is 'enforcing' and 'permissive'");
  EXPECT_EQ(refused(kRoot, kRoot), "cannot join 'r' and 'b': both hold 'root.erofs'");
  EXPECT_EQ(refused(kRoot, with(kBoot, "ro init=/init", "init=/bin/sh")),
            "cannot join 'r' and 'b': the root needs kernel parameter 'ro', and the command line "
            "lacks it\ncannot join 'r' and 'b': the root needs kernel parameter 'init=/init', and "
            "the command line lacks it");
  for (const std::string& text :
       {std::string("{"), std::string("[]"), with(kBoot, "artifacts", "a"),
        with(kBoot, "\"name\"", "\"n\""), with(kBoot, "\"quiet ro init=/init\"", "1")}) {
    EXPECT_EQ(refused(kRoot, text), "cannot join 'b': it has no manifest") << text;
  }
}

TEST(Join, TheCommandLinksTheFiles) {
  tests::TempDir folder;
  std::filesystem::create_directories(folder / "root/policy");
  std::filesystem::create_directories(folder / "boot");
  write_file(folder / "root/root.erofs", "labelled");
  write_file(folder / "boot/kernel", "kernel");
  write_file(folder / "root/manifest.json", kRoot);
  write_file(folder / "boot/manifest.json", kBoot);
  const std::vector<std::string> command = {"join", folder / "root", folder / "boot", "--output",
                                            folder / "release"};
  Ran ran = run_with(command);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_file(folder / "release/root.erofs"), "labelled");
  EXPECT_EQ(std::filesystem::read_symlink(folder / "release/kernel"), folder / "boot/kernel");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "release/policy"));
  EXPECT_EQ(read_file(folder / "release/manifest.json"),
            join_manifests({{"r", kRoot}, {"b", kBoot}}));

  std::filesystem::remove(folder / "boot/kernel");
  std::filesystem::remove_all(folder / "release");
  ran = run_with(command);
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "intaglio: cannot join '" + (folder / "boot") + "': it lacks 'kernel'\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "release"));
}

TEST(Join, BootTakesABuildOrAKernel) {
  EXPECT_EQ(run_with({"boot", "--output", "x"}).err, "intaglio: boot: OUT or --kernel is needed\n");
  EXPECT_EQ(run_with({"boot", "--output", "x"}).status, 2);
  const Ran ran = run_with({"boot", "--kernel", "k", "--board", "qemu-x86_64", "--output", "x"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err,
            "intaglio: --kernel requires --initrd\nintaglio: 'intaglio boot --help' lists what "
            "there is\n");
}

}  // namespace
}  // namespace builder
