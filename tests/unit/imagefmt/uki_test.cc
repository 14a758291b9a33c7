// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uefi/uki.h"

#include <gtest/gtest.h>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/uefi/pe.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_executable.h"

namespace imagefmt::uefi {
namespace {

using tests::can_run;
using tests::error_of;
using tests::output_of;
using tests::TempDir;

/// Offsets in tests::tiny_executable().
constexpr size_t kCoff = tests::kTinyCoff, kOptional = kCoff + 24, kSections = kOptional + 240;

void put(Bytes& bytes, size_t offset, ByteView value) {
  std::ranges::copy(value, bytes.begin() + static_cast<ptrdiff_t>(offset));
}

Bytes executable(uint16_t machine = kMachineX86_64) {
  return tests::tiny_executable(machine);
}

TEST(PeExecutable, IsReadAndExtended) {
  const Bytes stub = executable();
  const Pe pe = parse_pe(stub, "stub");
  EXPECT_EQ(pe.machine, kMachineX86_64);
  EXPECT_EQ(pe.memory_bytes, 0x3000u);
  ASSERT_EQ(pe.sections.size(), 1u);
  EXPECT_EQ(as_text(pe.sections[0].bytes), "code of the stub");

  const std::string large(5000, 'x');
  const Bytes more = add_sections(
      stub, "stub", {{".one", as_bytes("1"), 0, false}, {".two", as_bytes(large), 9000, true}});
  const Pe extended = parse_pe(more, "more");
  ASSERT_EQ(extended.sections.size(), 3u);
  EXPECT_EQ(extended.sections[1].address, 0x2000u);
  EXPECT_EQ(as_text(find_section(extended, ".one")->bytes), "1");
  EXPECT_EQ(extended.sections[2].address, 0x3000u);
  EXPECT_EQ(extended.sections[2].size_bytes, 9000u);
  // Of it the file holds the last sector's rest too.
  EXPECT_EQ(as_text(find_section(extended, ".two")->bytes), large + std::string(120, '\0'));
  EXPECT_EQ(extended.memory_bytes, 0x6000u);
  EXPECT_EQ(find_section(extended, ".three"), nullptr);
}

TEST(PeExecutable, ASectionIsReplacedWhereItStands) {
  const Bytes replaced = add_sections(executable(), "stub", {{".text", as_bytes("new"), 0, false}});
  const Pe pe = parse_pe(replaced, "stub");
  ASSERT_EQ(pe.sections.size(), 1u);
  EXPECT_EQ(as_text(pe.sections[0].bytes), "new");
  const std::string large(513, 'x');
  EXPECT_EQ(
      error_of([&] {
        add_sections(executable(), "stub", {{".text", as_bytes(large), 0, false}});
      }),
      "cannot add sections to 'stub': its section '.text' has room for 512 bytes, expected 513");
}

TEST(PeExecutable, HostileOnes) {
  auto error_after = [](size_t offset, ByteView value) {
    Bytes bytes = executable();
    put(bytes, offset, value);
    return error_of([&] { parse_pe(bytes, "x"); });
  };
  EXPECT_EQ(error_of([&] { parse_pe(as_bytes("MZ"), "x"); }),
            "cannot read 'x': not a PE executable");
  EXPECT_EQ(error_after(0x3c, bytes_of(le32(0x7fffffff))), "cannot read 'x': not a PE executable");
  EXPECT_EQ(error_after(kCoff, as_bytes("NE")), "cannot read 'x': not a PE executable");
  EXPECT_EQ(error_after(kCoff + 20, bytes_of(le16(16))),
            "cannot read 'x': the optional header ends at offset 16, expected 96 more bytes");
  EXPECT_EQ(error_after(kCoff + 20, bytes_of(le16(65535))),
            "cannot read 'x': the PE header ends at offset 1408, expected 64151 more bytes");
  EXPECT_EQ(error_after(kOptional, bytes_of(le16(0x10b))),
            "cannot read 'x': its kind is 0x10b, expected PE32+ (0x20b)");
  EXPECT_EQ(error_after(kOptional + 0x20, bytes_of(le32(3))),
            "cannot read 'x': its alignments 3 and 512 are no powers of two");
  EXPECT_EQ(error_after(kCoff + 6, bytes_of(le16(97))),
            "cannot read 'x': it has 97 sections, more than 96");
  EXPECT_EQ(error_after(kSections + 20, bytes_of(le32(0xffffffff))),
            "cannot read 'x': section '.text' ends at 4294967807, behind the file's end at 1536");
  EXPECT_EQ(error_after(kSections + 20, bytes_of(le32(431))),
            "cannot read 'x': section '.text' starts at 431, inside of its headers, up to 432");
  Bytes twice = add_sections(executable(), "x", {{".two", as_bytes("2"), 0, false}});
  put(twice, kSections + 40 + 20, bytes_of(le32(1535)));
  EXPECT_EQ(
      error_of([&] { parse_pe(twice, "x"); }),
      "cannot read 'x': section '.two' starts at 1535, inside of section '.text', up to 1536");
}

TEST(PeExecutable, WhatCannotBeExtended) {
  auto error_with = [](const Bytes& bytes, NewSection section) {
    return error_of([&] { add_sections(bytes, "x", {std::move(section)}); });
  };
  Bytes signed_one = executable();
  put(signed_one, kOptional + 112 + 4 * 8, bytes_of(le64(0x1000000400)));
  EXPECT_EQ(error_with(signed_one, {".a", {}, 0, false}),
            "cannot add sections to 'x': it is signed");
  EXPECT_EQ(error_with(executable(), {"ninechars", {}, 0, false}),
            "cannot add sections to 'x': the name 'ninechars' has 9 bytes, expected 1 to 8");
  EXPECT_EQ(error_with(executable(), {".a", {}, 0x7fffffff, false}),
            "cannot add sections to 'x': section '.a' of 2147483647 bytes ends behind 2147483647");
  Bytes tight = executable();
  put(tight, kOptional + 0x3c, bytes_of(le32(kSections + 40)));
  EXPECT_EQ(error_with(tight, {".a", {}, 0, false}),
            "cannot add sections to 'x': its headers have room for 432 bytes, 472 are needed for 2 "
            "sections");
}

Uki uki_of(const Bytes& stub, const Bytes& kernel) {
  Uki uki;
  uki.stub = {"stub", stub};
  uki.kernel = {"kernel", kernel};
  uki.initrds = {{"one", as_bytes("12345")}, {"two", as_bytes("678")}};
  uki.command_line = "console=ttyS0 lsm=selinux";
  uki.os_release = "ID=nixos\n";
  uki.kernel_release = "6.1.0";
  return uki;
}

TEST(UnifiedKernelImage, WhatIsWrittenIsReadBack) {
  const Bytes stub = executable(), kernel = executable();
  const Bytes image = serialize_uki(uki_of(stub, kernel));
  const UkiSections sections = parse_uki(image, "uki");
  EXPECT_EQ(sections.machine, kMachineX86_64);
  EXPECT_EQ(as_text(sections.kernel), as_text(kernel));
  EXPECT_EQ(as_text(sections.initrd), std::string("12345") + std::string(3, '\0') + "678");
  EXPECT_EQ(sections.command_line, "console=ttyS0 lsm=selinux");
  EXPECT_EQ(sections.os_release, "ID=nixos\n");
  EXPECT_EQ(sections.kernel_release, "6.1.0");
  EXPECT_TRUE(sections.devicetree.empty());
  // What a loader sets aside for the kernel is as much as the kernel asks for.
  EXPECT_EQ(find_section(parse_pe(image, "uki"), ".linux")->size_bytes, 0x3000u);
}

TEST(UnifiedKernelImage, Mistakes) {
  const Bytes stub = executable(), kernel = executable(kMachineAarch64);
  EXPECT_EQ(
      error_of([&] { serialize_uki(uki_of(stub, kernel)); }),
      "cannot make a unified kernel image: 'kernel' is for machine 0xaa64, 'stub' for 0x8664");
  EXPECT_EQ(error_of([&] { serialize_uki(uki_of(stub, Bytes(100))); }),
            "cannot make a unified kernel image: cannot read 'kernel': not a PE executable");
  EXPECT_EQ(error_of([&] { parse_uki(stub, "uki"); }),
            "cannot read 'uki': it has no section '.linux'");
}

TEST(UnifiedKernelImage, OracleObjdump) {
  const std::string stub_file = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
  REQUIRE_OR_SKIP(can_run("objdump") && can_run("objcopy") && access(stub_file.c_str(), R_OK) == 0,
                  "objdump or systemd's stub");
  const std::string text = read_file(stub_file);
  const Bytes stub(text.begin(), text.end()), kernel = executable();
  TempDir folder;
  const std::string image = folder / "uki";
  write_file(image, as_text(serialize_uki(uki_of(stub, kernel))));
  const std::string headers = output_of("objdump -h " + image);
  for (const char* name : {".text", ".osrel", ".cmdline", ".uname", ".initrd", ".linux"}) {
    EXPECT_NE(headers.find(name), std::string::npos) << headers;
  }
  for (const auto& [name, expected] :
       {std::pair<std::string, std::string>(".cmdline", "console=ttyS0 lsm=selinux"),
        {".uname", "6.1.0"},
        {".osrel", "ID=nixos\n"}}) {
    output_of(fmt::format("objcopy --dump-section {}={} {} {}", name, folder / "part", image,
                          folder / "copy"));
    EXPECT_EQ(read_file(folder / "part").substr(0, expected.size()), expected);
  }
}

}  // namespace
}  // namespace imagefmt::uefi
