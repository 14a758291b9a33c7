// SPDX-License-Identifier: Apache-2.0
//
// An image that was written before, and the index beside it: what a new image takes the stored
// bytes of files from which both have. The index says of files, by their ids, where their bytes lie
// in the image, and has a checksum of each piece of them.
//
//   IndexFrame | settings | lists of the format | le64 XXH3 of all before
//
// A reference may be missing, stale, damaged or foreign: that costs time, never a byte of the image.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/content.h"
#include "imagefmt/written_image.h"

namespace imagefmt {

/// `image` + ".index".
std::string index_path(const std::string& image);

/// Why a reference cannot serve. Whoever has asked for one goes on without it.
class BadReference : public Error {
 public:
  using Error::Error;
};

/// Runs `body`; an Error that leaves it is the reference's fault.
template <class Body>
decltype(auto) blaming_reference(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const Error& error) {
    throw BadReference(error.what());
  }
}

constexpr char kIndexMagic[8] = {'i', 'm', 'g', 'i', 'n', 'd', 'e', 'x'};
/// To be raised with every change of an index or of what a writer stores of a file.
constexpr uint32_t kIndexVersion = 1;

struct IndexFrame {
  uint8_t magic[8];    //  0
  le32 version;        //  8
  le32 settings_size;  // 12
  le64 image_size;     // 16
  le64 image_start;    // 24: XXH3 of the first bytes, where the superblock lies
};
static_assert(sizeof(IndexFrame) == 32);

/// An index whose frame is whole; views into the bytes that it was parsed from.
struct Index {
  IndexFrame header;
  std::string_view settings;
  ByteView lists;
};
/// Throws `the index ends at offset …`, `the index is damaged` and the like.
Index parse_index(ByteView bytes);

/// The index of `image`, which is whole. `settings` names, for a person too, all that stored bytes
/// depend on beside the file's own: format, compressor, level, block size.
Bytes serialize_index(const File& image, std::string_view settings, ByteView lists);

/// Throws `the index has <what>` unless `good`: what is in it belongs to no image.
void require_of_index(bool good, std::string_view what);

/// A list of an index: the number of its items (le64), and the items.
template <class T>
void append_list(Bytes& lists, const std::vector<T>& items) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  append(lists, bytes_of(le64(items.size())));
  append(lists, {reinterpret_cast<const uint8_t*>(items.data()), items.size() * sizeof(T)});
}
template <class T>
std::span<const T> take_list(Cursor& lists) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  const uint64_t count = lists.take_struct<le64>();
  const ByteView bytes = lists.take(checked_mul(count, sizeof(T), "the size of a list"));
  return {reinterpret_cast<const T*>(bytes.data()), count};
}

/// Whether a list has a part of `count` items from `first` on.
template <class T>
bool has_part(std::span<const T> list, uint64_t first, uint64_t count) {
  return first <= list.size() && count <= list.size() - first;
}

// Each format's entry for a file begins with `ContentId id` and `le64 size` (bytes).

/// Puts entries in the order that find_indexed() needs: by id, each once.
template <class Entry>
void sort_indexed(std::vector<Entry>& entries) {
  static_assert(std::is_trivially_copyable_v<Entry> && alignof(Entry) == 1);
  // By all of their bytes: which of those with one id stays depends on nothing else.
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::memcmp(&a, &b, sizeof(Entry)) < 0;
  });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const Entry& a, const Entry& b) { return a.id == b.id; }),
                entries.end());
}
/// Throws unless they are in that order.
template <class Entry>
void check_sorted(std::span<const Entry> entries) {
  if (std::ranges::adjacent_find(entries, std::ranges::greater_equal(), &Entry::id) !=
      entries.end()) {
    throw Error("the files of the index are out of order");
  }
}
/// The entry of a file with this content; null if there is none, as of all empty files.
template <class Entry>
const Entry* find_indexed(std::span<const Entry> entries, const Content& content) {
  if (!content.id()) return nullptr;
  const auto found = std::ranges::lower_bound(entries, *content.id(), {}, &Entry::id);
  const bool same =
      found != entries.end() && found->id == *content.id() && found->size == content.size_bytes();
  return same ? &*found : nullptr;
}

/// An open reference: it is the same image for as long as this lives, even if another one takes its
/// name. Several threads may read it.
class Reference {
 public:
  /// Throws BadReference unless `image` stands there with an index that belongs to it and to
  /// `settings`.
  Reference(const std::string& image, std::string_view settings);
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  ByteView lists() const { return index_.lists; }
  uint64_t size_bytes() const { return index_.header.image_size; }
  /// Throws BadReference.
  void read(uint64_t offset, std::span<uint8_t> into) const;
  /// As File::clone() of a range of the image.
  bool clone(uint64_t offset, File& to, uint64_t to_offset, uint64_t size_bytes) const {
    return to.clone(to_offset, image_, offset, size_bytes);
  }
  /// Throws BadReference unless these bytes, read at `offset`, are those that the index means.
  static void check(uint64_t offset, ByteView bytes, uint64_t checksum);

 private:
  File image_;
  std::string bytes_;  // of the index
  Index index_;
};

/// What `write(known)` gives, where `known` points to a `Known(reference, args...)` of the reference at
/// `image`; it is null if `image` is empty. If the reference turns out to be bad, at whatever moment,
/// the user is warned and `write` begins again without it.
template <class Known, class Write, class... Args>
WrittenImage write_with_reference(const std::string& image, std::string_view settings,
                                  Reporter& reporter, const Write& write, const Args&... args) {
  if (!image.empty()) {
    try {
      const Reference reference(image, settings);
      const Known known(reference, args...);
      return write(&known);
    } catch (const BadReference& bad) {
      reporter.warn(
          fmt::format("cannot use reference '{}': {}; building without it", image, bad.what()));
    }
  }
  return write(nullptr);
}

}  // namespace imagefmt
