// SPDX-License-Identifier: Apache-2.0
#include "builder/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "builder/terminal.h"
#include "imagefmt/base/file.h"
#include "imagefmt/gpt/gpt.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using testing::ElementsAre;
using tests::error_of;

constexpr char kToplevel[] = "/nix/store/aaaa-nixos-system";

Board uefi_board() {
  return find_board("uefi-x86_64");
}

DiskInputs inputs() {
  DiskInputs inputs;
  inputs.files = {{"root", Content::from_bytes(std::string(5000, 'r'))},
                  {"uki", Content::from_bytes("no place")},
                  {"esp", Content::from_bytes(std::string(1000, 'e'))}};
  inputs.toplevel = kToplevel;
  inputs.command_line = "quiet root=" + root_device_of(uefi_board(), kToplevel);
  return inputs;
}

class BoardDisk : public ::testing::Test {
 protected:
  imagefmt::Disk write(const Board& board, const DiskInputs& given) const {
    imagefmt::SilentReporter reporter;
    imagefmt::File out = imagefmt::File::create(path());
    write_board_disk(board, given, out, reporter);
    EXPECT_EQ(out.size_bytes(), planned_board_disk_size(board, given));
    return imagefmt::read_disk(
        std::make_shared<imagefmt::File>(imagefmt::File::open_for_reading(path())));
  }
  std::string path(const std::string& name = "disk.img") const { return folder_ / name; }

 private:
  tests::TempDir folder_;
};

TEST_F(BoardDisk, HasWhatTheLoaderReadsThenTheRoot) {
  const imagefmt::Disk disk = write(uefi_board(), inputs());
  ASSERT_EQ(disk.partitions.size(), 2u);
  EXPECT_THAT(disk.partition_offsets, ElementsAre(1 << 20, 2 << 20));
  const imagefmt::Partition &esp = disk.partitions[0], &root = disk.partitions[1];
  EXPECT_EQ(esp.name, "ESP");
  EXPECT_EQ(imagefmt::to_text(esp.type), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
  EXPECT_EQ(esp.content.read_all(), std::string(1000, 'e') + std::string(24, '\0'));
  EXPECT_EQ(root.name, "root");
  EXPECT_EQ(imagefmt::to_text(root.type), "4f68bce3-e8cd-4db1-96e7-fbcaf984b709");
  EXPECT_EQ("PARTUUID=" + imagefmt::to_text(root.id), root_device_of(uefi_board(), kToplevel));
  EXPECT_EQ(root.content.read_all(), std::string(5000, 'r') + std::string(120, '\0'));
}

TEST_F(BoardDisk, TheRootHasTheGuidThatTheCommandLineNames) {
  DiskInputs given = inputs();
  given.command_line = "root=PARTUUID=01234567-89ab-cdef-0123-456789abcdef";
  EXPECT_EQ(imagefmt::to_text(write(uefi_board(), given).partitions[1].id),
            "01234567-89ab-cdef-0123-456789abcdef");
  given.command_line = "root=PARTLABEL=root";
  EXPECT_EQ("PARTUUID=" + imagefmt::to_text(write(uefi_board(), given).partitions[1].id),
            root_device_of(uefi_board(), kToplevel));
  EXPECT_NE(root_device_of(uefi_board(), "/nix/store/b-other"),
            root_device_of(uefi_board(), kToplevel));
}

TEST_F(BoardDisk, FirmwareAndTheFirstPartitionLieWhereTheBoardSays) {
  imagefmt::write_file(path("u-boot"), std::string(10000, 'u'));
  Board board = find_board("purism-librem5");
  DiskInputs given = inputs();
  given.options.firmware = path("u-boot");
  EXPECT_THAT(write(board, given).partition_offsets, ElementsAre(4096 * 512, 3 << 20));
  EXPECT_EQ(imagefmt::read_file(path()).substr(33791, 10002),
            '\0' + std::string(10000, 'u') + '\0');
}

TEST_F(BoardDisk, FirmwareThatIsNotGivenIsToldOf) {
  std::ostringstream err;
  TerminalReporter reporter(err, TerminalReporter::Form::kQuiet);
  imagefmt::File out = imagefmt::File::create(path());
  write_board_disk(find_board("purism-librem5"), inputs(), out, reporter);
  write_board_disk(uefi_board(), inputs(), out, reporter);
  EXPECT_THAT(reporter.warnings(),
              ElementsAre("the disk of board 'purism-librem5' has no firmware: --firmware names "
                          "what belongs at byte 33792, unless the device has it elsewhere"));
}

TEST_F(BoardDisk, RefusesWithNumbersBeforeItWrites) {
  const auto refused = [](const Board& board, const DiskInputs& given) {
    return error_of([&] { planned_board_disk_size(board, given); });
  };
  const std::string start = "cannot make the disk of board 'uefi-x86_64': ";
  Board board = uefi_board();
  DiskInputs given = inputs();
  given.command_line = "root=/dev/vda";
  EXPECT_EQ(refused(board, given),
            start + "its root is partition 'root', and the command line has root=/dev/vda");
  given.command_line = "root=PARTLABEL=userdata";
  EXPECT_EQ(refused(board, given), start +
                                       "its root is partition 'root', and the command line has "
                                       "root=PARTLABEL=userdata");
  given = inputs();
  given.options.firmware = "u-boot.bin";
  EXPECT_EQ(refused(board, given), start + "it has no place for firmware such as 'u-boot.bin'");

  // The partition, by a sector, which is the least that it can differ by.
  given = inputs();
  given.files[2].content = planned_content(1024);
  board.disk.kernel_sectors = 2;
  EXPECT_EQ(refused(board, given), "(no error)");
  given.files[2].content = planned_content(1025);
  EXPECT_EQ(refused(board, given),
            start + "cannot write partition 'ESP': 1025 bytes, the partition has 1024");
  board = uefi_board();
  const uint64_t needed = (2 << 20) + 5120 + 33 * 512;
  given = inputs();
  given.options.disk_bytes = needed;
  EXPECT_EQ(refused(board, given), "(no error)");
  given.options.disk_bytes = needed - 512;
  EXPECT_EQ(refused(board, given),
            start + fmt::format("cannot make a disk of {} bytes: its partitions need {}",
                                needed - 512, needed));

  // Firmware of 33,792 + N bytes ends where the first partition begins.
  board = find_board("purism-librem5");
  given = inputs();
  given.options.firmware = path("u-boot");
  imagefmt::write_file(path("u-boot"), std::string(4096 * 512 - 33792, 'u'));
  EXPECT_EQ(refused(board, given), "(no error)");
  imagefmt::write_file(path("u-boot"), std::string(4096 * 512 - 33792 + 1, 'u'));
  EXPECT_EQ(refused(board, given),
            "cannot make the disk of board 'purism-librem5': cannot place partition 'ESP' at "
            "2097152: 'phone-boot.img' ends at 2097153");
  board.disk.firmware_offset = 8192;
  imagefmt::write_file(path("u-boot"), "u");
  EXPECT_EQ(refused(board, given),
            "cannot make the disk of board 'purism-librem5': cannot place 'phone-boot.img' at "
            "8192: the partition table ends at 17408");
  board.disk.table = PartitionTable::kMsdos;
  EXPECT_EQ(refused(board, given),
            "cannot make the disk of board 'purism-librem5': it has a partition table of kind "
            "'msdos', and gpt alone is written");
  board.disk.table = PartitionTable::kGpt;
  board.disk.first_sector = UINT64_MAX / 512 + 1;
  EXPECT_EQ(refused(board, given),
            "cannot make the disk of board 'purism-librem5': the disk's size overflows");
}

TEST_F(BoardDisk, IsForBoardsThatFlashDisksAndHaveALoaderThere) {
  const std::vector<BootFile> esp = {make_boot_file("esp.img", "esp", Content::from_bytes("e"))},
                              uki = {make_boot_file("uki.efi", "uki", Content::from_bytes("u"))};
  EXPECT_TRUE(has_disk(find_board("uefi-x86_64"), esp));
  EXPECT_TRUE(has_disk(find_board("qemu-x86_64"), esp));
  EXPECT_FALSE(has_disk(find_board("uefi-x86_64"), uki));
  EXPECT_FALSE(has_disk(find_board("oneplus-enchilada"), esp));
}

TEST_F(BoardDisk, ABoardBootsByOneOfItsKinds) {
  const Board direct = with_boot_kind(find_board("qemu-x86_64"), std::nullopt);
  EXPECT_EQ(direct, find_board("qemu-x86_64"));
  const Board uki = with_boot_kind(direct, BootKind::kUki);
  EXPECT_EQ(uki.boot_kind, BootKind::kUki);
  EXPECT_EQ(uki.root_partition, "root");
  EXPECT_EQ(uki.root_device, kDerivedPartUuid);
  EXPECT_EQ(error_of([&] { with_boot_kind(direct, BootKind::kAndroid); }),
            "board 'qemu-x86_64' does not boot by 'android', expected direct, uki or bls");
  EXPECT_EQ(with_boot_kind(find_board("lenovo-x13s"), BootKind::kUki).root_device,
            find_board("lenovo-x13s").root_device);
}

}  // namespace
}  // namespace builder
