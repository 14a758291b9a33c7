// SPDX-License-Identifier: Apache-2.0
//
// tests/oracle/bootimg and tests/oracle/sparse compare what these commands write with Debian's tools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/android/boot_image.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::BootImage;
using imagefmt::read_file;
using imagefmt::VendorBootImage;
using imagefmt::write_file;

class BootimgCommands : public ::testing::Test {
 protected:
  BootimgCommands() {
    write_file(path("kernel"), std::string(3000, 'k'));
    write_file(path("ramdisk"), "ramdisk");
    write_file(path("dtb"), "dtb");
    write_file(path("config"), "a=b\n");
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
  imagefmt::AnyBootImage parse(const std::string& name) const {
    imagefmt::Faults faults;
    const std::string bytes = read_file(path(name));
    imagefmt::ParsedBootImage parsed =
        imagefmt::parse_boot_image(imagefmt::as_bytes(bytes), faults);
    EXPECT_TRUE(faults.empty());
    return parsed.image;
  }
  /// mkbootimg refuses the arguments, and makes nothing.
  void expect_refused(const std::vector<std::string>& args, int status,
                      const std::string& message) {
    std::vector<std::string> all = {"mkbootimg"};
    all.insert(all.end(), args.begin(), args.end());
    const Ran ran = run_with(all);
    EXPECT_EQ(ran.status, status);
    EXPECT_EQ(ran.err, "intaglio: " + message + "\n");
    EXPECT_FALSE(exists("boot.img") || exists("vendor.img"));
  }

 private:
  tests::TempDir folder_;
};

TEST_F(BootimgCommands, OptionsBecomeTheImage) {
  const Ran ran = run_with({"mkbootimg",
                            "--kernel",
                            path("kernel"),
                            "--ramdisk",
                            path("ramdisk"),
                            "--dtb",
                            path("dtb"),
                            "--base",
                            "0x80000000",
                            "--kernel_offset",
                            "0x80000",
                            "--tags_offset",
                            "256",
                            "--pagesize",
                            "4096",
                            "--cmdline",
                            "quiet",
                            "--board",
                            "fp5",
                            "--header_version",
                            "2",
                            "--os_version",
                            "11.0",
                            "--os_patch_level",
                            "2021-10",
                            "--dtb_offset",
                            "0x100000000",
                            "--id",
                            "-o",
                            path("boot.img")});
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.status, 0);
  BootImage expected;
  expected.header_version = 2;
  expected.kernel = std::string(3000, 'k');
  expected.ramdisk = "ramdisk";
  expected.dtb = "dtb";
  expected.kernel_address = 0x80080000;
  expected.ramdisk_address = 0x81000000;
  expected.tags_address = 0x80000100;
  expected.dtb_address = 0x180000000;
  expected.os_version = 11u << 25 | 21 << 4 | 10;
  expected.name = "fp5";
  expected.cmdline = "quiet";
  EXPECT_TRUE(std::get<BootImage>(parse("boot.img")) == expected);
  EXPECT_EQ(ran.out, "0x" + imagefmt::to_hex(imagefmt::boot_image_id(expected)) + "\n");
}

TEST_F(BootimgCommands, FragmentsTakeWhatStandsBeforeThem) {
  const Ran ran = run_with({"mkbootimg",
                            "--header_version",
                            "4",
                            "--kernel",
                            path("kernel"),
                            "--dtb",
                            path("dtb"),
                            "--vendor_cmdline",
                            "v",
                            "--vendor_bootconfig",
                            path("config"),
                            "--vendor_ramdisk",
                            path("ramdisk"),
                            "--ramdisk_type",
                            "DLKM",
                            "--board_id15",
                            "0xff",
                            "--ramdisk_name",
                            "one",
                            "--vendor_ramdisk_fragment",
                            path("kernel"),
                            "--ramdisk_name",
                            "two",
                            "--ramdisk_type",
                            "9",
                            "--vendor_ramdisk_fragment",
                            path("dtb"),
                            "--output",
                            path("boot.img"),
                            "--vendor_boot",
                            path("vendor.img"),
                            "--id"});
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, "") << "there is no id from version 3 on";
  const auto vendor = std::get<VendorBootImage>(parse("vendor.img"));
  ASSERT_EQ(vendor.ramdisks.size(), 3u);
  EXPECT_EQ(vendor.ramdisks[0].type, 1u);
  EXPECT_EQ(vendor.ramdisks[0].name, "");
  EXPECT_EQ(vendor.ramdisks[1].type, 3u);
  EXPECT_EQ(vendor.ramdisks[1].name, "one");
  EXPECT_EQ(vendor.ramdisks[1].board_id[15], 0xffu);
  EXPECT_EQ(vendor.ramdisks[2].type, 9u);
  EXPECT_EQ(vendor.ramdisks[2].board_id[15], 0u);
  EXPECT_EQ(vendor.ramdisks[2].bytes, "dtb");
  EXPECT_EQ(vendor.bootconfig, "a=b\n");
  EXPECT_EQ(vendor.kernel_address, 0x10008000u);
  EXPECT_EQ(std::get<BootImage>(parse("boot.img")).kernel.size(), 3000u);
}

TEST_F(BootimgCommands, RefuseWrongUse) {
  const std::string boot = path("boot.img"), vendor = path("vendor.img");
  expect_refused({"--kernel", path("kernel")}, 2,
                 "--output or --vendor_boot must name what to write");
  expect_refused({"--vendor_boot", vendor}, 2,
                 "--vendor_boot is not of header version 0, but of 3 and 4");
  expect_refused({"--header_version", "3", "--vendor_boot", vendor}, 2,
                 "--vendor_boot of header version 3 needs --vendor_ramdisk");
  expect_refused({"--header_version=3", "--dtb", path("dtb"), "-o", boot}, 2,
                 "--dtb is for --vendor_boot, which is not given");
  expect_refused({"--vendor_cmdline", "", "-o", boot}, 2,
                 "--vendor_cmdline is for --vendor_boot, which is not given");
  expect_refused({"--vendor_ramdisk_fragment", "x", "--vendor_boot", vendor}, 2,
                 "--vendor_ramdisk_fragment 'x' needs a --ramdisk_name before it");
  expect_refused({"--board_id3", "1", "-o", boot}, 2,
                 "--ramdisk_type, --ramdisk_name and --board_id must stand before a "
                 "--vendor_ramdisk_fragment");
  for (const std::string number : {"0100", "0x", "-1", "1k", "0x100000000"}) {
    expect_refused({"--pagesize=" + number, "-o", boot}, 2,
                   "cannot read --pagesize '" + number +
                       "': expected a number, decimal or with 0x, up to 0xffffffff");
  }
}

TEST_F(BootimgCommands, RefuseWhatTheHeaderCannotHold) {
  const std::string boot = path("boot.img"), vendor = path("vendor.img");
  expect_refused(
      {"--kernel", path("kernel"), "--cmdline", std::string(1535, 'x'), "-o", boot}, 1,
      "boot image: the command line has 1535 bytes, header version 0 takes at most 1534");
  expect_refused({"--kernel", path("kernel"), "--base", "0xfffff000", "-o", boot}, 1,
                 "boot image: cannot place the kernel: base 0xfffff000 and offset 0x8000 pass "
                 "0xffffffff");
  expect_refused({"--kernel", path("none"), "-o", boot}, 1,
                 "boot image: cannot open '" + path("none") + "': No such file or directory");
  expect_refused(
      {"--os_version", "x", "-o", boot}, 1,
      "boot image: cannot read OS version 'x': expected A, A.B or A.B.C with numbers up to "
      "127");
  // The boot image is right, the other one is not: none is written.
  expect_refused(
      {"--header_version", "4", "--kernel", path("kernel"), "-o", boot, "--vendor_boot", vendor,
       "--ramdisk_name", "default", "--vendor_ramdisk_fragment", path("ramdisk")},
      1, "vendor boot image: a vendor ramdisk must not be named 'default'");
}

TEST_F(BootimgCommands, UnpackListsAndWritesTheParts) {
  run_with({"mkbootimg", "--kernel", path("kernel"), "--ramdisk", path("ramdisk"), "--cmdline",
            "a\tb", "--board", "x", "-o", path("boot.img")});
  const Ran ran = run_with({"unpack-bootimg", path("boot.img"), "--out", path("parts")});
  EXPECT_EQ(ran.err, "");
  const std::string bytes = read_file(path("boot.img"));
  EXPECT_EQ(ran.out,
            "kind\tboot\nheader_version\t0\npage_size\t2048\nkernel_size\t3000\nramdisk_size\t7\n"
            "second_size\t0\nkernel_address\t0x10008000\nramdisk_address\t0x11000000\n"
            "second_address\t0x00000000\ntags_address\t0x10000100\nboard\tx\nid\t0x" +
                imagefmt::to_hex(imagefmt::as_bytes(bytes).subspan(576, 32)) +
                "\nos_version\t\nos_patch_level\t\ncmdline\ta\\011b\nimage_size\t8192\n");
  EXPECT_EQ(read_file(path("parts/kernel")), read_file(path("kernel")));
  EXPECT_EQ(read_file(path("parts/ramdisk")), "ramdisk");
  EXPECT_FALSE(exists("parts/second"));

  const Ran again = run_with({"unpack-bootimg", path("boot.img"), "--out", path("parts")});
  EXPECT_EQ(again.status, 1);
  EXPECT_EQ(again.err, "intaglio: '" + path("boot.img") + "': cannot write '" + path("parts") +
                           "': it exists\n");
}

TEST_F(BootimgCommands, UnpackNamesWhatIsWrongAfterAllFields) {
  run_with({"mkbootimg", "--kernel", path("kernel"), "-o", path("boot.img")});
  std::string bytes = read_file(path("boot.img"));
  bytes[2048] = 'K';
  bytes[2000] = 1;
  write_file(path("boot.img"), bytes);
  const Ran ran = run_with({"unpack-bootimg", path("boot.img")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, testing::HasSubstr("image_size\t6144\n"));
  const std::string line = "intaglio: '" + path("boot.img") + "': ";
  EXPECT_THAT(ran.err, testing::StartsWith(line + "the padding after the header is not zero\n" +
                                           line + "the id is "));
}

TEST_F(BootimgCommands, SparseSplitsAndJoins) {
  std::string raw = std::string(10000, '\0') + std::string(9000, 'x');
  for (size_t i = 0; i < 9000; ++i) raw[10000 + i] = static_cast<char>(i * 7 / 3);
  raw.resize(20480);
  write_file(path("raw"), raw);
  EXPECT_EQ(run_with({"sparse", path("raw"), path("whole")}).err, "");
  EXPECT_EQ(run_with({"sparse", "--reverse", path("whole"), path("again")}).err, "");
  EXPECT_EQ(read_file(path("again")), raw);
  EXPECT_EQ(run_with({"sparse", path("raw"), path("piece"), "--max-size", "8300"}).err, "");
  EXPECT_FALSE(exists("piece") || exists("piece.2"));
  EXPECT_EQ(run_with({"sparse", "--reverse", path("piece.1"), path("piece.0"), path("joined")}).err,
            "");
  EXPECT_EQ(read_file(path("joined")), raw);

  Ran ran = run_with({"sparse", path("raw"), path("whole"), path("x")});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "intaglio: several images to read are for --reverse\n");
  ran = run_with({"sparse", "--reverse", path("raw"), path("x")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "intaglio: cannot read sparse image '" + path("raw") +
                         "': its magic is 0x00000000, expected 0xed26ff3a\n");
  EXPECT_FALSE(exists("x"));
}

}  // namespace
}  // namespace builder
