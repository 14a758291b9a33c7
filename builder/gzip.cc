// SPDX-License-Identifier: Apache-2.0
#include "builder/gzip.h"

#include <archive.h>
#include <archive_entry.h>

#include "imagefmt/base/handle.h"

namespace builder {

using imagefmt::Error;

namespace {

using AddFilter = int (*)(archive*);

std::string compress(imagefmt::ByteView bytes, const char* name, const char* level,
                     AddFilter add_filter) {
  imagefmt::Handle<archive, archive_write_free> writer(archive_write_new());
  imagefmt::Handle<archive_entry, archive_entry_free> entry(archive_entry_new());
  if (!writer || !entry) throw std::bad_alloc();
  auto check = [&](la_ssize_t result) {
    if (result >= 0) return;
    const char* reason = archive_error_string(writer.get());
    throw Error(
        fmt::format("cannot compress with {}: {}", name, reason ? reason : "unknown error"));
  };
  check(archive_write_set_format_raw(writer.get()));
  check(add_filter(writer.get()));
  check(archive_write_set_filter_option(writer.get(), name, "compression-level", level));
  // Of gzip alone: that it has no time.
  if (add_filter == archive_write_add_filter_gzip) {
    check(archive_write_set_filter_option(writer.get(), name, "timestamp", nullptr));
  }
  // No blocks, whose last would be padded.
  check(archive_write_set_bytes_per_block(writer.get(), 0));

  std::string packed;
  auto append = [](archive*, void* into, const void* data, size_t size) {
    static_cast<std::string*>(into)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  };
  check(archive_write_open(writer.get(), &packed, nullptr, append, nullptr));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  check(archive_write_header(writer.get(), entry.get()));
  while (!bytes.empty()) {
    const la_ssize_t written = archive_write_data(writer.get(), bytes.data(), bytes.size());
    check(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  check(archive_write_close(writer.get()));
  return packed;
}

}  // namespace

std::string gzip(imagefmt::ByteView bytes) {
  return compress(bytes, "gzip", "9", archive_write_add_filter_gzip);
}

std::string lzma(imagefmt::ByteView bytes) {
  return compress(bytes, "lzma", "6", archive_write_add_filter_lzma);
}

}  // namespace builder
