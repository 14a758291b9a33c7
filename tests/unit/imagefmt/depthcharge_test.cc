// SPDX-License-Identifier: Apache-2.0
//
// The keys are those of Debian's vboot-kernel-utils, which everybody has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/depthcharge/kernel_partition.h"
#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt::depthcharge {
namespace {

using testing::StartsWith;
using tests::error_of;

const std::string kKeys = "/usr/share/vboot/devkeys/";

class KernelPartitionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_OR_SKIP(std::filesystem::exists(kKeys + "kernel.keyblock"), "vboot's developer keys");
    keys_ = {read_file(kKeys + "kernel.keyblock"), read_file(kKeys + "kernel_data_key.vbprivk")};
  }
  std::string refused(const Body& body, const SigningKeys& keys) const {
    return error_of([&] { serialize_kernel_partition(body, keys); });
  }
  SigningKeys keys_;
  const Body body_{.kernel = std::string(5000, 'k'), .command_line = "root=/dev/sda quiet"};
};

std::string padded(std::string text, size_t size) {
  text.resize(size);
  return text;
}

/// As much of a bzImage as is looked at: five sectors that run in 16 bits, and the rest.
std::string bzimage(uint32_t init_size, size_t size = 20000) {
  std::string image(size, '\x5a');
  auto put = [&](size_t place, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) image[place + i] = static_cast<char>(value >> (8 * i));
  };
  put(0x1f1, 4, 1);
  put(0x1fe, 0xaa55, 2);
  image.replace(0x202, 4, "HdrS");
  put(0x206, 0x20f, 2);
  put(0x258, 0x1000000, 8);
  put(0x260, init_size, 4);
  return image;
}

TEST_F(KernelPartitionTest, IsReadBackAsItWas) {
  const std::string bytes = serialize_kernel_partition(body_, keys_, 3);
  EXPECT_EQ(bytes.size(), 65536u + 8192 + 4096 + 4096 + 4096);
  const KernelPartition read = parse_kernel_partition(as_bytes(bytes + "behind it"));
  EXPECT_EQ(read.keyblock, keys_.keyblock);
  EXPECT_EQ(read.version, 3u);
  EXPECT_EQ(read.body, (Body{.kernel = padded(body_.kernel, 8192),
                             .command_line = body_.command_line,
                             .parameters = padded("", 4096),
                             .boot_loader = padded("", 4096)}));
}

TEST_F(KernelPartitionTest, HasTheBytesOfVbutilKernel) {
  REQUIRE_OR_SKIP(tests::can_run("vbutil_kernel"), "vbutil_kernel");
  const tests::TempDir folder;
  write_file(folder / "config", body_.command_line);
  write_file(folder / "loader", std::string(512, '\0'));
  auto packed = [&](const std::string& kernel, const char* arch) {
    write_file(folder / "kernel", kernel);
    tests::output_of(fmt::format(
        "cd {} && vbutil_kernel --pack out --keyblock {}kernel.keyblock --signprivate "
        "{}kernel_data_key.vbprivk --version 1 --arch {} --vmlinuz kernel --bootloader loader "
        "--config config",
        folder.path(), kKeys, kKeys, arch));
    return read_file(folder / "out");
  };
  EXPECT_TRUE(serialize_kernel_partition(body_, keys_) == packed(body_.kernel, "aarch64"));
  // Of a kernel that leaves room for an initrd before it.
  const std::string kernel = bzimage(0x2000000, 10 * 512 + 98304);
  Body body = split_bzimage(kernel, "k", "", body_.command_line);
  body.kernel.resize(kernel.size() - 5 * 512);
  const std::string expected = packed(kernel, "x86");
  const KernelPartition theirs = parse_kernel_partition(as_bytes(expected));
  EXPECT_EQ(body.vmlinuz_header, theirs.body.vmlinuz_header);
  // Where they put the command line behind the kernel, we left more room.
  body.parameters.replace(0x228, 4, theirs.body.parameters.substr(0x228, 4));
  EXPECT_EQ(body.parameters, theirs.body.parameters);
  EXPECT_TRUE(serialize_kernel_partition(body, keys_) == expected);
}

TEST_F(KernelPartitionTest, KernelsOfX86DoNotUnpackThemselvesOverTheInitrd) {
  const std::string initrd(9000, 'i');
  auto number = [](const Body& body, size_t place) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) {
      value |= uint32_t{static_cast<uint8_t>(body.parameters[place + i])} << (8 * i);
    }
    return value;
  };
  // Below the place where the kernel unpacks itself there is room.
  Body body = split_bzimage(bzimage(0x2000000), "k", initrd, "quiet");
  EXPECT_EQ(body.kernel.size(), 0x1d000u);  // 17,440 bytes and those of the unpacker
  EXPECT_EQ(body.boot_loader, initrd);
  EXPECT_EQ(number(body, 0x228), 0x100000u + 0x1d000);
  EXPECT_EQ(number(body, 0x218), 0x100000u + 0x1d000 + 0x2000);
  EXPECT_EQ(number(body, 0x21c), 9000u);
  const std::string bytes = serialize_kernel_partition(body, keys_);
  EXPECT_EQ(parse_kernel_partition(as_bytes(bytes)).body.boot_loader, padded(initrd, 12288));
  // And for a larger initrd there is none.
  body = split_bzimage(bzimage(0x2000000), "k", std::string(15 << 20, 'i'), "quiet");
  EXPECT_EQ(body.kernel.size(), 0x3000000u - 0x100000);
  EXPECT_EQ(number(body, 0x218), 0x3000000u + 0x2000);
}

TEST_F(KernelPartitionTest, RefusesKernelsThatAreNone) {
  auto refused = [](const std::string& kernel) {
    return error_of([&] { split_bzimage(kernel, "vmlinuz", "", ""); });
  };
  const std::string start = "cannot take 'vmlinuz' apart: ";
  EXPECT_EQ(refused("MZ"), start + "it is no bzImage: too short");
  std::string kernel = bzimage(1);
  kernel[0x202] = 'x';
  EXPECT_EQ(refused(kernel), start + "it is no bzImage: HdrS is not at 0x202");
  kernel = bzimage(1);
  kernel[0x206] = 9;
  EXPECT_EQ(refused(kernel), start + "its boot protocol is 2.09, expected 2.10 or later");
  EXPECT_EQ(refused(bzimage(0x50000000)),
            start +
                "it would unpack itself to 0x1000000 with 1342177280 bytes, expected a place "
                "between 0x100000 and 0x40000000");
  EXPECT_EQ(refused(bzimage(1, 2560)),
            start + "it has 2560 bytes, and 5 sectors alone that run in 16 bits");
}

TEST_F(KernelPartitionTest, RefusesWhatTheFirmwareCouldNotTake) {
  const std::string start = "cannot make a kernel partition: ";
  Body body = body_;
  body.command_line = std::string(4095, 'x');
  EXPECT_EQ(refused(body, keys_), "(no error)");
  body.command_line += 'x';
  EXPECT_EQ(refused(body, keys_),
            start + "the command line has 4096 bytes, at most 4095 are possible");
  body.command_line = "a\nb";
  body.kernel.clear();
  body.parameters = std::string(4097, 'x');
  EXPECT_EQ(refused(body, keys_), start + "the command line holds a NUL or a line's end\n" + start +
                                      "there is no kernel\n" + start +
                                      "the parameters have 4097 bytes, at most 4096 are possible");
  EXPECT_EQ(refused(body_, {"x", keys_.private_key}),
            start + "the keyblock: it ends at offset 1, expected 111 more bytes");
  EXPECT_EQ(refused(body_, {keys_.keyblock, "x"}),
            start + "the signing key: the private key ends at offset 1, expected 7 more bytes");
  EXPECT_EQ(refused(body_, {keys_.keyblock, std::string("\4\0\0\0\0\0\0\0x", 9)}),
            start + "the signing key: the private key is no RSA key in DER");
  std::string other = keys_.private_key;
  other[0] = 7;
  EXPECT_EQ(refused(body_, {keys_.keyblock, other}),
            start + "the signing key: the private key has 2048 bits, and its algorithm 4096");
  EXPECT_EQ(refused(body_, {keys_.keyblock, read_file(kKeys + "kernel_subkey.vbprivk")}),
            start + "the signing key is not the one that the keyblock names");
}

TEST_F(KernelPartitionTest, RefusesWhatIsDamaged) {
  const std::string good = serialize_kernel_partition(body_, keys_);
  auto refused_with = [&](size_t place) {
    std::string damaged = good;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    return error_of([&] { parse_kernel_partition(as_bytes(damaged)); });
  };
  const std::string start = "cannot read the kernel partition: ";
  EXPECT_EQ(refused_with(0), start + "the keyblock: it does not begin with CHROMEOS");
  EXPECT_EQ(refused_with(200), start + "the keyblock: its digest is not that of its bytes");
  const size_t preamble = keys_.keyblock.size();
  EXPECT_EQ(refused_with(preamble + 48),
            start + "the preamble's signature is not by the keyblock's key");
  EXPECT_EQ(refused_with(65536 + 100), start + "the body's signature is not by the keyblock's key");
  EXPECT_EQ(refused_with(preamble + 2),
            start + fmt::format("the preamble's header says {} bytes, and there are {}",
                                (65536 - preamble) ^ 65536, good.size() - preamble));
  // Every byte counts but those by which somebody signed the keyblock.
  for (size_t i = 0; i < preamble + 116 + 2 * 256; ++i) {
    if ((i >= 24 && i < 48) || (i >= 0x2b8 && i < preamble)) continue;
    EXPECT_THAT(refused_with(i), StartsWith(start)) << i;
  }
  EXPECT_EQ(error_of([&] { parse_kernel_partition(as_bytes(good.substr(0, good.size() - 1))); }),
            start + "a body of 20480 bytes, and there are 20479");
}

}  // namespace
}  // namespace imagefmt::depthcharge
