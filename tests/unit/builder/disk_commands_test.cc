// SPDX-License-Identifier: Apache-2.0
//
// `disk` and `run` of an output folder, as far as they need no QEMU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/gpt/gpt.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::write_file;

class DiskCommands : public ::testing::Test {
 protected:
  DiskCommands() {
    std::filesystem::create_directories(path("out"));
    write_manifest("uki");
    write_file(path("out/cmdline"), "quiet root=PARTLABEL=root ro\n");
    write_file(path("out/esp.img"), std::string(1000, 'e'));
    write_file(path("out/root.squashfs"), std::string(5000, 'r'));
  }
  void write_manifest(const std::string& boot) const {
    write_file(path("out/manifest.json"), R"({"board": "qemu-x86_64", "boot": ")" + boot + R"(",
      "toplevel": "/nix/store/a-system", "cmdline": "quiet root=PARTLABEL=root ro", "artifacts": [
      {"kind": "root", "name": "root.squashfs"}, {"kind": "esp", "name": "esp.img"},
      {"kind": "policy", "name": "policy/default/policy"}, {"kind": "disk", "name": "disk.img"}]})");
    write_file(path("out/disk.img"), "as it was built");
  }
  std::string path(const std::string& name) const { return folder_ / name; }

 private:
  tests::TempDir folder_;
};

TEST_F(DiskCommands, TheDiskIsMadeOfWhatTheOutputHas) {
  Ran ran = run_with({"disk", path("out"), "--disk-size", "8388608", "--output", path("made")});
  EXPECT_EQ(ran.out + ran.err, "disk.img: 8388608 bytes\n");
  const imagefmt::Disk disk = imagefmt::read_disk(
      std::make_shared<imagefmt::File>(imagefmt::File::open_for_reading(path("made/disk.img"))));
  ASSERT_EQ(disk.partitions.size(), 2u);
  EXPECT_EQ(disk.partitions[0].content.read_all().substr(0, 1001), std::string(1000, 'e') + '\0');
  EXPECT_EQ(disk.partitions[1].content.read_all().substr(0, 5001), std::string(5000, 'r') + '\0');
}

TEST_F(DiskCommands, AnOwnBoardIsGivenByItsFile) {
  write_file(path("mine.toml"), "name = \"mine\"\nextends = \"qemu-x86_64\"\n");
  const std::string manifest = imagefmt::read_file(path("out/manifest.json"));
  write_file(path("out/manifest.json"),
             "{\"board\": \"mine\"" + manifest.substr(manifest.find(',')));
  ASSERT_EQ(run_with({"disk", path("out"), "--board", path("mine.toml"), "--output", path("made")})
                .status,
            0);
  const imagefmt::Disk disk = imagefmt::read_disk(
      std::make_shared<imagefmt::File>(imagefmt::File::open_for_reading(path("made/disk.img"))));
  ASSERT_EQ(disk.partitions.size(), 2u);
  EXPECT_EQ(disk.partitions[0].content.read_all().substr(0, 1001), std::string(1000, 'e') + '\0');
  EXPECT_EQ(run_with({"run", path("out"), "--board", path("mine.toml"), "--print", "--firmware",
                      "/code.fd"})
                .status,
            0);
  EXPECT_EQ(
      run_with({"run", path("out"), "--board", "qemu-microvm"}).err,
      "intaglio: cannot run board 'qemu-microvm': '" + path("out") + "' was built for 'mine'\n");
  EXPECT_THAT(run_with({"run", path("out"), "--print"}).err,
              ::testing::StartsWith("intaglio: unknown board 'mine', expected "));
}

TEST_F(DiskCommands, TheDiskIsAPartToJoin) {
  write_file(path("out/manifest.json"),
             R"({"intaglio": ")" INTAGLIO_VERSION R"(", "board": "qemu-x86_64", "boot": "uki",
      "toplevel": "/nix/store/a-system", "cmdline": "quiet root=PARTLABEL=root ro", "artifacts": [
      {"name": "root.squashfs", "kind": "root"}, {"name": "esp.img", "kind": "esp"}]})");
  ASSERT_EQ(run_with({"disk", path("out"), "--output", path("made")}).status, 0);
  const Ran ran = run_with({"join", path("out"), path("made"), "--output", path("joined")});
  EXPECT_EQ(ran.out + ran.err, "");
  EXPECT_EQ(std::filesystem::read_symlink(path("joined/disk.img")), path("made/disk.img"));
  const std::string manifest = imagefmt::read_file(path("joined/manifest.json"));
  EXPECT_THAT(manifest, ::testing::HasSubstr("\"name\": \"disk.img\",\n      \"kind\": \"disk\""));
  EXPECT_THAT(manifest, ::testing::HasSubstr("\"name\": \"esp.img\""));
  // What is joined is linked, and a disk like any other output.
  ASSERT_EQ(run_with({"disk", path("joined"), "--output", path("again")}).status, 0);
  EXPECT_EQ(imagefmt::read_file(path("again/disk.img")),
            imagefmt::read_file(path("made/disk.img")));
}

TEST_F(DiskCommands, RefusalsLeaveNothing) {
  auto refused = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"disk", path("out"), "--output", path("made")});
    const Ran ran = run_with(args);
    EXPECT_EQ(ran.status, 1);
    EXPECT_FALSE(std::filesystem::exists(path("made")));
    return ran.out + ran.err;
  };
  EXPECT_EQ(refused({"--disk-size", "2113024"}),
            "intaglio: cannot make the disk of board 'qemu-x86_64': cannot make a disk of 2113024 "
            "bytes: its partitions need 2119168\n");
  EXPECT_EQ(refused({"--firmware", "u-boot"}),
            "intaglio: cannot make the disk of board 'qemu-x86_64': it has no place for firmware "
            "such as 'u-boot'\n");
  EXPECT_EQ(refused({"--boot", "android"}),
            "intaglio: board 'qemu-x86_64' does not boot by 'android', expected direct, uki or "
            "bls\n");
  EXPECT_EQ(refused({"--boot", "direct"}),
            "intaglio: cannot make the disk of board 'qemu-x86_64': nothing that it boots from has "
            "a partition: its boot kind is 'direct'\n");
  write_manifest("floppy");
  EXPECT_EQ(refused({}),
            "intaglio: unknown boot kind 'floppy', expected direct, android, extlinux, "
            "boot-script, depthcharge, uki or bls\n");
}

TEST_F(DiskCommands, RunBootsTheDiskByFirmware) {
  Ran ran = run_with({"run", path("out"), "--print", "--firmware", "/code,1.fd"});
  EXPECT_EQ(ran.out + ran.err,
            "qemu-system-x86_64\n-M\nq35\n-cpu\nmax\n-m\n1536\n-nographic\n"
            "-drive\nfile=/code,,1.fd,format=raw,if=pflash,readonly=on\n"
            "-drive\nfile=" +
                path("out/disk.img") + ",format=raw,if=virtio,snapshot=on\n");
}

}  // namespace
}  // namespace builder
