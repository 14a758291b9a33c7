// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "builder/gzip.h"
#include "imagefmt/android/boot_image.h"
#include "imagefmt/android/vbmeta.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::as_bytes;
using imagefmt::BootImage;
using imagefmt::VendorBootImage;
using imagefmt::write_file;
using testing::ElementsAre;
using tests::error_of;

/// As much of an arm64 Image as is looked at.
std::string image_of_arm64() {
  std::string image(5000, '\0');
  return image.replace(56, 4, "ARM\x64");
}

class BootFiles : public ::testing::Test {
 protected:
  BootFiles() {
    std::filesystem::create_directories(folder_ / "dtbs/qcom");
    std::filesystem::create_directories(folder_ / "dtbs/exynos/google");
    write_file(folder_ / "kernel", image_of_arm64());
    write_file(folder_ / "initrd", "initrd");
    write_file(folder_ / "dtbs/qcom/sdm845-oneplus-enchilada.dtb", "enchilada");
    write_file(folder_ / "dtbs/qcom/qcm6490-fairphone-fp5.dtb", "fp5");
    write_file(folder_ / "dtbs/qcom/sdm670-google-sargo.dtb", "sargo");
    write_file(folder_ / "dtbs/exynos/google/gs101-oriole.dtb", "oriole");
  }
  BootParts parts() const {
    BootParts parts;
    parts.kernel = folder_ / "kernel";
    parts.initrd = folder_ / "initrd";
    parts.command_line = "quiet";
    parts.device_trees = folder_ / "dtbs";
    return parts;
  }
  std::string path(const std::string& name) const { return folder_ / name; }

 private:
  tests::TempDir folder_;
};

std::vector<std::string> names(const std::vector<BootFile>& files) {
  std::vector<std::string> names;
  for (const BootFile& file : files) names.push_back(file.name + " " + file.kind);
  return names;
}

std::string bytes_of(const BootFile& file) {
  const tests::TempDir folder;
  imagefmt::SilentReporter reporter;
  write_boot_files({file}, folder.path(), reporter);
  std::string bytes = imagefmt::read_file(folder / file.name);
  EXPECT_EQ(bytes.size(), file.size_bytes);
  return bytes;
}

template <class Image>
Image parsed(const BootFile& file) {
  const std::string bytes = bytes_of(file);
  imagefmt::Faults faults;
  imagefmt::ParsedBootImage parsed = imagefmt::parse_boot_image(as_bytes(bytes), faults);
  EXPECT_THAT(faults.messages(), testing::IsEmpty());
  EXPECT_EQ(parsed.size_bytes, bytes.size());
  return std::get<Image>(parsed.image);
}

TEST_F(BootFiles, DeviceTreesAreAppendedToACompressedKernel) {
  const std::vector<BootFile> files = make_boot_files(find_board("oneplus-enchilada"), parts());
  EXPECT_THAT(names(files), ElementsAre("boot.img boot"));
  BootImage expected;
  expected.kernel = gzip(as_bytes(image_of_arm64())) + "enchilada";
  expected.ramdisk = "initrd";
  expected.cmdline = "quiet";
  expected.kernel_address = 0x8000;
  expected.ramdisk_address = 0x1000000;
  expected.tags_address = 0x100;
  EXPECT_TRUE(parsed<BootImage>(files[0]) == expected);
}

TEST_F(BootFiles, OrStandInTheHeadersPartToo) {
  const std::vector<BootFile> files = make_boot_files(find_board("fairphone-fp5"), parts());
  EXPECT_THAT(names(files), ElementsAre("boot.img boot"));
  const auto image = parsed<BootImage>(files[0]);
  EXPECT_EQ(image.header_version, 2u);
  EXPECT_TRUE(image.kernel.ends_with("fp5"));
  EXPECT_EQ(image.dtb, "fp5");
  EXPECT_EQ(image.dtb_address, 0x1f00000u);
}

TEST_F(BootFiles, OrInVendorBootWithAllElse) {
  const std::vector<BootFile> files = make_boot_files(find_board("google-oriole"), parts());
  EXPECT_THAT(names(files),
              ElementsAre("boot.img boot", "vendor_boot.img vendor_boot", "vbmeta.img vbmeta"));
  BootImage kernel;
  kernel.header_version = 4;
  kernel.kernel = gzip(as_bytes(image_of_arm64()));
  EXPECT_TRUE(parsed<BootImage>(files[0]) == kernel);
  const auto vendor = parsed<VendorBootImage>(files[1]);
  EXPECT_EQ(vendor.header_version, 4u);
  EXPECT_EQ(vendor.dtb, "oriole");
  EXPECT_EQ(vendor.cmdline, "quiet");
  ASSERT_EQ(vendor.ramdisks.size(), 1u);
  EXPECT_EQ(vendor.ramdisks[0].bytes, "initrd");
  EXPECT_EQ(vendor.ramdisks[0].type, 1u);
  EXPECT_EQ(files[2].size_bytes, 4096u);
  EXPECT_EQ(imagefmt::parse_vbmeta(as_bytes(bytes_of(files[2]))).flags, 2u);
}

TEST_F(BootFiles, NoneForBoardsThatTakeKernelAndInitrd) {
  EXPECT_TRUE(make_boot_files(find_board("qemu-x86_64"), {}).empty());
}

TEST_F(BootFiles, HypervisorsAreGivenTheKernelInTheirForm) {
  BootParts given = parts();
  EXPECT_EQ(make_kernel(find_board("cloud-hypervisor-aarch64"), given).read_all(),
            image_of_arm64());
  const Board board = find_board("firecracker-x86_64");
  EXPECT_EQ(error_of([&] { make_kernel(board, given); }),
            "cannot boot board 'firecracker-x86_64': cannot read kernel image '" + path("kernel") +
                "': it is no vmlinux, and holds none");
  const std::string elf =
      "\x7f"
      "ELF and more";
  write_file(path("kernel"), gzip(as_bytes(elf)));
  EXPECT_EQ(make_kernel(board, given).read_all(), elf);
  EXPECT_EQ(make_kernel(find_board("oneplus-enchilada"), given).read_all(), gzip(as_bytes(elf)))
      << "what is in its boot.img counts";
}

TEST_F(BootFiles, RefusesWhatTheLoaderCouldNotTake) {
  Board board = find_board("oneplus-enchilada");
  auto refused = [&](const BootParts& given) {
    return error_of([&] { make_boot_files(board, given); });
  };
  const std::string start = "cannot boot board 'oneplus-enchilada': boot.img: ";
  BootParts given = parts();
  given.device_trees = "";
  EXPECT_EQ(refused(given), start +
                                "it needs the device tree 'qcom/sdm845-oneplus-enchilada.dtb', and "
                                "there are none");
  given.device_trees = path("none");
  EXPECT_EQ(refused(given), start + "its device tree: cannot open '" + path("none") +
                                "/qcom/sdm845-oneplus-enchilada.dtb': No such file or directory");
  given = parts();
  given.command_line = std::string(1535, 'x');
  EXPECT_EQ(refused(given),
            start + "the command line has 1535 bytes, header version 0 takes at most 1534");
  write_file(path("other"), "MZ");
  given = parts();
  given.kernel = path("other");
  EXPECT_EQ(refused(given), start +
                                "its loader takes the kernel as Image.gz, and this one is not an "
                                "Image of arm64");
  // The board's own limit, by one byte.
  const uint64_t size = make_boot_files(board, parts())[0].size_bytes;
  board.max_boot_bytes = size;
  EXPECT_EQ(refused(parts()), "(no error)");
  board.max_boot_bytes = size - 1;
  EXPECT_EQ(refused(parts()),
            fmt::format("cannot boot board 'oneplus-enchilada': boot.img has {} bytes, "
                        "and the board takes at most {}",
                        size, size - 1));
  board.device_trees = {"qcom/sdm845-*"};
  EXPECT_EQ(refused(parts()),
            start + "its definition must name one device tree, and names 'qcom/sdm845-*'");
  board.device_trees = {};
  EXPECT_EQ(refused(parts()), start + "its definition must name one device tree, and names none");
}

TEST_F(BootFiles, AKernelThatIsCompressedIsTakenAsItIs) {
  const std::string packed = gzip(as_bytes(image_of_arm64()));
  EXPECT_EQ(packed.substr(0, 3), "\x1f\x8b\x08");
  EXPECT_EQ(packed.substr(3, 5), std::string(5, '\0')) << "neither name nor time";
  write_file(path("packed"), packed);
  BootParts given = parts();
  given.kernel = path("packed");
  EXPECT_EQ(bytes_of(make_boot_files(find_board("google-sargo"), given)[0]),
            bytes_of(make_boot_files(find_board("google-sargo"), parts())[0]));
}

TEST_F(BootFiles, TheCommandMakesThemOfABuild) {
  write_file(
      path("manifest.json"),
      R"({"board": "qemu-x86_64", "cmdline": "ro", "artifacts": [{"kind": "root", "name": "r"}]})");
  write_file(path("cmdline"), "quiet\n");
  Ran ran = run_with({"boot", path(""), "--board", "oneplus-enchilada", "--device-trees",
                      path("dtbs"), "--output", path("made")});
  EXPECT_EQ(ran.status, 0);
  const std::string bytes = bytes_of(make_boot_files(find_board("oneplus-enchilada"), parts())[0]);
  EXPECT_EQ(ran.out + ran.err, fmt::format("boot.img: {} bytes\n", bytes.size()));
  EXPECT_EQ(imagefmt::read_file(path("made/boot.img")), bytes);
  write_file(path("cmdline"), "root=/dev/vda\n");
  ran = run_with({"boot", path(""), "--board", "oneplus-enchilada", "--device-trees", path("dtbs"),
                  "--output", path("not")});
  EXPECT_EQ(ran.out + ran.err,
            "intaglio: cannot boot board 'oneplus-enchilada': its root is partition 'userdata', "
            "and the command line has root=/dev/vda\n");
  ran = run_with({"boot", path(""), "--output", path("not")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out + ran.err,
            "intaglio: board 'qemu-x86_64' boots from no file but kernel and initrd: its boot "
            "kind is 'direct'\n");
  EXPECT_FALSE(std::filesystem::exists(path("not")));
}

}  // namespace
}  // namespace builder
