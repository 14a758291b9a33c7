// SPDX-License-Identifier: Apache-2.0
#include "builder/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/image.h"
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
  EXPECT_THAT(board.cmdline, testing::Contains("console=ttyS0"));
  EXPECT_EQ(board.root_format, RootFormat::kSquashfs);
  EXPECT_EQ(board.root_device, "/dev/vda");
  ASSERT_FALSE(board.qemu_command.empty());
  EXPECT_EQ(board.qemu_command[0], "qemu-system-x86_64");
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
       "b:6: unknown key 'boot.colour', expected boot.kind"},
      {"unknown key at the top", "colour = 1\n" + good,
       "b:1: unknown key 'colour', expected name, description, arch, extends, boot, kernel, root "
       "or qemu"},
      {"unknown table", good + "[flash]\nspeed = 1\n",
       "b:11: unknown key 'flash', expected name, description, arch, extends, boot, kernel, root "
       "or qemu"},
      {"unknown key in a table", good + "size = 1\n",
       "b:11: unknown key 'root.size', expected root.format or root.device"},
      {"quoted key", "\"boot.kind\" = \"direct\"\n" + good,
       "b:1: unknown key 'boot.kind', expected name, description, arch, extends, boot, kernel, "
       "root "
       "or qemu"},
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
       "b:5: key 'boot.kind': unknown boot kind 'magic', expected direct"},
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
      {"device", with("PARTLABEL=root", "sda"),
       "b:10: key 'root.device': 'sda', expected /dev/…, PARTUUID=…, PARTLABEL=…, UUID=… or "
       "LABEL=…"},
      {"device with a blank", with("PARTLABEL=root", "/dev/a b"),
       "b:10: key 'root.device': '/dev/a b', expected /dev/…, PARTUUID=…, PARTLABEL=…, UUID=… or "
       "LABEL=…"},
      {"qemu's command no list", good + "[qemu]\ncommand = \"qemu\"\n",
       "b:12: key 'qemu.command': expected a list, found a string"},
      {"all mistakes at once", with("\"aarch64\"", "1\nx = 2") + "[boots]\n",
       "b:12: unknown key 'boots', expected name, description, arch, extends, boot, kernel, root "
       "or qemu\n"
       "b:4: unknown key 'x', expected name, description, arch, extends, boot, kernel, root or "
       "qemu\n"
       "b:3: key 'arch': expected a string, found an integer"},
      {"extends nothing known", "name = \"x\"\nextends = \"none\"\n",
       "b:2: key 'extends': unknown board 'none', expected base, broken or loop"},
      {"extends of another type", "name = \"x\"\nextends = 1\n",
       "b:2: key 'extends': expected a string, found an integer"},
      {"extends without end", "name = \"x\"\nextends = \"loop\"\n",
       "loop.toml:2: key 'extends': more than 8 boards extend each other"},
      {"mistake in the base", "name = \"x\"\nextends = \"broken\"\n",
       "broken.toml:6: unknown key 'root.flavour', expected root.format or root.device\n"
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
