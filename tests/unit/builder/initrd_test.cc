// SPDX-License-Identifier: Apache-2.0
#include "builder/initrd.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imagefmt/base/handle.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::ElementsAre;
using tests::error_of;

using Filter = int (*)(archive*);

/// A cpio archive (newc) of empty files, compressed if `filter` is given.
std::string cpio(const std::vector<std::string>& paths, Filter filter = nullptr,
                 size_t bytes_each = 0) {
  imagefmt::Handle<archive, archive_write_free> writer(archive_write_new());
  std::string packed(100000 + paths.size() * (bytes_each + 1000), '\0');
  size_t used = 0;
  archive_write_set_format_cpio_newc(writer.get());
  if (filter) {
    EXPECT_EQ(filter(writer.get()), ARCHIVE_OK);
  }
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  EXPECT_EQ(archive_write_open_memory(writer.get(), packed.data(), packed.size(), &used),
            ARCHIVE_OK);
  for (const std::string& path : paths) {
    imagefmt::Handle<archive_entry, archive_entry_free> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes_each));
    EXPECT_EQ(archive_write_header(writer.get(), entry.get()), ARCHIVE_OK);
    std::string data;
    for (size_t i = 0; i < bytes_each; ++i) data += static_cast<char>(i * i / 7);
    archive_write_data(writer.get(), data.data(), data.size());
  }
  EXPECT_EQ(archive_write_close(writer.get()), ARCHIVE_OK);
  packed.resize(used);
  return packed;
}

Initrd read(const std::string& bytes) {
  return read_initrd(imagefmt::as_bytes(bytes), "i");
}
std::string message_of(const std::string& bytes) {
  return error_of([&] { read(bytes); });
}

TEST(Initrd, NamesItsModules) {
  const Initrd initrd =
      read(cpio({"init", "lib/modules/6.1/kernel/fs/squashfs.ko", "lib/virtio-pci.ko.xz",
                 "a/dm_mod.ko.zst", "erofs.ko.gz", "b/ext4.ko.d", "b/.ko", "b/koala"}));
  EXPECT_THAT(initrd.modules, ElementsAre("dm_mod", "erofs", "squashfs", "virtio_pci"));
  EXPECT_THAT(initrd.compressions, ElementsAre());
  EXPECT_TRUE(initrd.carries("virtio-pci"));
  EXPECT_TRUE(initrd.carries("virtio_pci"));
  EXPECT_FALSE(initrd.carries("ext4"));
}

TEST(Initrd, UnpacksWhatKernelsUnpack) {
  const struct {
    const char* name;
    Filter filter;
  } kFilters[] = {
      {"gzip", archive_write_add_filter_gzip}, {"bzip2", archive_write_add_filter_bzip2},
      {"lzma", archive_write_add_filter_lzma}, {"xz", archive_write_add_filter_xz},
      {"lz4", archive_write_add_filter_lz4},   {"zstd", archive_write_add_filter_zstd}};
  for (const auto& filter : kFilters) {
    SCOPED_TRACE(filter.name);
    const Initrd initrd = read(cpio({"a.ko"}, filter.filter));
    EXPECT_THAT(initrd.modules, ElementsAre("a"));
    EXPECT_THAT(initrd.compressions, ElementsAre(filter.name));
  }
}

// Microcode before, secrets behind: `cat a b >initrd`.
TEST(Initrd, ReadsOneArchiveBehindAnother) {
  const std::string early = cpio({"kernel/x86/microcode/GenuineIntel.bin"}, nullptr, 5000),
                    zeros(512, '\0');
  const std::string big = cpio({"a.ko", "b.ko", "c.ko"}, archive_write_add_filter_zstd, 300000);
  const std::string secrets = cpio({"d.ko"}, archive_write_add_filter_gzip);
  const Initrd initrd = read(early + zeros + big + zeros + secrets + zeros + cpio({"e.ko"}));
  EXPECT_THAT(initrd.modules, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(initrd.compressions, ElementsAre("gzip", "zstd"));
  EXPECT_THAT(read(big + big + secrets).modules, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(read(secrets + secrets + big).modules, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(read("").modules, ElementsAre());
}

TEST(Initrd, RefusesWhatKernelsRefuse) {
  EXPECT_EQ(message_of("hello"),
            "cannot read initrd 'i': offset 0: expected a cpio archive or compressed data");
  const std::string good = cpio({"a.ko"});
  EXPECT_EQ(message_of(good + "hello"), "cannot read initrd 'i': offset " +
                                            std::to_string(good.size()) +
                                            ": expected a cpio archive or compressed data");
  EXPECT_EQ(message_of(good.substr(0, 130)),
            "cannot read initrd 'i': offset 0: the cpio archive is damaged");
  const std::string packed = cpio({"a.ko"}, archive_write_add_filter_gzip, 5000);
  EXPECT_EQ(message_of(packed.substr(0, packed.size() / 2)),
            "cannot read initrd 'i': offset 0: the gzip data are damaged");
  EXPECT_EQ(message_of(std::string("\x28\xb5\x2f\xfd", 4) + std::string(100, 'x')),
            "cannot read initrd 'i': offset 0: the zstd data are damaged");
}

}  // namespace
}  // namespace builder
