// SPDX-License-Identifier: Apache-2.0
//
// Boot images against the layouts of AOSP's bootimg.h, written out by hand here; tests/oracle/bootimg
// compares those that Debian's mkbootimg makes too.
#include "imagefmt/android/boot_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "imagefmt/base/digest.h"
#include "imagefmt/base/endian.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

/// `size` bytes, 0 but for what put() set.
class Expected {
 public:
  explicit Expected(size_t size) : bytes_(size, '\0') {}
  Expected& put(size_t offset, std::string_view text) {
    bytes_.replace(offset, text.size(), text);
    return *this;
  }
  Expected& put32(size_t offset, uint32_t value) {
    const le32 field = value;
    return put(offset, {reinterpret_cast<const char*>(&field), sizeof field});
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Where they differ first, so that a failure does not print two images.
void expect_equal(const std::string& found, const std::string& expected) {
  ASSERT_EQ(found.size(), expected.size());
  auto [a, b] = std::mismatch(found.begin(), found.end(), expected.begin());
  EXPECT_EQ(a, found.end()) << "differs at offset " << a - found.begin() << ": "
                            << int{static_cast<uint8_t>(*a)} << ", expected "
                            << int{static_cast<uint8_t>(*b)};
}

BootImage version_0() {
  BootImage image;
  image.page_size = 2048;
  image.kernel = std::string(3000, 'k');
  image.ramdisk = std::string(2048, 'r');
  image.second = "s";
  image.kernel_address = 0x80008000;
  image.ramdisk_address = 0x81000000;
  image.second_address = 0x80f00000;
  image.tags_address = 0x80000100;
  image.os_version = pack_os_version("11.2.3", "2021-10-05");
  image.name = "potter";
  image.cmdline = std::string(511, 'a') + std::string(1023, 'b');
  return image;
}
BootImage version_2() {
  BootImage image = version_0();
  image.header_version = 2;
  image.page_size = 4096;
  image.recovery_dtbo = std::string(5000, 'o');
  image.dtb = std::string(4097, 'd');
  image.dtb_address = 0x181f00000;
  return image;
}
BootImage version_4() {
  BootImage image;
  image.header_version = 4;
  image.kernel = std::string(5000, 'k');
  image.ramdisk = "r";
  image.os_version = pack_os_version("13", "2022-09");
  image.cmdline = std::string(1535, 'c');
  return image;
}
VendorBootImage vendor_4() {
  VendorBootImage image;
  image.header_version = 4;
  image.page_size = 2048;
  image.ramdisks = {{.bytes = std::string(3000, 'p'), .type = 1},
                    {.bytes = "dd", .type = 3, .name = "dlkm"}};
  image.ramdisks[1].board_id[15] = 0xdeadbeef;
  image.dtb = std::string(100, 'd');
  image.bootconfig = "androidboot.x=1\n";
  image.kernel_address = 0x10008000;
  image.ramdisk_address = 0x11000000;
  image.tags_address = 0x10000100;
  image.dtb_address = 0x11f00000;
  image.name = "oriole";
  image.cmdline = std::string(2047, 'v');
  return image;
}
VendorBootImage vendor_3() {
  VendorBootImage image = vendor_4();
  image.header_version = 3;
  image.ramdisks = {{.bytes = std::string(3000, 'p')}};
  image.bootconfig.clear();
  return image;
}

std::string serialize(const AnyBootImage& image) {
  if (const auto* boot = std::get_if<BootImage>(&image)) return serialize_boot_image(*boot);
  return serialize_vendor_boot_image(std::get<VendorBootImage>(image));
}

std::string hex_id(const BootImage& image) {
  return to_hex(boot_image_id(image));
}

TEST(BootImage, Version0IsLaidOutAsInTheHeader) {
  const BootImage image = version_0();
  Expected expected(4 * 2048 + 2048);
  expected.put(0, "ANDROID!").put32(8, 3000).put32(12, 0x80008000).put32(16, 2048);
  expected.put32(20, 0x81000000).put32(24, 1).put32(28, 0x80f00000).put32(32, 0x80000100);
  expected.put32(36, 2048).put32(40, 0);
  expected.put32(44, 11u << 25 | 2 << 18 | 3 << 11 | 21 << 4 | 10);
  expected.put(48, "potter").put(64, std::string(511, 'a')).put(608, std::string(1023, 'b'));
  const auto id = boot_image_id(image);
  expected.put(576, as_text(id));
  expected.put(2048, image.kernel).put(3 * 2048, image.ramdisk).put(4 * 2048, "s");
  expect_equal(serialize_boot_image(image), expected.bytes());
}

TEST(BootImage, TheIdIsOfAllPartsAndTheirSizes) {
  // printf 'abc\3\0\0\0\0\0\0\0\0\0\0\0' | sha1sum, and so on.
  BootImage image;
  image.kernel = "abc";
  EXPECT_EQ(hex_id(image), "9c983dd51ef1292b1d93667ab5595932e2aea188000000000000000000000000");
  image.header_version = 1;
  EXPECT_EQ(hex_id(image), "7e2cba02ff8601587704bacd713b685ed3eb8d4c000000000000000000000000");
  image.header_version = 2;
  image.dtb = "d";
  EXPECT_EQ(hex_id(image), "eb82cb74676c2eb0fb4c0a3c9430b2f432ea36f6000000000000000000000000");
}

TEST(BootImage, Version1And2AppendTheirFields) {
  BootImage image = version_2();
  const auto id = boot_image_id(image);
  Expected expected(4096 * (1 + 1 + 1 + 1 + 2 + 2));
  expected.put(0, "ANDROID!").put32(8, 3000).put32(12, 0x80008000).put32(16, 2048);
  expected.put32(20, 0x81000000).put32(24, 1).put32(28, 0x80f00000).put32(32, 0x80000100);
  expected.put32(36, 4096).put32(40, 2).put32(44, image.os_version);
  expected.put(48, "potter").put(64, std::string(511, 'a')).put(608, std::string(1023, 'b'));
  expected.put(576, as_text(id));
  expected.put32(0x660, 5000).put32(0x664, 4 * 4096).put32(0x66c, 1660);
  expected.put32(0x670, 4097).put32(0x674, 0x81f00000).put32(0x678, 1);
  expected.put(4096, image.kernel).put(2 * 4096, image.ramdisk).put(3 * 4096, "s");
  expected.put(4 * 4096, image.recovery_dtbo).put(6 * 4096, image.dtb);
  expect_equal(serialize_boot_image(image), expected.bytes());

  image.header_version = 1;
  image.dtb.clear();
  image.dtb_address = 0;
  const auto id_1 = boot_image_id(image);
  std::string bytes = expected.bytes().substr(0, 6 * 4096);
  bytes.replace(576, 32, as_text(id_1));
  bytes.replace(0x670, 12, 12, '\0');
  bytes[0x28] = 1;
  bytes[0x66c] = static_cast<char>(1648 & 255);
  expect_equal(serialize_boot_image(image), bytes);
}

TEST(BootImage, AShortCommandLineEndsInItsFirstField) {
  for (size_t length : {0u, 510u, 511u, 512u}) {
    BootImage image = version_0();
    image.cmdline = std::string(length, 'x');
    const std::string bytes = serialize_boot_image(image);
    EXPECT_EQ(bytes.substr(64, 512), std::string(std::min<size_t>(length, 511), 'x') +
                                         std::string(512 - std::min<size_t>(length, 511), '\0'));
    EXPECT_EQ(bytes[608], length == 512 ? 'x' : '\0');
  }
}

TEST(BootImage, Version3And4HaveOneCommandLineAndPagesOf4096) {
  BootImage image = version_4();
  Expected expected(4 * 4096);
  expected.put(0, "ANDROID!").put32(8, 5000).put32(12, 1).put32(16, 13u << 25 | 22 << 4 | 9);
  expected.put32(20, 1584).put32(40, 4).put(44, image.cmdline);
  expected.put(4096, image.kernel).put(3 * 4096, "r");
  expect_equal(serialize_boot_image(image), expected.bytes());

  image.header_version = 3;
  expected.put32(20, 1580).put32(40, 3);
  expect_equal(serialize_boot_image(image), expected.bytes());

  image.header_version = 4;
  image.signature = std::string(4096, 'S');
  Expected signed_image(5 * 4096);
  signed_image.put(0, expected.bytes()).put32(20, 1584).put32(40, 4).put32(1580, 4096);
  signed_image.put(4 * 4096, image.signature);
  expect_equal(serialize_boot_image(image), signed_image.bytes());
}

TEST(BootImage, VendorBootHoldsWhatTheDeviceDecides) {
  const VendorBootImage image = vendor_3();
  Expected expected(4096 + 2 * 2048 + 2048);
  expected.put(0, "VNDRBOOT").put32(8, 3).put32(12, 2048).put32(16, 0x10008000);
  expected.put32(20, 0x11000000).put32(24, 3000).put(28, image.cmdline).put32(2076, 0x10000100);
  expected.put(2080, "oriole").put32(2096, 2112).put32(2100, 100).put32(2104, 0x11f00000);
  expected.put(4096, image.ramdisks[0].bytes).put(4 * 2048, image.dtb);
  expect_equal(serialize_vendor_boot_image(image), expected.bytes());
}

TEST(BootImage, VendorBoot4HasATableOfRamdisksAndABootconfig) {
  const VendorBootImage image = vendor_4();
  Expected expected(4096 + 2 * 2048 + 3 * 2048);
  expected.put(0, "VNDRBOOT").put32(8, 4).put32(12, 2048).put32(16, 0x10008000);
  expected.put32(20, 0x11000000).put32(24, 3002).put(28, image.cmdline).put32(2076, 0x10000100);
  expected.put(2080, "oriole").put32(2096, 2128).put32(2100, 100).put32(2104, 0x11f00000);
  expected.put32(0x840, 216).put32(0x844, 2).put32(0x848, 108).put32(0x84c, 16);
  expected.put(4096, image.ramdisks[0].bytes).put(4096 + 3000, "dd");  // not padded in between
  expected.put(4 * 2048, image.dtb);
  expected.put32(5 * 2048, 3000).put32(5 * 2048 + 8, 1);
  const size_t second = 5 * 2048 + 108;
  expected.put32(second, 2).put32(second + 4, 3000).put32(second + 8, 3).put(second + 12, "dlkm");
  expected.put32(second + 44 + 60, 0xdeadbeef);
  expected.put(6 * 2048, "androidboot.x=1\n");
  expect_equal(serialize_vendor_boot_image(image), expected.bytes());
}

/// Any value within the limits.
AnyBootImage random_image(std::mt19937_64& random) {
  auto below = [&](uint64_t end) { return random() % end; };
  auto bytes = [&](size_t most) {
    std::string part(below(2) ? below(most) : 4096 * below(4), '\0');
    for (char& c : part) c = static_cast<char>(random());
    return part;
  };
  auto text = [&](size_t most) {
    std::string part(below(4) ? below(most + 1) : most, '\0');
    for (char& c : part) c = static_cast<char>(1 + below(255));
    return part;
  };
  auto address = [&](unsigned slot, const std::string& part) {
    return part.empty() ? 0 : static_cast<uint32_t>(slot << 24 | below(1 << 20));
  };
  const uint32_t page_size = 2048u << below(4);
  if (below(3) == 0) {
    VendorBootImage image;
    image.header_version = static_cast<uint32_t>(3 + below(2));
    image.page_size = page_size;
    const size_t count = image.header_version == 3 ? 1 : below(5);
    for (size_t i = 0; i < count; ++i) {
      VendorRamdisk ramdisk{.bytes = bytes(10000)};
      if (image.header_version == 4) {
        ramdisk.type = static_cast<uint32_t>(random());
        ramdisk.name = static_cast<char>('a' + i) + text(30);
        for (uint32_t& word : ramdisk.board_id) word = static_cast<uint32_t>(random());
      }
      image.ramdisks.push_back(std::move(ramdisk));
    }
    if (image.header_version == 4) image.bootconfig = bytes(3000);
    image.dtb = bytes(10000);
    image.kernel_address = 0x01000000;
    image.tags_address = 0x02000000;
    image.ramdisk_address = 0x03000000;
    image.dtb_address = 0x500000000;
    image.name = text(15);
    image.cmdline = text(2047);
    return image;
  }
  BootImage image;
  image.header_version = static_cast<uint32_t>(below(5));
  image.kernel = bytes(20000);
  image.ramdisk = bytes(20000);
  image.os_version = static_cast<uint32_t>(random());
  image.cmdline = text(max_boot_cmdline_bytes(image.header_version));
  if (image.header_version == 4) image.signature = bytes(4096);
  if (image.header_version > 2) return image;
  image.page_size = page_size;
  image.second = bytes(5000);
  if (image.header_version > 0) image.recovery_dtbo = bytes(5000);
  if (image.header_version > 1) image.dtb = bytes(5000) + 'd';
  image.kernel_address = address(1, "k");
  image.ramdisk_address = address(2, image.ramdisk);
  image.second_address = address(3, image.second);
  image.tags_address = address(4, "t");
  image.dtb_address = address(5, image.dtb);
  image.name = text(15);
  return image;
}

TEST(BootImage, ReadsBackWhatItWrote) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 400; ++i) {
    const AnyBootImage image = random_image(random);
    std::string bytes = serialize(image);
    const size_t size = bytes.size();
    if (i % 2) bytes += "what else the partition holds";
    Faults faults;
    const ParsedBootImage parsed = parse_boot_image(as_bytes(bytes), faults);
    EXPECT_THAT(faults.messages(), IsEmpty());
    EXPECT_EQ(parsed.size_bytes, size);
    EXPECT_TRUE(parsed.image == image) << "image " << i;
  }
}

TEST(BootImage, EndsInOneErrorOrAValueWhateverTheBytes) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = serialize(random_image(random));
    for (uint64_t changes = random() % 4; changes != 0; --changes) {
      bytes[random() % std::min<size_t>(bytes.size(), 2200)] = static_cast<char>(random());
    }
    if (random() % 2) bytes.resize(random() % bytes.size());
    try {
      Faults faults;
      const ParsedBootImage parsed = parse_boot_image(as_bytes(bytes), faults);
      if (faults.empty()) {
        EXPECT_TRUE(serialize(parsed.image) == bytes.substr(0, parsed.size_bytes)) << "image " << i;
      }
    } catch (const Error&) {
    }
  }
}

TEST(BootImage, RefusesWhatTheFormatCannotHold) {
  struct Case {
    const char* what;
    AnyBootImage image;
    std::string message;
  };
  auto boot = [](BootImage image, auto change) {
    change(image);
    return AnyBootImage(image);
  };
  auto vendor = [](VendorBootImage image, auto change) {
    change(image);
    return AnyBootImage(image);
  };
  const Case kCases[] = {
      {"version", boot(version_0(), [](auto& image) { image.header_version = 5; }),
       "header version 5, expected 0 to 4"},
      {"command line of version 0",
       boot(version_0(), [](auto& image) { image.cmdline = std::string(1535, 'x'); }),
       "the command line has 1535 bytes, header version 0 takes at most 1534"},
      {"command line of version 4",
       boot(version_4(), [](auto& image) { image.cmdline = std::string(1536, 'x'); }),
       "the command line has 1536 bytes, header version 4 takes at most 1535"},
      {"NUL", boot(version_0(), [](auto& image) { image.cmdline = std::string("a\0b", 3); }),
       "the command line holds a NUL"},
      {"name", boot(version_0(), [](auto& image) { image.name = "0123456789abcdef"; }),
       "the board's name has 16 bytes, header version 0 takes at most 15"},
      {"page size", boot(version_0(), [](auto& image) { image.page_size = 131072; }),
       "page size 131072, expected 2048, 4096, 8192 or 16384"},
      {"page size of version 4", boot(version_4(), [](auto& image) { image.page_size = 2048; }),
       "page size 2048, expected 4096"},
      {"second stage of version 4", boot(version_4(), [](auto& image) { image.second = "s"; }),
       "header version 4 has no place for a second stage"},
      {"all that version 4 has not",
       boot(version_4(),
            [](auto& image) {
              image.recovery_dtbo = "o";
              image.dtb = "d";
              image.name = "n";
              image.tags_address = 1;
            }),
       "header version 4 has no place for a recovery DTBO\n"
       "header version 4 has no place for a device tree\n"
       "header version 4 has no place for a board's name\n"
       "header version 4 has no place for addresses"},
      {"all that version 0 has not",
       boot(version_0(),
            [](auto& image) {
              image.recovery_dtbo = "o";
              image.dtb = "d";
              image.dtb_address = 0x80f00000;
              image.signature = "s";
            }),
       "header version 0 has no place for a recovery DTBO\n"
       "header version 0 has no place for a device tree\n"
       "header version 0 has no place for a device tree's address\n"
       "header version 0 has no place for a signature\n"
       "second stage (0x80f00000 to 0x80f00000) and device tree (0x80f00000 to 0x80f00000) would "
       "be "
       "loaded over each other"},
      {"no device tree in version 2", boot(version_2(), [](auto& image) { image.dtb.clear(); }),
       "header version 2 must have a device tree, and there is none"},
      {"address of nothing", boot(version_0(), [](auto& image) { image.second.clear(); }),
       "an address for a second stage that is absent"},
      {"overlap",
       boot(version_0(),
            [](auto& image) { image.kernel = std::string(0xf00000 - 0x8000 + 1, 'k'); }),
       "kernel (0x80008000 to 0x80f00000) and second stage (0x80f00000 to 0x80f00000) would be "
       "loaded over each other"},
      {"tags in the kernel",
       boot(version_0(), [](auto& image) { image.tags_address = 0x80008bb7; }),
       "kernel (0x80008000 to 0x80008bb7) and tags (0x80008bb7 to 0x80008bb7) would be loaded over "
       "each other"},
      {"beyond 32 bits", boot(version_0(), [](auto& image) { image.ramdisk_address = 0xfffff801; }),
       "ramdisk would be loaded to 0xfffff801 with 2048 bytes, beyond 0xffffffff"},
      {"vendor boot of version 2",
       vendor(vendor_3(), [](auto& image) { image.header_version = 2; }),
       "header version 2 of a vendor boot image, expected 3 or 4"},
      {"vendor command line",
       vendor(vendor_4(), [](auto& image) { image.cmdline = std::string(2048, 'v'); }),
       "the vendor command line has 2048 bytes, header version 4 takes at most 2047"},
      {"no vendor ramdisk", vendor(vendor_3(), [](auto& image) { image.ramdisks.clear(); }),
       "header version 3 must have one vendor ramdisk, and there are 0"},
      {"version 3 with what is of 4",
       vendor(vendor_3(),
              [](auto& image) {
                image.bootconfig = "x=1\n";
                image.ramdisks[0].name = "x";
              }),
       "header version 3 has no place for a bootconfig\n"
       "header version 3 has no place for a vendor ramdisk's type, name and board id"},
      {"names of ramdisks",
       vendor(vendor_4(),
              [](auto& image) {
                image.ramdisks[0].name = "default";
                image.ramdisks.push_back({.bytes = "x", .name = "dlkm"});
                image.ramdisks.push_back({.name = std::string(32, 'n')});
              }),
       "a vendor ramdisk must not be named 'default'\n"
       "two vendor ramdisks have the name 'dlkm'\n"
       "the vendor ramdisk's name '" +
           std::string(32, 'n') + "' has 32 bytes, header version 4 takes at most 31"},
      {"vendor ramdisk over the device tree",
       vendor(vendor_4(), [](auto& image) { image.dtb_address = 0x11000001; }),
       "ramdisk (0x11000000 to 0x11000bb9) and device tree (0x11000001 to 0x11000064) would be "
       "loaded over each other"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(error_of([&] { serialize(c.image); }), c.message) << c.what;
  }
}

TEST(BootImage, TakesNoMoreThanThereIs) {
  struct Case {
    const char* what;
    std::string bytes, message;
  };
  auto with = [](const AnyBootImage& image, size_t offset, uint32_t value) {
    std::string bytes = serialize(image);
    const le32 field = value;
    std::memcpy(bytes.data() + offset, &field, sizeof field);
    return bytes;
  };
  const std::string good = serialize(version_2());
  const Case kCases[] = {
      {"nothing", "",
       "neither a boot image nor a vendor boot image: it begins with neither ANDROID! nor "
       "VNDRBOOT"},
      {"short", good.substr(0, 40), "the header ends at offset 40, expected 4 more bytes"},
      {"short header", good.substr(0, 1000),
       "the header ends at offset 1000, expected 660 more bytes"},
      {"version", with(version_0(), 40, 0x1000), "header version 4096, expected 0 to 4"},
      {"page size", with(version_0(), 36, 0), "page size 0, expected 2048, 4096, 8192 or 16384"},
      {"kernel", with(version_0(), 8, 0xffffffff),
       "the kernel of 4294967295 bytes at offset 2048 reaches beyond the image's 10240 bytes"},
      {"last part", good.substr(0, good.size() - 4096),
       "the device tree of 4097 bytes at offset 24576 reaches beyond the image's 28672 bytes"},
      {"signature", with(version_4(), 1580, 1),
       "the signature of 1 bytes at offset 16384 reaches beyond the image's 16384 bytes"},
      {"vendor's version", with(vendor_4(), 8, 2),
       "header version 2 of a vendor boot image, expected 3 or 4"},
      {"entry size", with(vendor_4(), 0x848, 0),
       "entries of the vendor ramdisk table of 0 bytes, expected 108"},
      {"entry count", with(vendor_4(), 0x844, 0xffffffff),
       "4294967295 entries of 108 bytes in a vendor ramdisk table of 216 bytes"},
      {"ramdisk's size", with(vendor_4(), 5 * 2048, 3003),
       "vendor ramdisk 0 of 3003 bytes at offset 0 reaches beyond the 3002 bytes of all"},
      {"ramdisk's offset", with(vendor_4(), 5 * 2048 + 108 + 4, 0),
       "vendor ramdisk 1 is at offset 0, expected 3000"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(error_of([&] {
                Faults faults;
                parse_boot_image(as_bytes(c.bytes), faults);
              }),
              c.message)
        << c.what;
  }
}

TEST(BootImage, NamesWhatALoaderWouldReadOver) {
  auto faults_of = [](const AnyBootImage& image, size_t offset, std::string_view bytes) {
    std::string changed = serialize(image);
    changed.replace(offset, bytes.size(), bytes);
    Faults faults;
    parse_boot_image(as_bytes(changed), faults);
    return faults.messages();
  };
  BootImage plain = version_0();
  plain.cmdline = "quiet";
  const std::string id = to_hex(boot_image_id(plain));
  EXPECT_THAT(faults_of(plain, 576, std::string(1, '\0')),
              ElementsAre("the id is 00" + id.substr(2) + ", but that of the parts is " + id));
  EXPECT_THAT(faults_of(plain, 64 + 5, " x"), IsEmpty());
  EXPECT_THAT(faults_of(plain, 64 + 6, "x"),
              ElementsAre("the field cmdline is not zero after its NUL"));
  EXPECT_THAT(faults_of(plain, 64, std::string(512, 'x')),
              ElementsAre("the field cmdline does not end in a NUL"));
  EXPECT_THAT(faults_of(plain, 608, "x"),
              ElementsAre("the field extra_cmdline goes on after a cmdline that is not full"));
  EXPECT_THAT(faults_of(plain, 1632, "x"), ElementsAre("the padding after the header is not zero"));
  EXPECT_THAT(faults_of(plain, 2048 + 3000, "x"),
              ElementsAre("the padding after the kernel is not zero"));
  EXPECT_THAT(faults_of(plain, 34, std::string(2, '\xff')), IsEmpty()) << "tags may lie anywhere";
  EXPECT_THAT(faults_of(plain, 33, std::string("\x80\x00", 2)),
              ElementsAre("kernel (0x80008000 to 0x80008bb7) and tags (0x80008000 to 0x80008000) "
                          "would be loaded over each other"));
  EXPECT_THAT(faults_of(version_2(), 0x664, "x"),
              ElementsAre("the recovery DTBO's offset is 16504, expected 16384"));
  EXPECT_THAT(faults_of(version_4(), 20, std::string("\x3c\x06", 2)),
              ElementsAre("the header's size is 1596, expected 1584"));
  EXPECT_THAT(faults_of(version_4(), 24, "\1"), ElementsAre("a reserved field is 1, expected 0"));

  std::string cut = serialize(version_4());
  cut.resize(cut.size() - 4095);
  Faults faults;
  EXPECT_EQ(parse_boot_image(as_bytes(cut), faults).size_bytes, cut.size());
  EXPECT_THAT(faults.messages(),
              ElementsAre("the padding after the ramdisk ends at offset 12289, expected 16384"));
}

TEST(BootImage, PacksVersionAndPatchLevel) {
  EXPECT_EQ(pack_os_version("", ""), 0u);
  EXPECT_EQ(pack_os_version("127.127.127", "2127-12-31"), 0xfffffffc);
  EXPECT_EQ(pack_os_version("9", ""), 9u << 25);
  EXPECT_EQ(os_version_text(pack_os_version("8.1", "")), "8.1.0");
  EXPECT_EQ(os_patch_level_text(pack_os_version("", "2018-02-01")), "2018-02");
  EXPECT_EQ(os_version_text(0) + os_patch_level_text(0), "");
  const char* kVersions[] = {"x", "128", "1.", "1.2.3.4", "-1", "1.2.300"};
  for (const std::string version : kVersions) {
    EXPECT_EQ(error_of([&] { pack_os_version(version, ""); }),
              "cannot read OS version '" + version +
                  "': expected A, A.B or A.B.C with numbers up to 127");
  }
  const char* kLevels[] = {"2021",   "2021-13", "2021-00",   "1999-12", "2128-01",
                           "2021-1", "2021-1-", "2021-10-5", "x",       "2021/10"};
  for (const std::string level : kLevels) {
    EXPECT_EQ(error_of([&] { pack_os_version("", level); }),
              "cannot read OS patch level '" + level +
                  "': expected YYYY-MM or YYYY-MM-DD, from 2000-01 to 2127-12");
  }
}

TEST(BootImage, NamesTheTypesOfVendorRamdisks) {
  for (uint32_t type : {0u, 1u, 2u, 3u}) {
    EXPECT_EQ(find_vendor_ramdisk_type(name_of_vendor_ramdisk_type(type)), type);
  }
  EXPECT_EQ(find_vendor_ramdisk_type("DLKM"), 3u);
  EXPECT_EQ(find_vendor_ramdisk_type("4"), std::nullopt);
  EXPECT_EQ(name_of_vendor_ramdisk_type(4), "");
}

}  // namespace
}  // namespace imagefmt
