// SPDX-License-Identifier: Apache-2.0
//
// Boot partitions of U-Boot and lk2nd, and kernel partitions of Chromebooks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "builder/boot_files.h"
#include "builder/disk.h"
#include "builder/gzip.h"
#include "imagefmt/base/file.h"
#include "imagefmt/depthcharge/kernel_partition.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/gpt/gpt.h"
#include "imagefmt/uboot/fit.h"
#include "imagefmt/uboot/script.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::as_bytes;
using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::write_file;
using testing::ElementsAre;
using tests::error_of;

const std::string kKeys = "/usr/share/vboot/devkeys/";

std::string image_of_arm64() {
  std::string image(5000, '\0');
  return image.replace(56, 4, "ARM\x64");
}

class BootPartitions : public ::testing::Test {
 protected:
  BootPartitions() {
    write_file(path("kernel"), image_of_arm64());
    write_file(path("initrd"), "initrd");
    for (const char* name :
         {"allwinner/sun50i-a64-pinephone-1.2", "freescale/imx8mq-librem5-r4", "qcom/msm8916-b",
          "qcom/msm8216-a", "qcom/msm8917-other", "rockchip/rk3399-gru-kevin"}) {
      const std::string file = path(fmt::format("dtbs/{}.dtb", name));
      std::filesystem::create_directories(std::filesystem::path(file).parent_path());
      write_file(file, name);
    }
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  BootParts parts() const {
    BootParts parts;
    parts.kernel = path("kernel");
    parts.initrd = path("initrd");
    parts.command_line = "root=PARTLABEL=root dyndbg=\"file x +p\" quiet -- 3";
    parts.device_trees = path("dtbs");
    parts.toplevel = "/nix/store/aaaa-nixos-system";
    parts.mtime = 77;
    return parts;
  }
  /// The one file of the board, of that name and kind.
  std::string write(const Board& board, const BootParts& given, const std::string& name,
                    const std::string& kind) const {
    const std::vector<BootFile> files = make_boot_files(board, given);
    EXPECT_EQ(files.size(), 1u);
    EXPECT_EQ(files[0].name + ' ' + files[0].kind, name + ' ' + kind);
    imagefmt::SilentReporter reporter;
    write_boot_files(files, path(""), reporter);
    EXPECT_EQ(std::filesystem::file_size(path(name)), files[0].size_bytes);
    return path(name);
  }
  FileTree boot_partition(const Board& board, const BootParts& given) const {
    return imagefmt::read_ext4(std::make_shared<const imagefmt::File>(
        imagefmt::File::open_for_reading(write(board, given, "bootfs.img", "bootfs"))));
  }
  std::string refused(const Board& board, const BootParts& given) const {
    return error_of([&] { make_boot_files(board, given); });
  }

 private:
  tests::TempDir folder_;
};

std::string text_at(const FileTree& tree, const std::string& path) {
  const imagefmt::Node* node = tree.find(path);
  return node && node->regular() ? node->regular()->content.read_all() : "(no " + path + ")";
}

std::vector<std::string> files_of(const FileTree& tree) {
  std::vector<std::string> files;
  imagefmt::walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
    if (node.regular()) files.push_back(path);
    EXPECT_EQ(node.mtime, 77);
  });
  return files;
}

TEST_F(BootPartitions, ExtlinuxNamesTheOneDeviceTree) {
  const FileTree tree = boot_partition(find_board("purism-librem5"), parts());
  EXPECT_THAT(files_of(tree), ElementsAre("/dtbs/freescale/imx8mq-librem5-r4.dtb",
                                          "/extlinux/extlinux.conf", "/initrd", "/kernel"));
  EXPECT_EQ(text_at(tree, "/extlinux/extlinux.conf"),
            "default system\n"
            "label system\n"
            "  kernel /kernel\n"
            "  initrd /initrd\n"
            "  append root=PARTLABEL=root dyndbg=\"file x +p\" quiet -- 3\n"
            "  fdt /dtbs/freescale/imx8mq-librem5-r4.dtb\n");
  EXPECT_EQ(text_at(tree, "/kernel"), image_of_arm64());
  EXPECT_EQ(text_at(tree, "/initrd"), "initrd");
  EXPECT_EQ(text_at(tree, "/dtbs/freescale/imx8mq-librem5-r4.dtb"), "freescale/imx8mq-librem5-r4");
}

TEST_F(BootPartitions, OrTheFolderOfThoseThatTheLoaderChoosesFrom) {
  const FileTree tree = boot_partition(find_board("qcom-msm8916"), parts());
  EXPECT_THAT(files_of(tree), ElementsAre("/dtbs/qcom/msm8216-a.dtb", "/dtbs/qcom/msm8916-b.dtb",
                                          "/extlinux/extlinux.conf", "/initrd", "/kernel"));
  EXPECT_THAT(text_at(tree, "/extlinux/extlinux.conf"), testing::EndsWith("\n  fdtdir /dtbs\n"));
  // lk2nd looks at nothing smaller, and reads nothing newer than ext2.
  EXPECT_GT(std::filesystem::file_size(path("bootfs.img")), 16u << 20);
  EXPECT_EQ(imagefmt::read_file(path("bootfs.img")).substr(1024 + 92, 12),
            std::string("\0\0\0\0\2\0\0\0\3\0\0\0", 12));
}

TEST_F(BootPartitions, ScriptsSetTheCommandLineParameterByParameter) {
  const FileTree tree = boot_partition(find_board("pine64-pinephone"), parts());
  EXPECT_THAT(files_of(tree),
              ElementsAre("/boot.scr", "/dtbs/allwinner/sun50i-a64-pinephone-1.2.dtb", "/initrd",
                          "/kernel"));
  const imagefmt::uboot::Script script =
      imagefmt::uboot::parse_script(as_bytes(text_at(tree, "/boot.scr")));
  EXPECT_EQ(script.time, 77u);
  EXPECT_EQ(script.text,
            "setenv bootargs 'root=PARTLABEL=root'\n"
            "setenv bootargs \"${bootargs}\" 'dyndbg=\"file x +p\"'\n"
            "setenv bootargs \"${bootargs}\" 'quiet'\n"
            "setenv bootargs \"${bootargs}\" '-- 3'\n"
            "load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} /kernel\n"
            "load ${devtype} ${devnum}:${distro_bootpart} ${fdt_addr_r} "
            "/dtbs/allwinner/sun50i-a64-pinephone-1.2.dtb\n"
            "load ${devtype} ${devnum}:${distro_bootpart} ${ramdisk_addr_r} /initrd\n"
            "booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}\n");
}

TEST_F(BootPartitions, WithoutADeviceTreeThatOfTheLoaderServes) {
  Board board = find_board("pine64-pinephone");
  board.dtb_place = DtbPlace::kFirmware;
  const FileTree tree = boot_partition(board, parts());
  EXPECT_THAT(imagefmt::uboot::parse_script(as_bytes(text_at(tree, "/boot.scr"))).text,
              testing::EndsWith("${filesize} ${fdtcontroladdr}\n"));
  board.boot_kind = BootKind::kExtlinux;
  EXPECT_EQ(text_at(boot_partition(board, parts()), "/extlinux/extlinux.conf").find("fdt"),
            std::string::npos);
}

TEST_F(BootPartitions, RefuseWhatTheLoaderCouldNotTake) {
  BootParts given = parts();
  const std::string librem = "cannot boot board 'purism-librem5': ",
                    phone = "cannot boot board 'pine64-pinephone': ",
                    lk2nd = "cannot boot board 'qcom-msm8916': ";
  given.command_line = std::string(1023, 'x');
  EXPECT_EQ(refused(find_board("purism-librem5"), given), "(no error)");
  given.command_line += 'x';
  EXPECT_EQ(refused(find_board("purism-librem5"), given),
            librem + "the command line has 1024 bytes, U-Boot reads at most 1023");
  EXPECT_EQ(refused(find_board("qcom-msm8916"), given), "(no error)");
  EXPECT_EQ(refused(find_board("pine64-pinephone"), given),
            phone + "the script's line for '" + std::string(40, 'x') +
                "' has 1043 bytes, U-Boot reads at most 1023");
  given.command_line = std::string(3000, 'x');
  EXPECT_EQ(refused(find_board("pine64-pinephone"), given),
            phone + "the command line has 3000 bytes, the kernel reads at most 2047");
  given.command_line = "a='b'";
  EXPECT_EQ(refused(find_board("pine64-pinephone"), given),
            phone + "a script cannot hold the kernel parameter \"a='b'\", with its '");
  given = parts();
  given.mtime = int64_t{1} << 32;
  EXPECT_EQ(refused(find_board("pine64-pinephone"), given),
            phone + "its files have a time before 1970 or after 2106: 4294967296");
  given = parts();
  given.device_trees = path("none");
  EXPECT_EQ(refused(find_board("qcom-msm8916"), given),
            lk2nd + "cannot list '" + path("none") + "': No such file or directory");
  given.device_trees = "";
  EXPECT_EQ(refused(find_board("qcom-msm8916"), given),
            lk2nd + "it needs the device trees 'qcom/msm8*16-*', and there are none");
  Board board = find_board("qcom-msm8916");
  board.device_trees = {"qcom/apq*"};
  EXPECT_EQ(refused(board, parts()), lk2nd + "it needs the device trees 'qcom/apq*', and '" +
                                         path("dtbs") + "' has none of them");
  // By one byte: the kernel of 5000, the initrd, and the longer of the device trees.
  board = find_board("qcom-msm8916");
  board.max_boot_bytes = 5000 + 6 + 14;
  EXPECT_EQ(refused(board, parts()), "(no error)");
  board.max_boot_bytes = 5000 + 6 + 13;
  EXPECT_EQ(refused(board, parts()), lk2nd +
                                         "kernel, initrd and device tree have 5020 bytes, and the "
                                         "board takes at most 5019");
  write_file(path("kernel"), "MZ");
  EXPECT_EQ(refused(find_board("purism-librem5"), parts()),
            librem + "its loader takes the kernel as Image, and this one is not an Image of arm64");
}

TEST_F(BootPartitions, AreTheFirstOfTheDiskBehindTheFirmware) {
  const Board board = find_board("pine64-pinephone");
  DiskInputs inputs;
  inputs.files = {
      {"root", Content::from_bytes(std::string(5000, 'r'))},
      {"bootfs", Content::from_host_file(write(board, parts(), "bootfs.img", "bootfs"))}};
  inputs.command_line = "root=PARTLABEL=root";
  write_file(path("u-boot"), std::string(600000, 'u'));
  inputs.options.firmware = path("u-boot");
  EXPECT_TRUE(has_disk(board, make_boot_files(board, parts())));
  imagefmt::SilentReporter reporter;
  imagefmt::File out = imagefmt::File::create(path("disk.img"));
  write_board_disk(board, inputs, out, reporter);
  const imagefmt::Disk disk = imagefmt::read_disk(
      std::make_shared<imagefmt::File>(imagefmt::File::open_for_reading(path("disk.img"))));
  ASSERT_EQ(disk.partitions.size(), 2u);
  EXPECT_EQ(disk.partitions[0].name, "boot");
  EXPECT_EQ(disk.partitions[0].attributes, imagefmt::gpt::kLegacyBootable);
  EXPECT_TRUE(disk.partitions[0].content.read_all() == imagefmt::read_file(path("bootfs.img")));
  EXPECT_EQ(imagefmt::read_file(path("disk.img")).substr(131071, 3), std::string("\0uu", 3));
  // One byte more would meet the first partition.
  write_file(path("u-boot"), std::string((1 << 20) - 131072 + 1, 'u'));
  inputs.options.firmware = path("u-boot");
  EXPECT_THAT(error_of([&] { write_board_disk(board, inputs, out, reporter); }),
              testing::StartsWith("cannot make the disk of board 'pine64-pinephone': "));
}

TEST_F(BootPartitions, ChromebooksTakeASignedFitImage) {
  REQUIRE_OR_SKIP(tests::can_run("dtc") && std::filesystem::exists(kKeys), "dtc, vboot's keys");
  auto add_device_tree = [&](const std::string& name, const std::string& machine) {
    write_file(path("x.dts"), fmt::format("/dts-v1/; / {{ compatible = \"{}\"; }};", machine));
    tests::output_of(
        fmt::format("dtc -q -O dtb -o {} {}", path("dtbs/rockchip/" + name), path("x.dts")));
    return imagefmt::read_file(path("dtbs/rockchip/" + name));
  };
  const std::string kevin = add_device_tree("rk3399-gru-kevin.dtb", "google,kevin"),
                    bob = add_device_tree("rk3399-gru-bob.dtb", "google,bob");
  BootParts given = parts();
  Board board = find_board("google-gru");
  const std::string start = "cannot boot board 'google-gru': ";
  EXPECT_EQ(refused(board, given),
            start +
                "its kernel partition is signed: --keyblock and --signing-key must name a "
                ".keyblock and its .vbprivk");
  given.options.keyblock = kKeys + "kernel.keyblock";
  given.options.signing_key = kKeys + "kernel_data_key.vbprivk";
  const std::string bytes = imagefmt::read_file(write(board, given, "kpart.img", "kpart"));
  const imagefmt::depthcharge::KernelPartition partition =
      imagefmt::depthcharge::parse_kernel_partition(as_bytes(bytes));
  EXPECT_EQ(partition.body.command_line, given.command_line);
  const imagefmt::uboot::Fit fit = imagefmt::uboot::parse_fit(as_bytes(partition.body.kernel));
  ASSERT_EQ(fit.images.size(), 4u);
  EXPECT_EQ(fit.images[0].data, lzma(as_bytes(image_of_arm64())));
  EXPECT_EQ(fit.images[1].data, "initrd");
  EXPECT_EQ(fit.images[2].data, bob);
  EXPECT_EQ(fit.images[3].data, kevin);
  ASSERT_EQ(fit.configurations.size(), 2u);
  EXPECT_EQ(fit.configurations[1],
            (imagefmt::uboot::FitConfiguration{.name = "conf-2",
                                               .kernel = "kernel-1",
                                               .device_tree = "fdt-2",
                                               .ramdisk = "ramdisk-1",
                                               .compatible = {"google,kevin"}}));
  // The firmware's limit, by one byte.
  board.max_boot_bytes = bytes.size() - 1;
  EXPECT_EQ(refused(board, given),
            start + fmt::format("kpart.img has {} bytes, and the board takes at most {}",
                                bytes.size(), bytes.size() - 1));
  write_file(path("dtbs/rockchip/rk3399-gru-x.dtb"), "none");
  EXPECT_EQ(refused(find_board("google-gru"), given),
            start +
                "kpart.img: 'rockchip/rk3399-gru-x.dtb': cannot read the device tree: it has 4 "
                "bytes, fewer than a header's");
  given.options.signing_key = kKeys + "kernel_subkey.vbprivk";
  std::filesystem::remove(path("dtbs/rockchip/rk3399-gru-x.dtb"));
  EXPECT_EQ(refused(find_board("google-gru"), given),
            start +
                "kpart.img: cannot make a kernel partition: the signing key is not the one that "
                "the keyblock names");
}

}  // namespace
}  // namespace builder
