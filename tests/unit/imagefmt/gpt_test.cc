// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/gpt/gpt.h"

#include <gtest/gtest.h>

#include "tests/support/oracle.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::can_run;
using tests::error_of;
using tests::output_of;
using tests::TempDir;

constexpr std::string_view kEsp = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr std::string_view kRoot = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

Partition partition(std::string name, std::string_view type, uint8_t id, std::string bytes,
                    uint64_t size_bytes = 0) {
  Partition made;
  made.name = std::move(name);
  made.type = parse_guid(type);
  made.id = Guid{id, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  made.content = Content::from_bytes(std::move(bytes));
  made.size_bytes = size_bytes;
  return made;
}

std::vector<Partition> two_partitions() {
  std::vector<Partition> partitions;
  partitions.push_back(partition("esp", kEsp, 1, std::string(70'000, 'e'), 2 << 20));
  partitions.push_back(partition("root f\xc3\xbcr", kRoot, 2, std::string(12'345, 'r')));
  partitions[1].attributes = gpt::kReadOnly | gpt::kGrowFileSystem;
  return partitions;
}

class GptDisk : public ::testing::Test {
 protected:
  void write(const std::vector<Partition>& partitions, const DiskOptions& options = {}) const {
    SilentReporter reporter;
    File file = File::create(image());
    write_disk(partitions, options, file, reporter);
  }
  Disk read() const { return read_disk(std::make_shared<File>(File::open_for_reading(image()))); }
  std::string error_with(const std::vector<Partition>& partitions,
                         const DiskOptions& options = {}) const {
    return error_of([&] { write(partitions, options); });
  }
  std::string image() const { return folder_ / "disk"; }

  TempDir folder_;
};

TEST(GuidText, RoundTrip) {
  EXPECT_EQ(to_text(parse_guid(kEsp)), kEsp);
  EXPECT_EQ(to_text(parse_guid("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")), kEsp);
  for (const char* bad :
       {"", "c12a7328", "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b0", "c12a7328xf81f-11d2-ba4b-00a0c93ec93b"}) {
    EXPECT_EQ(error_of([&] { parse_guid(bad); }),
              fmt::format("'{}' is no GUID: expected 8-4-4-4-12 hexadecimal digits", bad));
  }
}

TEST(GuidText, MadeOnesSayThatTheyAre) {
  EXPECT_EQ(to_text(make_guid(sha256("a"))), "ca978112-ca1b-8dca-bac2-31b39a23dc4d");
}

TEST_F(GptDisk, WhatIsWrittenIsReadBack) {
  for (const uint32_t sector_bytes : {512u, 4096u}) {
    const std::vector<Partition> partitions = two_partitions();
    write(partitions, {.sector_bytes = sector_bytes, .id = parse_guid(kRoot)});
    const Disk disk = read();
    EXPECT_EQ(disk.sector_bytes, sector_bytes);
    EXPECT_EQ(to_text(disk.id), kRoot);
    ASSERT_EQ(disk.partitions.size(), 2u);
    EXPECT_EQ(disk.partition_offsets, (std::vector<uint64_t>{1 << 20, 3 << 20}));
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(disk.partitions[i].name, partitions[i].name);
      EXPECT_EQ(disk.partitions[i].type, partitions[i].type);
      EXPECT_EQ(disk.partitions[i].id, partitions[i].id);
      EXPECT_EQ(disk.partitions[i].attributes, partitions[i].attributes);
      std::string expected = partitions[i].content.read_all();
      expected.resize(disk.partitions[i].size_bytes);
      EXPECT_EQ(disk.partitions[i].content.read_all(), expected);
    }
  }
}

TEST_F(GptDisk, FirmwareAtItsPlace) {
  write(two_partitions(), {.raw_areas = {{"u-boot", 32 << 10, Content::from_bytes("firmware")}}});
  EXPECT_EQ(read_file(image()).substr(32 << 10, 8), "firmware");
  EXPECT_EQ(read().partitions.size(), 2u);
}

TEST_F(GptDisk, EveryMistakeIsNamedBeforeTheFirstByte) {
  std::vector<Partition> partitions = two_partitions();
  partitions[0].size_bytes = 512;
  partitions[1].id = partitions[0].id;
  partitions.push_back(partition(std::string(37, 'x'), kRoot, 3, "x"));
  partitions.push_back(partition("\xff", "00000000-0000-0000-0000-000000000000", 4, ""));
  EXPECT_EQ(
      error_with(partitions),
      "cannot write partition 'esp': 70000 bytes, the partition has 512\n"
      "cannot write partition 'root f\xc3\xbcr': it has the GUID of 'esp'\n"
      "cannot write partition 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx': its name has 37 UTF-16 "
      "units, more than 36\n"
      "cannot write partition '\xff': its name is no UTF-8\n"
      "cannot write partition '\xff': it has no type\n"
      "cannot write partition '\xff': it is empty");
  EXPECT_EQ(error_with(two_partitions(), {.sector_bytes = 1024}),
            "cannot use sectors of 1024 bytes: expected 512 or 4096");
  EXPECT_EQ(error_with(two_partitions(), {.alignment_bytes = 100}),
            "cannot align partitions to 100 bytes: expected a power of two from 512");
  EXPECT_EQ(error_with(two_partitions(), {.size_bytes = 1000}),
            "cannot make a disk of 1000 bytes: no multiple of 512");
}

TEST_F(GptDisk, TooSmallByOneSector) {
  const uint64_t least = (3 << 20) + 12'800 + 33 * 512;
  EXPECT_EQ(error_with(two_partitions(), {.size_bytes = least}), "(no error)");
  EXPECT_EQ(
      error_with(two_partitions(), {.size_bytes = least - 512}),
      fmt::format("cannot make a disk of {} bytes: its partitions need {}", least - 512, least));
}

TEST_F(GptDisk, FirmwareThatMeetsOthers) {
  auto error_at = [&](uint64_t offset, size_t size) {
    return error_with(
        two_partitions(),
        {.raw_areas = {{"u-boot", offset, Content::from_bytes(std::string(size, 'u'))}}});
  };
  EXPECT_EQ(error_at(8 << 10, 100),
            "cannot place 'u-boot' at 8192: the partition table ends at 17408");
  EXPECT_EQ(error_at(17408, (1 << 20) - 17408), "(no error)");
  EXPECT_EQ(error_at(17408, (1 << 20) - 17407),
            "cannot place partition 'esp' at 1048576: 'u-boot' ends at 1048577");
  EXPECT_EQ(error_at((4 << 20) - 100, 10),
            "cannot place 'u-boot' at 4194204: the partition table's copy ends at 4194304");
}

TEST_F(GptDisk, HostileImages) {
  write(two_partitions());
  const std::string good = read_file(image());
  auto error_after = [&](size_t offset, char byte) {
    std::string bad = good;
    bad[offset] = byte;
    write_file(image(), bad);
    const std::string prefix = fmt::format("cannot read disk image '{}': ", image());
    std::string error = error_of([&] { read(); });
    EXPECT_TRUE(error.starts_with(prefix)) << error;
    return error.substr(prefix.size());
  };
  EXPECT_EQ(error_after(512, 'e'),
            "it has no GUID partition table behind a first sector of 512 or 4096 bytes");
  EXPECT_EQ(error_after(512 + 0x28, 1), "the header at sector 1 does not have its checksum");
  EXPECT_EQ(error_after(1024 + 0x30, 1), "the entries at sector 2 do not have their checksum");
  EXPECT_EQ(
      error_after(good.size() - 512 + 0x28, 1),
      fmt::format("the header at sector {} does not have its checksum", good.size() / 512 - 1));
  write_file(image(), good + std::string(512, '\0'));
  EXPECT_EQ(
      error_of([&] { read(); }),
      fmt::format("cannot read disk image '{}': the header's copy is at sector {}, the last one "
                  "is {}",
                  image(), good.size() / 512 - 1, good.size() / 512));
}

TEST_F(GptDisk, OracleSgdisk) {
  REQUIRE_OR_SKIP(can_run("sgdisk"), "sgdisk");
  write(two_partitions(), {.id = parse_guid("11111111-2222-3333-4444-555555555555")});
  EXPECT_NE(output_of("sgdisk -v " + image()).find("No problems found"), std::string::npos);
  const std::string listing = output_of("sgdisk -p -i 2 " + image());
  for (const char* expected :
       {"11111111-2222-3333-4444-555555555555", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
        "02020304-0506-0708-090A-0B0C0D0E0F10", "First sector: 6144",
        "Attribute flags: 1800000000000000", "root f\xc3\xbcr"}) {
    const std::string info =
        output_of("sgdisk -p " + image()) + output_of("sgdisk -i 2 " + image());
    EXPECT_NE(info.find(expected), std::string::npos) << expected << "\n" << info;
  }
}

}  // namespace
}  // namespace imagefmt
