// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/archive.h"

#include <locale.h>

#include <cerrno>
#include <new>

namespace imagefmt {

namespace {

using Locale = Handle<std::remove_pointer_t<locale_t>, freelocale>;

/// libarchive takes pax names for UTF-8 and would translate them into the locale's charset. That of
/// "C" holds nothing but ASCII; what libarchive cannot translate, it gives as the bytes that it is.
class PlainLocale {
 public:
  PlainLocale() : plain_(newlocale(LC_ALL_MASK, "C", nullptr)), before_(uselocale(plain_.get())) {}
  PlainLocale(const PlainLocale&) = delete;
  PlainLocale& operator=(const PlainLocale&) = delete;
  ~PlainLocale() { uselocale(before_); }

 private:
  Locale plain_;
  locale_t before_;
};
constexpr std::string_view kNotTranslated = "can't be converted from UTF-8";

}  // namespace

Archive::Archive(ByteStream& input) : input_(input), archive_(archive_read_new()) {
  if (!archive_) throw std::bad_alloc();
  archive* reader = archive_.get();
  archive_read_support_format_tar(reader);
  // Not all filters: for some libarchive would run programs of the host.
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_compress(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_lzip(reader);
  archive_read_support_filter_zstd(reader);
  archive_read_support_filter_lz4(reader);
  open();
  // One more is the input itself. Each could unfold what the one before it unfolds.
  if (archive_filter_count(reader) > 2) throw Error("it is compressed more than once");
}

Archive::Archive(ByteStream& input, int filter) : input_(input), archive_(archive_read_new()) {
  if (!archive_) throw std::bad_alloc();
  // The filter is chosen, not bid for: nothing that libarchive has not built in (ARCHIVE_WARN).
  if (archive_read_support_format_raw(archive_.get()) != ARCHIVE_OK ||
      archive_read_append_filter(archive_.get(), filter) != ARCHIVE_OK) {
    fail();
  }
  open();
}

void Archive::open() {
  archive* reader = archive_.get();
  archive_read_set_callback_data(reader, this);
  archive_read_set_read_callback(reader, &Archive::read);
  archive_read_set_skip_callback(reader, &Archive::skip);
  if (archive_read_open1(reader) != ARCHIVE_OK) fail();
}

std::optional<Archive::Entry> Archive::next() {
  const PlainLocale locale;
  Entry entry{nullptr, {}};
  const int status = archive_read_next_header(archive_.get(), &entry.header);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail();
  // Some of what it passes over it does not even report as a warning.
  const char* complaint = archive_error_string(archive_.get());
  if (complaint && std::string_view(complaint).find(kNotTranslated) == std::string_view::npos) {
    entry.complaint = complaint;
  }
  return entry;
}

std::optional<Archive::Block> Archive::next_block() {
  const void* bytes = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  const int status = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK || offset < 0) fail();
  return Block{{static_cast<const uint8_t*>(bytes), size}, static_cast<uint64_t>(offset)};
}

void Archive::skip_data() {
  if (archive_read_data_skip(archive_.get()) != ARCHIVE_OK) fail();
}

la_ssize_t Archive::read(archive* archive, void* self, const void** buffer) {
  Archive& reader = *static_cast<Archive*>(self);
  try {
    const ByteView bytes = reader.input_.read();
    *buffer = bytes.data();
    return static_cast<la_ssize_t>(bytes.size());
  } catch (...) {
    reader.failure_ = std::current_exception();
    archive_set_error(archive, EIO, "the input cannot be read");
    return -1;
  }
}

la_int64_t Archive::skip(archive*, void* self, la_int64_t most) {
  return static_cast<la_int64_t>(
      static_cast<Archive*>(self)->input_.skip(static_cast<uint64_t>(most)));
}

void Archive::fail() {
  if (failure_) std::rethrow_exception(failure_);
  const char* reason = archive_error_string(archive_.get());
  if (archive_errno(archive_.get()) == ENOMEM) throw std::bad_alloc();
  throw Error(reason ? reason : "libarchive gives no reason");
}

}  // namespace imagefmt
