// SPDX-License-Identifier: Apache-2.0
#include "builder/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/image.h"
#include "builder/kernel_requirements.h"
#include "builder/text.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::EmbeddedFile;
using testing::StartsWith;
using tests::error_of;

constexpr std::string_view kBase = R"(name = "base"
description = "A base"
arch = "aarch64"
[boot]
kind = "direct"
[kernel]
cmdline = ["console=ttyAMA0", "quiet"]
[root]
format = "ext4"
device = "PARTLABEL=root"
)";
constexpr EmbeddedFile kBases[] = {
    {"base.toml", kBase},
    {"broken.toml", "name = \"broken\"\nextends = \"base\"\n\n[root]\nformat = 7\nflavour = 1\n"},
    {"loop.toml", "name = \"loop\"\nextends = \"loop\"\n"},
};

TEST(Board, EveryBoardOfTheProgramIsWellFormed) {
  std::vector<Board> boards = all_boards();
  ASSERT_FALSE(boards.empty());
  for (const Board& board : boards) {
    EXPECT_EQ(find_board(board.name), board);
    EXPECT_EQ(parse_board(serialize_board(board), "again", {}), board);
  }
}

TEST(Board, ReadsItsFields) {
  Board board = find_board("qemu-x86_64");
  EXPECT_EQ(board.name, "qemu-x86_64");
  EXPECT_EQ(board.description, "QEMU q35, direct kernel boot");
  EXPECT_EQ(board.arch, Arch::kX86_64);
  EXPECT_EQ(board.boot_kind, BootKind::kDirect);
  EXPECT_EQ(board.console, "ttyS0,115200");
  EXPECT_EQ(kernel_params_of(board)[0], "console=ttyS0,115200");
  EXPECT_THAT(kernel_params_of(board), testing::Contains("no_timer_check"));
  EXPECT_THAT(board.kernel_requires, testing::Contains("virtio"));
  EXPECT_EQ(board.root_format, RootFormat::kSquashfs);
  EXPECT_EQ(board.root_device, "/dev/vda");
  ASSERT_FALSE(board.qemu_command.empty());
  EXPECT_EQ(board.qemu_command[0], "qemu-system-x86_64");
  EXPECT_EQ(board.qemu_drive, "if=virtio");
  board = find_board("qemu-microvm");
  EXPECT_EQ(board.qemu_drive, "if=none,id=root");
  EXPECT_THAT(board.qemu_cmdline, testing::ElementsAre("tsc_early_khz=3000000"));
}

TEST(Board, ComesFromAFileToo) {
  tests::TempDir folder;
  imagefmt::write_file(folder / "my.toml", kBase);
  EXPECT_EQ(find_board(folder / "my.toml").name, "base");
  EXPECT_TRUE(find_board(folder / "my.toml").qemu_command.empty()) << "not every board has QEMU";
  EXPECT_EQ(error_of([&] { find_board(folder / "none.toml"); }),
            "cannot open '" + folder / "none.toml" + "': No such file or directory");
}

TEST(Board, NamesAllBoardsIfOneIsUnknown) {
  EXPECT_THAT(error_of([] { find_board("toaster"); }),
              StartsWith("unknown board 'toaster', expected "));
  EXPECT_THAT(error_of([] { find_board("toaster"); }), testing::HasSubstr("qemu-x86_64"));
}

TEST(Board, ExtendsByMergingTablesAndReplacingLists) {
  Board board = parse_board(
      "name = \"mine\"\nextends = \"base\"\n[kernel]\ncmdline = [\"loud\"]\n[root]\ndevice = "
      "\"/dev/sda\"\n",
      "mine.toml", kBases);
  EXPECT_EQ(board.name, "mine");
  EXPECT_EQ(board.description, "A base");
  EXPECT_EQ(board.cmdline, std::vector<std::string>{"loud"});
  EXPECT_EQ(board.root_format, RootFormat::kExt4);
  EXPECT_EQ(board.root_device, "/dev/sda");
}

TEST(Board, RefusesWhatIsMalformed) {
  const std::string good(kBase);
  auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const struct {
    const char* what;
    std::string text, message;
  } kCases[] = {
      {"unknown key", with("kind = \"direct\"", "kind = \"direct\"\ncolour = 1"),
       "b:6: unknown key 'boot.colour', expected boot.kind, boot.also, boot.loader, "
       "boot.device_tree or boot.max_bytes"},
      {"unknown key at the top", "colour = 1\n" + good,
       "b:1: unknown key 'colour', expected name, description, arch, extends, soc, source, boot, "
       "android, kernel, root, disk, flash or qemu"},
      {"unknown table", good + "[flush]\nspeed = 1\n",
       "b:11: unknown key 'flush', expected name, description, arch, extends, soc, source, boot, "
       "android, kernel, root, disk, flash or qemu"},
      {"unknown key in a table", good + "size = 1\n",
       "b:11: unknown key 'root.size', expected root.format, root.device or root.partition"},
      {"quoted key", "\"boot.kind\" = \"direct\"\n" + good,
       "b:1: unknown key 'boot.kind', expected name, description, arch, extends, soc, source, "
       "boot, "
       "android, kernel, root, disk, flash or qemu"},
      {"missing key", with("arch = \"aarch64\"\n", ""), "b: key 'arch' is missing"},
      {"wrong type", with("\"aarch64\"", "64"),
       "b:3: key 'arch': expected a string, found an integer"},
      {"value for a table", with("[boot]\nkind = \"direct\"", "[boot.kind]"),
       "b:4: key 'boot.kind': expected a string, found a table"},
      {"table for a value", with("[boot]\nkind = \"direct\"", "boot = \"direct\""),
       "b:4: key 'boot': expected a table, found a string\nb: key 'boot.kind' is missing"},
      {"word", with("aarch64", "vax"),
       "b:3: key 'arch': unknown arch 'vax', expected x86_64 or "
       "aarch64"},
      {"boot kind", with("\"direct\"", "\"magic\""),
       "b:5: key 'boot.kind': unknown boot kind 'magic', expected direct, android, "
       "extlinux, boot-script, depthcharge, uki or bls"},
      {"root format", with("ext4", "fat"),
       "b:9: key 'root.format': unknown root format 'fat', expected squashfs, ext4 or erofs"},
      {"empty", with("\"A base\"", "\"\""), "b:2: key 'description': it is empty"},
      {"control character", with("A base", "A\\nbase"),
       "b:2: key 'description': a control character in 'A\\012base'"},
      {"name", with("\"base\"", "\"Base/1\""),
       "b:1: key 'name': 'Base/1' is not made of a-z, 0-9, '-' and '_'"},
      {"cmdline no list", with("[\"console=ttyAMA0\", \"quiet\"]", "\"quiet\""),
       "b:7: key 'kernel.cmdline': expected a list, found a string"},
      {"cmdline of numbers", with("\"quiet\"", "\n1.5"),
       "b:8: key 'kernel.cmdline': expected a string, found a float"},
      {"parameter of the build", with("quiet", "root=/dev/sda"),
       "b:7: key 'kernel.cmdline': 'root=/dev/sda', but the build sets root= itself"},
      {"kernel requirements", with("[root]", "requires = [\"virtio\", \"virtoi\"]\n[root]"),
       "b:8: key 'kernel.requires': unknown group of kernel requirements 'virtoi', expected " +
           one_of(kernel_table().groups())},
      {"device", with("PARTLABEL=root", "sda"),
       "b:10: key 'root.device': 'sda', expected /dev/…, PARTUUID, PARTUUID=…, PARTLABEL=…, "
       "UUID=… or LABEL=…"},
      {"device with a blank", with("PARTLABEL=root", "/dev/a b"),
       "b:10: key 'root.device': '/dev/a b', expected /dev/…, PARTUUID, PARTUUID=…, PARTLABEL=…, "
       "UUID=… or LABEL=…"},
      {"qemu's command no list", good + "[qemu]\ncommand = \"qemu\"\n",
       "b:12: key 'qemu.command': expected a list, found a string"},
      {"all mistakes at once", with("\"aarch64\"", "1\nx = 2") + "[boots]\n",
       "b:12: unknown key 'boots', expected name, description, arch, extends, soc, source, boot, "
       "android, kernel, root, disk, flash or qemu\n"
       "b:4: unknown key 'x', expected name, description, arch, extends, soc, source, boot, "
       "android, kernel, root, disk, flash or qemu\n"
       "b:3: key 'arch': expected a string, found an integer"},
      {"extends nothing known", "name = \"x\"\nextends = \"none\"\n",
       "b:2: key 'extends': unknown board 'none', expected base, broken or loop"},
      {"extends of another type", "name = \"x\"\nextends = 1\n",
       "b:2: key 'extends': expected a string, found an integer"},
      {"extends without end", "name = \"x\"\nextends = \"loop\"\n",
       "loop.toml:2: key 'extends': more than 8 boards extend each other"},
      {"mistake in the base", "name = \"x\"\nextends = \"broken\"\n",
       "broken.toml:6: unknown key 'root.flavour', expected root.format, root.device or "
       "root.partition\n"
       "broken.toml:5: key 'root.format': expected a string, found an integer"},
      {"name is not inherited", "extends = \"base\"\n", "b: key 'name' is missing"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { parse_board(c.text, "b", kBases); }), c.message) << c.what;
  }
  // What follows is toml++'s own word for it.
  EXPECT_THAT(error_of([] { parse_board("name = \"x\"\nname\n", "b", {}); }),
              StartsWith("b:2: malformed TOML: "));
  EXPECT_THAT(error_of([] { parse_board("a = 1\na = 2\n", "b", {}); }),
              StartsWith("b:2: malformed TOML: "));
}

TEST(Board, ChecksNumbersAndWhatBelongsTogether) {
  const std::string good = R"(name = "phone"
description = "A phone"
arch = "aarch64"
[boot]
kind = "android"
device_tree = "appended"
[android]
header_version = 0
page_size = 2048
base = 0x80000000
kernel_offset = 0x8000
ramdisk_offset = 0x1000000
second_offset = 0xf00000
tags_offset = 0x100
[kernel]
cmdline = []
[root]
format = "erofs"
device = "PARTLABEL=userdata"
[disk]
sector_bytes = 4096
[flash]
methods = ["fastboot"]
sparse = true
)";
  const Board board = parse_board(good, "b", {});
  EXPECT_EQ(board.android.addresses.base, 0x80000000u);
  EXPECT_EQ(board.android.vbmeta_flags, std::nullopt);
  EXPECT_EQ(board.disk.sector_bytes, 4096u);
  EXPECT_EQ(board.flash.methods, std::vector{FlashMethod::kFastboot});
  EXPECT_TRUE(board.flash.sparse);
  EXPECT_EQ(parse_board(serialize_board(board), "again", {}), board);

  const struct {
    const char *from, *to, *message;
  } kCases[] = {
      {"= 2048", "= -1", "b:9: key 'android.page_size': -1, expected 0 to 16384"},
      {"= 2048", "= 3000", "b:9: key 'android.page_size': expected 2048, 4096, 8192 or 16384"},
      {"= 2048", "= \"2048\"", "b:9: key 'android.page_size': expected an integer, found a string"},
      {"0x80000000", "0x100000000",
       "b:10: key 'android.base': 4294967296, expected 0 to 4294967295"},
      {"header_version = 0", "header_version = 5",
       "b:8: key 'android.header_version': 5, expected 0 to 4"},
      {"tags_offset = 0x100\n", "", "b: key 'android.tags_offset' is missing"},
      {"tags_offset", "dtb_offset = 1\ntags_offset",
       "b:14: key 'android.dtb_offset': header version 0 has no use for it"},
      {"header_version = 0", "header_version = 2",
       "b: key 'android.dtb_offset' is missing\n"
       "b:6: key 'boot.device_tree': 'appended' is not possible with header version 2"},
      {"appended", "vendor-boot",
       "b:6: key 'boot.device_tree': 'vendor-boot' is not possible with header version 0"},
      {"appended", "pocket",
       "b:6: key 'boot.device_tree': unknown place of a device tree 'pocket', expected none, "
       "appended, header, header-and-appended, vendor-boot, file, folder, fit, uki or firmware"},
      {"= 4096", "= 520", "b:21: key 'disk.sector_bytes': expected 512 or 4096"},
      {"sector_bytes = 4096", "firmware = \"u-boot.bin\"",
       "b:21: key 'disk.firmware': where it belongs is missing: firmware_offset"},
      {"[\"fastboot\"]", "[\"magic\"]",
       "b:23: key 'flash.methods': unknown flash method 'magic', expected fastboot, "
       "fastboot-of-lk2nd, lk2nd, heimdall, disk, uuu or hypervisor"},
      {"true", "1", "b:24: key 'flash.sparse': expected a boolean, found an integer"},
  };
  for (const auto& c : kCases) {
    std::string text = good;
    text.replace(text.find(c.from), std::string_view(c.from).size(), c.to);
    EXPECT_EQ(error_of([&] { parse_board(text, "b", {}); }), c.message) << c.to;
  }
  std::string direct = good;
  direct.replace(direct.find("\"android\""), 9, "\"direct\"");
  EXPECT_THAT(
      error_of([&] { parse_board(direct, "b", {}); }),
      StartsWith("b:8: key 'android.header_version': boot kind 'direct' has no use for it\n"));
  // A family may say more than each of its boards has use for.
  const EmbeddedFile family[] = {{"family.toml", direct}};
  EXPECT_EQ(parse_board("name = \"child\"\nextends = \"family\"\n", "c", family).android,
            AndroidBoot{});
}

TEST(Board, SpellsItsWords) {
  for (RootFormat format : {RootFormat::kSquashfs, RootFormat::kExt4, RootFormat::kErofs}) {
    EXPECT_EQ(parse_image_format(to_text(format)), format);
  }
  EXPECT_TRUE(is_arch_of(Arch::kX86_64, "x86_64-linux"));
  EXPECT_FALSE(is_arch_of(Arch::kX86_64, "aarch64-linux"));
  EXPECT_FALSE(is_arch_of(Arch::kAarch64, ""));
}

}  // namespace
}  // namespace builder
