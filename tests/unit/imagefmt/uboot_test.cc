// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/file.h"
#include "imagefmt/uboot/fit.h"
#include "imagefmt/uboot/script.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt::uboot {
namespace {

using testing::ElementsAre;
using tests::error_of;

const Script kScript{.text = "echo hello\nbooti\n", .name = "a system", .time = 1234567890};

TEST(UbootScript, IsReadBackAsItWas) {
  EXPECT_EQ(parse_script(as_bytes(serialize_script(kScript))), kScript);
  Script longest = kScript;
  longest.name = std::string(32, 'n');
  longest.arch = kArchX86_64;
  EXPECT_EQ(parse_script(as_bytes(serialize_script(longest) + "behind it")), longest);
}

TEST(UbootScript, HasTheBytesOfMkimage) {
  REQUIRE_OR_SKIP(tests::can_run("mkimage"), "mkimage");
  const tests::TempDir folder;
  for (const size_t size : {1u, 2u, 3u, 4u, 5u, 4096u, 70001u}) {
    Script script = kScript;
    script.text = std::string(size, 'x');
    write_file(folder / "text", script.text);
    tests::output_of(fmt::format(
        "cd {} && SOURCE_DATE_EPOCH={} mkimage -C none -A arm64 -T script -n '{}' -d text out",
        folder.path(), script.time, script.name));
    EXPECT_EQ(serialize_script(script), read_file(folder / "out")) << size;
  }
}

TEST(UbootScript, RefusesWhatTheFormatCannotHold) {
  auto refused = [](const Script& script) { return error_of([&] { serialize_script(script); }); };
  EXPECT_EQ(refused({.text = "x", .name = std::string(33, 'n')}),
            "cannot make a U-Boot script: its name has 33 bytes, at most 32 are possible");
  EXPECT_EQ(refused({.text = {}}), "cannot make a U-Boot script: it has no text");
  EXPECT_EQ(refused({.text = std::string("a\0b", 3), .name = std::string("a\0b", 3)}),
            "cannot make a U-Boot script: its name holds a NUL\n"
            "cannot make a U-Boot script: its text holds a NUL");
}

TEST(UbootScript, RefusesWhatIsDamaged) {
  const std::string good = serialize_script(kScript);
  auto refused = [](const std::string& bytes) {
    return error_of([&] { parse_script(as_bytes(bytes)); });
  };
  const std::string start = "cannot read the U-Boot script: ";
  EXPECT_EQ(refused(good.substr(0, 63)),
            start + "the image ends at offset 63, expected 1 more bytes");
  EXPECT_EQ(refused(good.substr(0, good.size() - 1)),
            start + "the image ends at offset 88, expected 1 more bytes");
  EXPECT_EQ(refused("x" + good.substr(1)),
            start + "the magic number is 0x78051956, expected 0x27051956");
  // Every bit of it counts.
  for (size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_THAT(refused(damaged), testing::StartsWith(start)) << i;
  }
}

Fit sample_fit() {
  Fit fit;
  fit.description = "a system";
  fit.time = 7;
  fit.images = {{.name = "kernel-1",
                 .description = "kernel",
                 .type = "kernel",
                 .arch = "arm64",
                 .os = "linux",
                 .compression = "lzma",
                 .data = std::string(5001, 'k'),
                 .load = 0x80000,
                 .entry = 0x80000},
                {.name = "fdt-1",
                 .description = "one",
                 .type = "flat_dt",
                 .arch = "arm64",
                 .data = "device tree"},
                {.name = "ramdisk-1",
                 .description = "initrd",
                 .type = "ramdisk",
                 .arch = "arm64",
                 .os = "linux",
                 .data = std::string("\0\1\2", 3)}};
  fit.configurations = {{.name = "conf-1",
                         .kernel = "kernel-1",
                         .device_tree = "fdt-1",
                         .ramdisk = "ramdisk-1",
                         .compatible = {"maker,board-rev2", "maker,board"}},
                        {.name = "conf-2", .kernel = "kernel-1"}};
  fit.default_configuration = "conf-1";
  return fit;
}

TEST(Fit, IsReadBackAsItWas) {
  const Fit fit = sample_fit();
  EXPECT_EQ(parse_fit(as_bytes(serialize_fit(fit))), fit);
  EXPECT_EQ(parse_fit(as_bytes(serialize_fit(fit) + "behind it")), fit);
}

TEST(Fit, IsWhatMkimageMakesOfTheSameSource) {
  REQUIRE_OR_SKIP(tests::can_run("mkimage") && tests::can_run("dtc"), "mkimage, dtc");
  const tests::TempDir folder;
  const Fit fit = sample_fit();
  for (const FitImage& image : fit.images) write_file(folder / image.name, image.data);
  auto source_of = [](const FitImage& image, const std::string& more) {
    return fmt::format(
        "{0} {{ description = \"{1}\"; data = /incbin/(\"{0}\"); type = \"{2}\"; arch = "
        "\"arm64\"; compression = \"{3}\"; {4} hash-1 {{ algo = \"sha256\"; }}; hash-2 {{ algo "
        "= \"crc32\"; }}; }};\n",
        image.name, image.description, image.type, image.compression, more);
  };
  write_file(folder / "source.its",
             "/dts-v1/; / { description = \"a system\"; #address-cells = <1>; images {\n" +
                 source_of(fit.images[0], "os = \"linux\"; load = <0x80000>; entry = <0x80000>;") +
                 source_of(fit.images[1], "") + source_of(fit.images[2], "os = \"linux\";") +
                 "}; configurations { default = \"conf-1\";\n"
                 "conf-1 { kernel = \"kernel-1\"; fdt = \"fdt-1\"; ramdisk = \"ramdisk-1\"; "
                 "compatible = \"maker,board-rev2\", \"maker,board\"; };\n"
                 "conf-2 { kernel = \"kernel-1\"; }; }; };\n");
  tests::output_of("cd " + folder.path() + " && SOURCE_DATE_EPOCH=7 mkimage -f source.its made");
  EXPECT_EQ(parse_fit(as_bytes(read_file(folder / "made"))), fit);
}

TEST(Fit, RefusesWhatContradictsItself) {
  auto refused = [](const Fit& fit) { return error_of([&] { serialize_fit(fit); }); };
  const std::string start = "cannot make a FIT image: ";
  Fit fit = sample_fit();
  fit.images[1].name = "kernel-1";
  EXPECT_EQ(refused(fit), start + "the name 'kernel-1' is there twice\n" + start +
                              "configuration 'conf-1' names the image 'fdt-1', which is not there");
  fit = sample_fit();
  fit.images[0].name = "a b";
  fit.configurations.clear();
  EXPECT_EQ(refused(fit), start + "'a b' is no name of a node\n" + start +
                              "its default configuration 'conf-1' is not there");
  fit = sample_fit();
  fit.images[2].data.clear();
  fit.images[2].os = std::string("\0", 1);
  fit.configurations[0].device_tree = "ramdisk-1";
  fit.configurations[1].kernel.clear();
  EXPECT_EQ(refused(fit),
            start + "image 'ramdisk-1' has a text with a NUL\n" + start +
                "image 'ramdisk-1' has no data\n" + start +
                "configuration 'conf-1' wants a flat_dt, and image 'ramdisk-1' is a ramdisk\n" +
                start + "configuration 'conf-2' has no kernel");
}

TEST(Fit, RefusesWhatIsDamaged) {
  const std::string good = serialize_fit(sample_fit());
  auto refused = [](const std::string& bytes) {
    return error_of([&] { parse_fit(as_bytes(bytes)); });
  };
  const std::string start = "cannot read the FIT image: ";
  EXPECT_EQ(refused("short"), start + "it has 5 bytes, fewer than a header's");
  EXPECT_EQ(refused(std::string(100, 'x')), start + "its header: FDT_ERR_BADMAGIC");
  EXPECT_EQ(
      refused(good.substr(0, good.size() - 1)),
      start + fmt::format("its header says {} bytes, and it has {}", good.size(), good.size() - 1));
  std::string damaged = good;
  damaged[23] = 16;
  EXPECT_EQ(refused(damaged), start + "its header has version 16, expected 17 or newer");
  // Of the first property of the root: libfdt would find itself at its start again.
  Cursor header(as_bytes(good), "header");
  header.take(8);
  const uint32_t structure = header.take_struct<be32>();
  header.take(24);
  const uint32_t size = header.take_struct<be32>();
  damaged = good;
  damaged.replace(structure + 12, 4, "\xff\xff\xff\xf4");
  EXPECT_EQ(refused(damaged),
            start + fmt::format("its structure ends at offset {}, expected {} more bytes", size,
                                0xfffffff4 - (size - 20)));
  damaged = good;
  damaged[good.find("kkkk")] = 'x';
  EXPECT_THAT(refused(damaged),
              testing::StartsWith(start + "image 'kernel-1': hash-1: its value is "));
  damaged = good;
  damaged.replace(damaged.find("sha256"), 6, "sha999");
  EXPECT_EQ(refused(damaged), start +
                                  "image 'kernel-1': hash-1: a hash of the kind 'sha999', "
                                  "expected sha256 or crc32");
  damaged = good;
  damaged.replace(damaged.find("configurations"), 14, "configuratiens");
  EXPECT_EQ(refused(damaged), start + "there is no node /configurations");
}

TEST(Fit, ADeviceTreeSaysWhatItIsFor) {
  REQUIRE_OR_SKIP(tests::can_run("dtc"), "dtc");
  const tests::TempDir folder;
  auto compile = [&](const std::string& text) {
    write_file(folder / "x.dts", "/dts-v1/; / { " + text + " };");
    tests::output_of("cd " + folder.path() + " && dtc -q -O dtb -o x.dtb x.dts");
    return read_file(folder / "x.dtb");
  };
  EXPECT_THAT(compatible_of_device_tree(as_bytes(compile("compatible = \"a,b\", \"a,c\";"))),
              ElementsAre("a,b", "a,c"));
  EXPECT_EQ(error_of([&] { compatible_of_device_tree(as_bytes(compile(""))); }),
            "cannot read the device tree: it does not say what machine it is for");
  EXPECT_EQ(error_of([&] { compatible_of_device_tree(as_bytes(compile("compatible = [61];"))); }),
            "cannot read the device tree: 'compatible' of node '' does not end in a NUL");
}

}  // namespace
}  // namespace imagefmt::uboot
