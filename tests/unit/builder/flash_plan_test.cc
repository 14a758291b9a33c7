// SPDX-License-Identifier: Apache-2.0
#include "builder/flash_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::write_file;
using tests::error_of;

/// An output of every kind of artifact; commands name it `out`.
FlashSource source() {
  FlashSource source{"out", "root=/dev/vda it's", {}};
  for (const char* kind :
       {"boot", "vendor_boot", "vbmeta", "kernel", "initrd", "root", "disk", "bootfs"}) {
    source.artifacts.push_back({std::string(kind) + ".img", kind, 1000, ""});
  }
  return source;
}

std::string script(const Board& board, const FlashOptions& options = {}) {
  return serialize_flash_script(plan_flashing(board, source(), options));
}

TEST(FlashPlan, FastbootFlashesBothSlots) {
  EXPECT_EQ(script(find_board("google-oriole")),
            "# google-oriole (Pixel 6), by fastboot; slots: a-b\n"
            "# by hand: start the device's bootloader, and let it serve fastboot\n"
            "# boot: 1000 bytes, to both slots\n"
            "fastboot --slot all flash boot out/boot.img\n"
            "# vendor_boot: 1000 bytes, to both slots\n"
            "fastboot --slot all flash vendor_boot out/vendor_boot.img\n"
            "# vbmeta: 1000 bytes, to both slots\n"
            "fastboot --slot all flash vbmeta out/vbmeta.img\n"
            "# userdata: 1000 bytes\n"
            "fastboot flash userdata out/root.img\n"
            "fastboot set_active a\n"
            "fastboot reboot\n");
}

/// The command on a folder, for what reads files of it.
class FlashPlanOf : public ::testing::Test {
 protected:
  void make_output(const std::string& board, const std::string& root) const {
    write_file(folder_ / "root.squashfs", root);
    write_file(folder_ / "manifest.json", R"({"board": ")" + board + R"(", "artifacts": [
        {"kind": "root", "name": "root.squashfs", "size_bytes": 8192, "sha256": ""},
        {"kind": "boot", "name": "boot.img", "size_bytes": 77, "sha256": ""}]})");
  }
  std::string out() const { return folder_.path(); }
  Ran plan(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"flash-plan", out()});
    return run_with(more);
  }

 private:
  tests::TempDir folder_;
};

TEST_F(FlashPlanOf, SendsTheRootAsASparseImage) {
  make_output("xiaomi-beryllium-ebbg", std::string(8192, 'x'));
  const Ran ran = plan({"--board", "xiaomi-beryllium-ebbg"});
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, "# xiaomi-beryllium-ebbg (" + find_board("xiaomi-beryllium-ebbg").description +
                         "), by fastboot; slots: none\n"
                         "# by hand: start the device's bootloader, and let it serve fastboot\n"
                         "# boot: 77 bytes\n"
                         "fastboot flash boot " +
                         out() + "/boot.img\nintaglio sparse " + out() +
                         "/root.squashfs userdata.simg\n"
                         "# userdata: 44 bytes\n"
                         "fastboot flash userdata userdata.simg\n"
                         "fastboot reboot\n");
}

TEST_F(FlashPlanOf, OrAsSeveralWhereTheDeviceTakesNoMore) {
  std::string root(4096, '\0');
  for (int i = 0; i < 4096; ++i) root += static_cast<char>(i * i / 7);
  for (int i = 0; i < 4096; ++i) root += static_cast<char>(i * i / 9);
  make_output("samsung-a5-2015", root);
  const Ran ran = plan({"--max-download", "4200"});
  EXPECT_EQ(ran.err, "");
  EXPECT_THAT(ran.out, testing::EndsWith("\nintaglio sparse " + out() +
                                         "/root.squashfs userdata.simg --max-size 4200\n"
                                         "# userdata: 4164 bytes, 1 of 2\n"
                                         "fastboot flash userdata userdata.simg.0\n"
                                         "# userdata: 4148 bytes, 2 of 2\n"
                                         "fastboot flash userdata userdata.simg.1\n"
                                         "fastboot reboot\n"));
  EXPECT_THAT(ran.out,
              testing::HasSubstr("by fastboot-of-lk2nd; slots: none\n"
                                 "# by hand: start lk2nd, which is in the partition 'boot' "
                                 "(volume down, as the device starts): it serves fastboot, "
                                 "and puts what is flashed to 'boot' behind itself\n"));
  // That many there are, and no more.
  ASSERT_EQ(
      run_with({"sparse", out() + "/root.squashfs", out() + "/s", "--max-size", "4200"}).status, 0);
  EXPECT_EQ(imagefmt::read_file(out() + "/s.0").size(), 4164u);
  EXPECT_EQ(imagefmt::read_file(out() + "/s.1").size(), 4148u);
  EXPECT_NE(error_of([&] { imagefmt::read_file(out() + "/s.2"); }), "");
}

TEST(FlashPlan, Lk2ndIsPutThereByHand) {
  EXPECT_EQ(
      script(find_board("motorola-potter")),
      "# motorola-potter (Moto G5 Plus), by lk2nd; slots: none\n"
      "# by hand: put lk2nd of this device's SoC into the partition 'boot', by the device's own "
      "bootloader: fastboot flash boot lk2nd.img\n"
      "# by hand: start lk2nd, which is in the partition 'boot' (volume down, as the device "
      "starts): it serves fastboot, and puts what is flashed to 'boot' behind itself\n"
      "# boot: 1000 bytes\n"
      "fastboot flash boot out/boot.img\n"
      "# system: 1000 bytes\n"
      "fastboot flash system out/root.img\n"
      "fastboot reboot\n");
}

TEST(FlashPlan, Lk2ndReadsABootFileSystemToo) {
  EXPECT_THAT(script(find_board("qcom-msm8916")),
              testing::HasSubstr("# system: 1000 bytes\n"
                                 "fastboot flash system out/bootfs.img\n"));
}

TEST(FlashPlan, HeimdallTakesAllAtOnce) {
  Board board = find_board("samsung-a3-2015");
  board.flash.methods = {FlashMethod::kHeimdall};
  EXPECT_EQ(script(board), "# samsung-a3-2015 (" + board.description +
                               "), by heimdall; slots: none\n"
                               "# by hand: start the device in download mode\n"
                               "# boot: 1000 bytes, userdata: 1000 bytes\n"
                               "heimdall flash --BOOT out/boot.img --USERDATA out/root.img\n");
}

TEST(FlashPlan, DisksAreWrittenWhole) {
  EXPECT_EQ(
      script(find_board("pine64-pinephonepro")),
      "# pine64-pinephonepro (PinePhone Pro), by disk; slots: none\n"
      "# by hand: /dev/DISK stands for the disk, as lsblk names it; all that is on it is lost\n"
      "# the disk: 1000 bytes\n"
      "dd if=out/disk.img of=/dev/DISK bs=4M conv=nocreat,fsync status=progress\n"
      "# if the build was not given it: u-boot-rockchip.bin, at byte 32768\n"
      "dd if=u-boot-rockchip.bin of=/dev/DISK seek=32768 oflag=seek_bytes "
      "conv=notrunc,nocreat,fsync\n");
  EXPECT_THAT(script(find_board("google-trogdor")),
              testing::HasSubstr("slots: kernel-partitions\n"));
  EXPECT_THAT(
      script(find_board("google-trogdor")),
      testing::HasSubstr("# the disk: 1000 bytes; the priority of its kernel partition is in "
                         "its table\n"));
  EXPECT_THAT(script(find_board("valve-steamdeck")),
              testing::HasSubstr(
                  "# the disk: 1000 bytes; the maker's own slots are gone with what was there\n"));
}

TEST(FlashPlan, UuuBringsTheLoaderThatServesFastboot) {
  EXPECT_EQ(script(find_board("purism-librem5")),
            "# purism-librem5 (Librem 5), by uuu; slots: none\n"
            "# by hand: start the device so that its ROM waits for a loader on USB\n"
            "uuu SDP: boot -f phone-boot.img\n"
            "uuu SDPU: delay 1000\n"
            "uuu SDPU: write -f phone-boot.img -offset 0x57c00\n"
            "uuu SDPU: jump\n"
            "uuu FB: ucmd setenv fastboot_dev mmc\n"
            "uuu FB: ucmd setenv mmcdev 0\n"
            "# the disk: 1000 bytes\n"
            "uuu FB: flash -raw2sparse all out/disk.img\n"
            "uuu FB: done\n"
            "# or by disk: --method disk\n");
  EXPECT_THAT(script(find_board("purism-librem5"), {.method = FlashMethod::kDisk}),
              testing::HasSubstr("), by disk; slots: none\n"));
}

TEST(FlashPlan, HypervisorsAreStarted) {
  EXPECT_EQ(script(find_board("qemu-microvm")),
            "# qemu-microvm (QEMU microvm), by hypervisor; slots: none\n"
            "intaglio run out\n");
  EXPECT_EQ(
      script(find_board("cloud-hypervisor-aarch64")),
      "# cloud-hypervisor-aarch64 (Cloud Hypervisor), by hypervisor; slots: none\n"
      "cloud-hypervisor --memory size=1536M --kernel out/kernel.img --initramfs out/initrd.img "
      "--cmdline 'root=/dev/vda it'\\''s' --disk path=out/root.img,readonly=on --console off "
      "--serial tty\n");
  EXPECT_EQ(script(find_board("firecracker-x86_64")),
            R"(# firecracker-x86_64 (Firecracker), by hypervisor; slots: none
cat >firecracker.json <<'END'
{
  "boot-source": {
    "kernel_image_path": "out/kernel.img",
    "initrd_path": "out/initrd.img",
    "boot_args": "root=/dev/vda it's"
  },
  "drives": [
    {
      "drive_id": "root",
      "path_on_host": "out/root.img",
      "is_root_device": false,
      "is_read_only": true
    }
  ],
  "machine-config": {
    "vcpu_count": 1,
    "mem_size_mib": 1536
  }
}
END
firecracker --no-api --config-file firecracker.json
)");
}

TEST(FlashPlan, IsThereAsJson) {
  Board board = find_board("google-oriole");
  board.flash.partitions = {"boot"};
  board.flash.methods = {FlashMethod::kFastboot, FlashMethod::kDisk};
  EXPECT_EQ(serialize_flash_json(plan_flashing(board, source(), {})), R"({
  "board": "google-oriole",
  "method": "fastboot",
  "other_methods": [
    "disk"
  ],
  "slots": "a-b",
  "steps": [
    {
      "note": "start the device's bootloader, and let it serve fastboot"
    },
    {
      "note": "boot: 1000 bytes, to both slots",
      "command": [
        "fastboot",
        "--slot",
        "all",
        "flash",
        "boot",
        "out/boot.img"
      ],
      "artifact": "boot.img",
      "partition": "boot",
      "slot": "all",
      "size_bytes": 1000
    },
    {
      "command": [
        "fastboot",
        "set_active",
        "a"
      ]
    },
    {
      "command": [
        "fastboot",
        "reboot"
      ]
    }
  ]
}
)");
}

TEST(FlashPlan, IsThereForEveryBoard) {
  for (Board board : all_boards()) {
    board.flash.sparse = false;  // there is no root to be read
    for (FlashMethod method : board.flash.methods) {
      EXPECT_FALSE(plan_flashing(board, source(), {.method = method}).steps.empty()) << board.name;
    }
  }
}

TEST(FlashPlan, RefusesWhatIsNotThere) {
  auto refused = [](const Board& board, FlashSource files, const FlashOptions& options) {
    return error_of([&] { plan_flashing(board, files, options); });
  };
  const std::string start = "cannot plan how to flash board 'google-oriole': ";
  Board board = find_board("google-oriole");
  FlashSource files = source();
  std::erase_if(files.artifacts,
                [](const Artifact& artifact) { return artifact.kind == "vbmeta"; });
  EXPECT_EQ(refused(board, files, {}), start + "'out' has no artifact of kind 'vbmeta'");
  EXPECT_EQ(refused(board, source(), {.method = FlashMethod::kUuu}),
            start + "it is not flashed by uuu, but by fastboot");
  board.flash.methods = {};
  EXPECT_EQ(refused(board, source(), {}), start + "its definition names no way to flash it");
  board = find_board("firecracker-x86_64");
  board.soc = "xen";
  EXPECT_EQ(refused(board, source(), {}),
            "cannot plan how to flash board 'firecracker-x86_64': no way is known to start the "
            "hypervisor 'xen'");
}

TEST_F(FlashPlanOf, RefusesAnOutputOfAnotherBoardOrNone) {
  make_output("google-oriole", "x");
  EXPECT_EQ(plan({"--board", "uefi-x86_64"}).err,
            "intaglio: cannot plan how to flash board 'uefi-x86_64': '" + out() +
                "' was built for 'google-oriole'\n");
  write_file(out() + "/manifest.json",
             R"({"board": "google-oriole", "artifacts": [{"kind": "root", "name": "r"}]})");
  EXPECT_EQ(plan().err, "intaglio: cannot read '" + out() +
                            "/manifest.json': expected artifacts with name, kind, size_bytes and "
                            "sha256\n");
  const Ran ran = plan({"--method", "magic"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err,
            "intaglio: unknown flash method 'magic', expected fastboot, fastboot-of-lk2nd, lk2nd, "
            "heimdall, disk, uuu or hypervisor\n");
}

}  // namespace
}  // namespace builder
