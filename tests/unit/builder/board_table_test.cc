// SPDX-License-Identifier: Apache-2.0
//
// The boards against the table that their numbers were gathered in, from postmarketOS, mobile-nixos,
// LineageOS and depthcharge-tools. An empty field: not known or not used there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "builder/board.h"
#include "builder/board_words.h"

namespace builder {
namespace {

constexpr std::string_view kTable = R"(
id;arch;soc;boot;hdr_version;base;kernel_off;ramdisk_off;second_off;tags_off;dtb_off;pagesize;dtb;dtb_mode;console;rootfs;flash;sparse;ab;boot_part_max_bytes;sector;vbmeta_flags
oneplus-enchilada;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00f00000;0x00000100;;4096;qcom/sdm845-oneplus-enchilada;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;1;67108864;4096;
oneplus-fajita;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00f00000;0x00000100;;4096;qcom/sdm845-oneplus-fajita;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;1;67108864;4096;
xiaomi-beryllium-tianma;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00f00000;0x00000100;;4096;qcom/sdm845-xiaomi-beryllium-tianma;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;0;67092480;4096;
xiaomi-beryllium-ebbg;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00f00000;0x00000100;;4096;qcom/sdm845-xiaomi-beryllium-ebbg;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;0;67092480;4096;
shift-axolotl;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00f00000;0x00000100;;4096;qcom/sdm845-shift-axolotl;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;1;67108864;4096;
google-sargo;aarch64;sdm670;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00000000;0x00000100;;4096;qcom/sdm670-google-sargo;append;;userdata;fastboot:boot,vbmeta,userdata;1;1;67108864;512;2
google-blueline;aarch64;sdm845;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00000000;0x00000100;;4096;qcom/sdm845-google-blueline;append;;userdata;fastboot:boot,userdata;1;;;4096;
fairphone-fp4;aarch64;sm7225;android-bootimg;0;0x00000000;0x00008000;0x01000000;0x00000000;0x00000100;;4096;qcom/sm7225-fairphone-fp4;append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;1;100663296;4096;
fairphone-fp5;aarch64;qcm6490;android-bootimg;2;0x00000000;0x00008000;0x01000000;0x00000000;0x00000100;0x01f00000;4096;qcom/qcm6490-fairphone-fp5;header2+append;ttyMSM0,115200;userdata;fastboot:boot,userdata;1;1;100663296;4096;
nothing-spacewar;aarch64;sm7325;android-bootimg;2;0x00000000;0x00008000;0x01000000;0x00000000;0x00000100;0x01f00000;4096;qcom/sm7325-nothing-spacewar;header2+append;;userdata;fastboot:boot,userdata;1;;;4096;
google-oriole;aarch64;gs101;android-bootimg+vendor_boot;4;0x10000000;0x00008000;0x01000000;;0x00000100;0x01f00000;4096;exynos/google/gs101-oriole;vendor_boot;;userdata;fastboot:boot,vendor_boot,vbmeta,userdata;0;1;67108864;4096;2
motorola-potter;aarch64;msm8953;android-bootimg(lk2nd);0;0x80000000;0x00008000;0x01000000;0x00f00000;0x00000100;;2048;qcom/sdm625-motorola-potter;append;;system;lk2nd;0;0;16777216;512;
samsung-a3-2015;aarch64;msm8916;android-bootimg(lk2nd)|extlinux;0;0x80000000;0x00080000;0x02000000;0x00f00000;0x01e00000;;2048;qcom/msm8916-samsung-a3u-eur;append;ttyMSM0,115200;userdata;fastboot(lk2nd);1;0;;512;
samsung-a5-2015;aarch64;msm8916;android-bootimg(lk2nd)|extlinux;0;0x80000000;0x00080000;0x02000000;0x00f00000;0x01e00000;;2048;qcom/msm8916-samsung-a5u-eur;append;ttyMSM0,115200;userdata;fastboot(lk2nd);1;0;;512;
qcom-msm8916;aarch64;msm8916;lk2nd-extlinux;;;;;;;;;qcom/msm8*16-*;extlinux-fdtdir;ttyMSM0,115200;userdata;fastboot(lk2nd);0;0;52428800;512;
pine64-pinephone;aarch64;allwinner-a64;u-boot-script;;;;;;;;;allwinner/sun50i-a64-pinephone-1.2;boot.scr;ttyS0,115200;partlabel;disk-image;0;0;;512;
pine64-pinephonepro;aarch64;rk3399s;u-boot-script|bls;;;;;;;;;rockchip/rk3399-pinephone-pro;boot.scr|bls;ttyS2,115200;partlabel;disk-image;0;0;;512;
purism-librem5;aarch64;imx8mq;u-boot-extlinux;;;;;;;;;freescale/imx8mq-librem5-r4;extlinux;ttymxc0,115200;partlabel;uuu|disk-image;0;0;;512;
pine64-pinetab;aarch64;allwinner-a64;u-boot-script;;;;;;;;;allwinner/sun50i-a64-pinetab;boot.scr;ttyS0,115200;partlabel;disk-image;0;0;;512;
pine64-pinetab2;aarch64;rk3566;u-boot-extlinux;;;;;;;;;rockchip/rk3566-pinetab2-v2.0;extlinux;;partlabel;disk-image;0;0;;512;
pine64-pinebookpro;aarch64;rk3399;u-boot-extlinux;;;;;;;;;rockchip/rk3399-pinebook-pro;extlinux;ttyS2,1500000;partlabel;disk-image;0;0;;512;
lenovo-x13s;aarch64;sc8280xp;uefi-bls|uki;;;;;;;;;qcom/sc8280xp-lenovo-thinkpad-x13s;dtbloader|dtbauto;;partlabel;disk-image;0;0;;512;
google-trogdor;aarch64;sc7180;depthcharge;;;;;;;;;qcom/sc7180-trogdor*;fit;ttyMSM0,115200n8;partlabel;disk-image;0;kpart;536870912;512;
google-kukui;aarch64;mt8183;depthcharge;;;;;;;;;mediatek/mt8183-kukui*;fit;ttyS0,115200n8;partlabel;disk-image;0;kpart;536870912;512;
google-gru;aarch64;rk3399;depthcharge;;;;;;;;;rockchip/rk3399-gru*;fit;ttyS2,115200n8;partlabel;disk-image;0;kpart;33554432;512;
google-oak;aarch64;mt8173;depthcharge;;;;;;;;;mediatek/mt8173-elm*;fit;;partlabel;disk-image;0;kpart;33554432;512;
google-x64cros;x86_64;x86;depthcharge-zimage;;;;;;;;;;none;;partlabel;disk-image;0;kpart;16777216;512;
uefi-x86_64;x86_64;generic;uefi-uki;;;;;;;;;;none;;gpt-dps;disk-image;0;0;;512;
uefi-aarch64;aarch64;generic;uefi-uki;;;;;;;;;;none;ttyAMA0;gpt-dps;disk-image;0;0;;512;
valve-steamdeck;x86_64;amd-vangogh;uefi-uki;;;;;;;;;;none;;gpt-dps;disk-image;0;stock;;512;
qemu-x86_64;x86_64;q35;uefi-uki|direct;;;;;;;;;;none;ttyS0,115200;gpt-dps;qemu;0;0;;512;
qemu-virt-aarch64;aarch64;virt;uefi-uki|direct;;;;;;;;;;qemu-generated;ttyAMA0,115200;gpt-dps;qemu;0;0;;512;
qemu-microvm;x86_64;microvm;direct-kernel;;;;;;;;;;none;ttyS0;vda;qemu;0;0;;512;
cloud-hypervisor-x86_64;x86_64;chv;direct-kernel-vmlinux;;;;;;;;;;none;ttyS0;vda;chv;0;0;;512;
cloud-hypervisor-aarch64;aarch64;chv;direct-kernel-Image;;;;;;;;;;none;ttyAMA0;vda;chv;0;0;;512;
firecracker-x86_64;x86_64;fc;direct-kernel-vmlinux;;;;;;;;;;none;ttyS0,115200;vda;fc;0;0;;512;
)";

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> words(1);
  for (char c : text) {
    if (c == separator) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::vector<Row> rows() {
  std::vector<Row> rows;
  std::vector<std::string> names;
  for (const std::string& line : split(kTable, '\n')) {
    if (line.empty()) continue;
    const std::vector<std::string> fields = split(line, ';');
    if (names.empty()) {
      names = fields;
      continue;
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (i == 0) rows.emplace_back();
      rows.back()[names[i]] = fields.at(i);
    }
  }
  return rows;
}

std::string hex(uint64_t number) {
  return fmt::format("{:#010x}", number);
}

/// The table's words for what a board says with several.
std::string boot_of(const Board& board) {
  const bool is_android = boots_by(board, BootKind::kAndroid);
  std::string text;
  switch (board.boot_kind) {
    case BootKind::kAndroid:
      text = board.android.header_version >= 3 ? "android-bootimg+vendor_boot" : "android-bootimg";
      if (board.loader == Loader::kLk2nd) text += "(lk2nd)";
      break;
    case BootKind::kExtlinux:
      text = board.loader == Loader::kLk2nd ? "lk2nd-extlinux" : "u-boot-extlinux";
      break;
    case BootKind::kBootScript:
      text = "u-boot-script";
      break;
    case BootKind::kDepthcharge:
      text = board.kernel_image == KernelImage::kBzImage ? "depthcharge-zimage" : "depthcharge";
      break;
    case BootKind::kUki:
      text = "uefi-uki";
      break;
    case BootKind::kBls:
      text = "uefi-bls";
      break;
    case BootKind::kDirect:
      text = boots_by(board, BootKind::kUki) ? "uefi-uki|direct" : "direct-kernel";
      if (board.kernel_image != KernelImage::kAsBuilt)
        text += '-' + std::string(spell(board.kernel_image));
  }
  if (is_android && boots_by(board, BootKind::kExtlinux)) text += "|extlinux";
  if (board.boot_kind == BootKind::kBootScript && boots_by(board, BootKind::kBls)) text += "|bls";
  if (board.boot_kind == BootKind::kBls && boots_by(board, BootKind::kUki)) text += "|uki";
  return text;
}

std::string flash_of(const Board& board) {
  const std::map<FlashMethod, std::string> kWords = {
      {FlashMethod::kFastboot, "fastboot"},
      {FlashMethod::kFastbootOfLk2nd, "fastboot(lk2nd)"},
      {FlashMethod::kLk2nd, "lk2nd"},
      {FlashMethod::kDisk, "disk-image"},
      {FlashMethod::kUuu, "uuu"}};
  std::string text;
  for (FlashMethod method : board.flash.methods) {
    const bool is_qemu = board.name.starts_with("qemu-");
    text += (text.empty() ? "" : "|") +
            (method == FlashMethod::kHypervisor ? is_qemu ? "qemu" : board.soc : kWords.at(method));
  }
  if (board.flash.methods[0] == FlashMethod::kFastboot) {
    text += fmt::format(":{}", fmt::join(board.flash.partitions, ","));
  }
  return text;
}

std::string dtb_of(const Board& board) {
  const std::map<DtbPlace, std::string> kWords = {{DtbPlace::kNone, "none"},
                                                  {DtbPlace::kAppended, "append"},
                                                  {DtbPlace::kHeaderAndAppended, "header2+append"},
                                                  {DtbPlace::kVendorBoot, "vendor_boot"},
                                                  {DtbPlace::kFolder, "extlinux-fdtdir"},
                                                  {DtbPlace::kFit, "fit"},
                                                  {DtbPlace::kUki, "dtbloader|dtbauto"},
                                                  {DtbPlace::kFirmware, "qemu-generated"}};
  if (board.dtb_place != DtbPlace::kFile) return kWords.at(board.dtb_place);
  if (board.boot_kind == BootKind::kExtlinux) return "extlinux";
  return boots_by(board, BootKind::kBls) ? "boot.scr|bls" : "boot.scr";
}

std::string slots_of(const Board& board) {
  const std::map<Slots, std::string> kWords = {{Slots::kUnknown, ""},
                                               {Slots::kNone, "0"},
                                               {Slots::kAb, "1"},
                                               {Slots::kKernelPartitions, "kpart"},
                                               {Slots::kStock, "stock"}};
  return kWords.at(board.flash.slots);
}

void expect_android(const Board& board, const Row& row) {
  const AndroidBoot& android = board.android;
  const BootAddresses& addresses = android.addresses;
  EXPECT_EQ(fmt::format("{}", android.header_version), row.at("hdr_version"));
  EXPECT_EQ(fmt::format("{}", android.page_size), row.at("pagesize"));
  EXPECT_EQ(hex(addresses.base), row.at("base"));
  EXPECT_EQ(hex(addresses.kernel_offset), row.at("kernel_off"));
  EXPECT_EQ(hex(addresses.ramdisk_offset), row.at("ramdisk_off"));
  EXPECT_EQ(android.header_version <= 2 ? hex(addresses.second_offset) : "", row.at("second_off"));
  EXPECT_EQ(hex(addresses.tags_offset), row.at("tags_off"));
  EXPECT_EQ(android.header_version >= 2 ? hex(addresses.dtb_offset) : "", row.at("dtb_off"));
  EXPECT_EQ(android.vbmeta_flags ? fmt::format("{}", *android.vbmeta_flags) : "",
            row.at("vbmeta_flags"));
}

/// `gpt-dps` and `partlabel` are partitions that we name; `vda` is a disk without any.
void expect_root(const Board& board, const std::string& rootfs) {
  if (board.boot_kind == BootKind::kDirect) {
    EXPECT_EQ(board.root_device, "/dev/vda");
    EXPECT_EQ(board.root_partition, "");
    return;
  }
  const bool is_ours = rootfs == "gpt-dps" || rootfs == "partlabel";
  EXPECT_EQ(board.root_partition, is_ours ? "root" : rootfs);
  EXPECT_EQ(board.root_device,
            rootfs == "gpt-dps" ? "PARTUUID" : "PARTLABEL=" + board.root_partition);
}

TEST(BoardTable, EveryBoardIsAsTheTableSays) {
  std::vector<std::string> names;
  for (const Row& row : rows()) {
    names.push_back(row.at("id"));
    SCOPED_TRACE(names.back());
    const Board board = find_board(row.at("id"));
    EXPECT_EQ(to_text(board.arch), row.at("arch"));
    EXPECT_EQ(board.soc, row.at("soc"));
    EXPECT_EQ(boot_of(board), row.at("boot"));
    if (!row.at("hdr_version").empty()) expect_android(board, row);
    EXPECT_EQ(fmt::format("{}", fmt::join(board.device_trees, " ")), row.at("dtb"));
    EXPECT_EQ(dtb_of(board), row.at("dtb_mode"));
    EXPECT_EQ(board.console, row.at("console"));
    expect_root(board, row.at("rootfs"));
    EXPECT_EQ(flash_of(board), row.at("flash"));
    EXPECT_EQ(board.flash.sparse ? "1" : "0", row.at("sparse"));
    EXPECT_EQ(slots_of(board), row.at("ab"));
    EXPECT_EQ(board.max_boot_bytes ? fmt::format("{}", *board.max_boot_bytes) : "",
              row.at("boot_part_max_bytes"));
    EXPECT_EQ(fmt::format("{}", board.disk.sector_bytes), row.at("sector"));
    EXPECT_FALSE(board.source.empty());
  }
  EXPECT_EQ(names.size(), 36u);
  for (const Board& board : all_boards()) {
    EXPECT_NE(std::find(names.begin(), names.end(), board.name), names.end()) << board.name;
  }
}

}  // namespace
}  // namespace builder
