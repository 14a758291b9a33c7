// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packed.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "imagefmt/base/handle.h"

namespace tests {

std::string pack(int (*filter)(archive*), const std::string& bytes) {
  imagefmt::Handle<archive, archive_write_free> writer(archive_write_new());
  imagefmt::Handle<archive_entry, archive_entry_free> entry(archive_entry_new());
  std::string packed(bytes.size() + 100000, '\0');
  size_t used = 0;
  archive_write_set_format_raw(writer.get());
  if (filter(writer.get()) != ARCHIVE_OK) return {};
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  EXPECT_EQ(archive_write_open_memory(writer.get(), packed.data(), packed.size(), &used),
            ARCHIVE_OK);
  EXPECT_EQ(archive_write_header(writer.get(), entry.get()), ARCHIVE_OK);
  EXPECT_EQ(archive_write_data(writer.get(), bytes.data(), bytes.size()),
            static_cast<la_ssize_t>(bytes.size()));
  EXPECT_EQ(archive_write_close(writer.get()), ARCHIVE_OK);
  packed.resize(used);
  return packed;
}

}  // namespace tests
