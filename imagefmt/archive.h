// SPDX-License-Identifier: Apache-2.0
//
// libarchive as a reader of tar archives, and of what is compressed and no archive. Private to
// readers: it brings libarchive's headers.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <exception>
#include <optional>
#include <string>

#include "imagefmt/base/handle.h"
#include "imagefmt/byte_stream.h"

namespace imagefmt {

class Archive {
 public:
  struct Entry {
    archive_entry* header;  // good until the next entry
    std::string complaint;  // what libarchive passes over in it, or empty
  };
  struct Block {
    ByteView bytes;
    uint64_t offset;  // in the entry's content
  };

  /// A tar archive, compressed or not. Throws what libarchive says of bytes that are no archive.
  /// REQUIRES: `input` outlives this.
  explicit Archive(ByteStream& input);
  /// One entry: what `input` unpacks to by a filter, one of libarchive's ARCHIVE_FILTER_….
  Archive(ByteStream& input, int filter);

  /// Nothing at the end. Throws what libarchive says of an archive that is damaged.
  std::optional<Entry> next();
  /// Of the entry's content, without holes; nothing at its end. Throws as next().
  std::optional<Block> next_block();
  void skip_data();

  /// After the first entry.
  bool is_compressed() const { return archive_filter_code(archive_.get(), 0) != 0; }
  /// In the unpacked archive, behind what was asked for: where the data of an entry begin, or those
  /// of a block.
  uint64_t position() const { return bytes_of_filter(0); }
  /// Of the input.
  uint64_t bytes_read() const { return bytes_of_filter(-1); }

 private:
  static la_ssize_t read(archive* archive, void* self, const void** buffer);
  static la_int64_t skip(archive* archive, void* self, la_int64_t most);
  uint64_t bytes_of_filter(int filter) const {
    return static_cast<uint64_t>(archive_filter_bytes(archive_.get(), filter));
  }
  [[noreturn]] void fail();

  void open();

  ByteStream& input_;
  std::exception_ptr failure_;  // of the input: exceptions do not pass through libarchive
  Handle<archive, archive_read_free> archive_;
};

}  // namespace imagefmt
