// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "builder/boot_files.h"
#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "imagefmt/fat/fat.h"
#include "imagefmt/uefi/pe.h"
#include "imagefmt/uefi/uki.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_executable.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::as_bytes;
using imagefmt::as_text;
using imagefmt::FileTree;
using imagefmt::write_file;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

std::string program_for(uint16_t machine) {
  return std::string(as_text(tests::tiny_executable(machine)));
}

class UefiBootFiles : public ::testing::Test {
 protected:
  UefiBootFiles() {
    std::filesystem::create_directories(path("efi"));
    std::filesystem::create_directories(path("dtbs/qcom"));
    write_file(path("kernel"), program_for(imagefmt::uefi::kMachineX86_64));
    write_file(path("initrd"), "initrd");
    write_file(path("efi/linuxx64.efi.stub"), program_for(imagefmt::uefi::kMachineX86_64));
    write_file(path("efi/systemd-bootx64.efi"), program_for(imagefmt::uefi::kMachineX86_64));
    write_file(path("aa64.efi"), program_for(imagefmt::uefi::kMachineAarch64));
    write_file(path("dtbs/qcom/sc8280xp-lenovo-thinkpad-x13s.dtb"), "x13s");
    parts_.kernel = path("kernel");
    parts_.initrd = path("initrd");
    parts_.command_line = "quiet";
    parts_.device_trees = path("dtbs");
    parts_.efi_programs = path("efi");
    parts_.toplevel = "/nix/store/a-system";
    parts_.kernel_release = "6.1.0";
    parts_.os_release = [] { return std::string("ID=nixos\nPRETTY_NAME=\"NixOS 24.11\"\n"); };
    parts_.mtime = 1'700'000'000;
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string write(const BootFile& file) const {
    imagefmt::SilentReporter reporter;
    write_boot_files({file}, folder_.path(), reporter);
    std::string bytes = imagefmt::read_file(path(file.name));
    EXPECT_EQ(bytes.size(), file.size_bytes);
    return bytes;
  }
  FileTree esp_of(const std::vector<BootFile>& files) const {
    EXPECT_EQ(files.back().name + ' ' + files.back().kind, "esp.img esp");
    write(files.back());
    return imagefmt::read_fat(
        std::make_shared<imagefmt::File>(imagefmt::File::open_for_reading(path("esp.img"))));
  }
  std::string refused(const Board& board) const {
    return error_of([&] { make_boot_files(board, parts_); });
  }

  BootParts parts_;

 private:
  tests::TempDir folder_;
};

std::vector<std::string> paths_of(const FileTree& tree) {
  std::vector<std::string> paths;
  imagefmt::walk_files(
      tree, [&](const std::string& path, const imagefmt::Node&) { paths.push_back(path); });
  return paths;
}
std::string text_at(const FileTree& tree, const std::string& path) {
  return tree.find(path)->regular()->content.read_all();
}

TEST_F(UefiBootFiles, OneProgramHoldsAll) {
  const std::vector<BootFile> files = make_boot_files(find_board("uefi-x86_64"), parts_);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name + ' ' + files[0].kind, "uki.efi uki");
  const std::string program = write(files[0]);
  const imagefmt::uefi::UkiSections uki = imagefmt::uefi::parse_uki(as_bytes(program), "uki");
  EXPECT_EQ(uki.command_line, "quiet");
  EXPECT_EQ(uki.kernel_release, "6.1.0");
  EXPECT_EQ(uki.os_release, parts_.os_release());
  EXPECT_TRUE(as_text(uki.kernel).starts_with(program_for(imagefmt::uefi::kMachineX86_64)));
  EXPECT_TRUE(as_text(uki.initrd).starts_with("initrd"));
  EXPECT_THAT(uki.devicetree, IsEmpty());
  const FileTree esp = esp_of(files);
  EXPECT_THAT(paths_of(esp), ElementsAre("/EFI/BOOT/BOOTX64.EFI"));
  EXPECT_EQ(text_at(esp, "/EFI/BOOT/BOOTX64.EFI"), program);
  EXPECT_EQ(esp.find("/EFI/BOOT/BOOTX64.EFI")->mtime, 1'700'000'000);
}

TEST_F(UefiBootFiles, OrSystemdBootHasAnEntry) {
  const std::vector<BootFile> files =
      make_boot_files(with_boot_kind(find_board("uefi-x86_64"), BootKind::kBls), parts_);
  ASSERT_EQ(files.size(), 1u);
  const FileTree esp = esp_of(files);
  EXPECT_THAT(paths_of(esp), ElementsAre("/initrd", "/linux", "/EFI/BOOT/BOOTX64.EFI",
                                         "/loader/loader.conf", "/loader/entries/system.conf"));
  EXPECT_EQ(text_at(esp, "/loader/entries/system.conf"),
            "title NixOS 24.11\nversion 6.1.0\nlinux /linux\ninitrd /initrd\noptions quiet\n");
  EXPECT_EQ(text_at(esp, "/loader/loader.conf"), "default system.conf\ntimeout 0\n");
  EXPECT_EQ(text_at(esp, "/linux"), imagefmt::read_file(path("kernel")));
  EXPECT_EQ(text_at(esp, "/initrd"), "initrd");
}

TEST_F(UefiBootFiles, DeviceTreesGoWithEither) {
  write_file(path("kernel"), program_for(imagefmt::uefi::kMachineAarch64));
  parts_.options.efi_stub = parts_.options.systemd_boot = path("aa64.efi");
  const Board board = find_board("lenovo-x13s");
  const FileTree esp = esp_of(make_boot_files(board, parts_));
  EXPECT_EQ(text_at(esp, "/devicetree.dtb"), "x13s");
  EXPECT_TRUE(
      text_at(esp, "/loader/entries/system.conf").ends_with("\ndevicetree /devicetree.dtb\n"));
  EXPECT_NE(esp.find("/EFI/BOOT/BOOTAA64.EFI"), nullptr);
  const std::vector<BootFile> files =
      make_boot_files(with_boot_kind(board, BootKind::kUki), parts_);
  const std::string program = write(files[0]);
  EXPECT_TRUE(
      as_text(imagefmt::uefi::parse_uki(as_bytes(program), "uki").devicetree).starts_with("x13s"));
  // Sectors of 4096 bytes make a larger FAT32 the least there is.
  Board large = board;
  large.disk.sector_bytes = 4096;
  EXPECT_GT(make_boot_files(large, parts_)[0].size_bytes, 65525u * 4096);
}

TEST_F(UefiBootFiles, RefusesWhatCouldNotBoot) {
  Board board = find_board("uefi-x86_64");
  const std::string start = "cannot boot board 'uefi-x86_64': ";
  parts_.efi_programs = path("none");
  EXPECT_EQ(refused(board), start +
                                "it needs linuxx64.efi.stub of systemd, which --efi-stub names; "
                                "the closure's systemd has none: '" +
                                path("none") + "/linuxx64.efi.stub'");
  EXPECT_EQ(
      refused(with_boot_kind(board, BootKind::kBls)),
      start +
          "it needs systemd-bootx64.efi of systemd, which --systemd-boot names; the closure's "
          "systemd has none: '" +
          path("none") + "/systemd-bootx64.efi'");
  parts_.efi_programs = "";
  EXPECT_EQ(refused(board),
            start + "it needs linuxx64.efi.stub of systemd, which --efi-stub names");
  parts_.options.efi_stub = path("aa64.efi");
  EXPECT_EQ(refused(board), start + "'" + path("aa64.efi") +
                                "' is for machine 0xaa64, the board is x86_64 (0x8664)");
  parts_.options.efi_stub = path("efi/linuxx64.efi.stub");
  EXPECT_EQ(refused(board), "(no error)");

  parts_.command_line = std::string(2047, 'x');
  EXPECT_EQ(refused(board), "(no error)");
  parts_.command_line += 'x';
  EXPECT_EQ(refused(board),
            start + "the command line has 2048 bytes, the kernel reads at most 2047");
  parts_.command_line = "quiet";

  const uint64_t size = make_boot_files(board, parts_)[0].size_bytes;
  board.max_boot_bytes = size;
  EXPECT_EQ(refused(board), "(no error)");
  board.max_boot_bytes = size - 1;
  EXPECT_EQ(
      refused(board),
      start + fmt::format("uki.efi has {} bytes, and the board takes at most {}", size, size - 1));
  board.max_boot_bytes = 1535;
  parts_.options.systemd_boot = path("efi/systemd-bootx64.efi");
  EXPECT_EQ(refused(with_boot_kind(board, BootKind::kBls)),
            start + "the kernel has 1536 bytes, and the board takes at most 1535");
  board.max_boot_bytes = std::nullopt;

  // What the smallest ESP has, and a sector less.
  const uint64_t sectors = make_boot_files(board, parts_)[1].size_bytes / 512;
  board.disk.kernel_sectors = sectors;
  EXPECT_EQ(refused(board), "(no error)");
  board.disk.kernel_sectors = sectors - 1;
  EXPECT_EQ(refused(board),
            start + fmt::format("esp.img: cannot make a file system of {} bytes: FAT32 has at "
                                "least {}",
                                (sectors - 1) * 512, sectors * 512));
  write_file(path("kernel"),
             "\x7f"
             "ELF");
  board.disk.kernel_sectors = std::nullopt;
  EXPECT_EQ(refused(board), start + "cannot make a unified kernel image: cannot read '" +
                                path("kernel") + "': not a PE executable");
}

}  // namespace
}  // namespace builder
