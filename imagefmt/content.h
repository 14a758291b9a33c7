// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a regular file: in memory, in a file of the host, or in an image or archive that was read.
#pragma once

#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/digest.h"

namespace imagefmt {

class File;

/// Where a reader of an image or an archive finds the bytes of one of its files. Used from several threads.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  /// Fills `into` from `offset`; the range lies inside the file. Throws what a broken image gives.
  virtual void read(uint64_t offset, std::span<uint8_t> into) const = 0;
  /// As ContentReader::hole_size() from `offset` on, which lies inside the file.
  virtual uint64_t hole_size(uint64_t offset) const {
    (void)offset;
    return 0;
  }
};

/// Reads one file's bytes in order. A host file is checked while it is read: a size or time that
/// differs from what was recorded throws `cannot read '<path>': it changed while
/// being read`.
class ContentReader {
 public:
  virtual ~ContentReader() = default;
  /// REQUIRES: the calls together do not pass the end of the content.
  virtual void read(std::span<uint8_t> into) = 0;
  /// As File::clone() of the `size_bytes` from here on, which it does not go behind.
  virtual bool clone(File& to, uint64_t offset, uint64_t size_bytes) const {
    (void)to, (void)offset, (void)size_bytes;
    return false;
  }
  /// Goes on behind the next `size_bytes`. REQUIRES: as read().
  virtual void skip(uint64_t size_bytes) = 0;
  /// How many bytes from here on are known to be zero without being read: a hole of a sparse file.
  /// What is no hole may be zero as well.
  virtual uint64_t hole_size() const { return 0; }
  /// To be called last. Throws if the file has changed meanwhile.
  virtual void finish() = 0;
};

/// A name for a file's bytes that is known without reading them: whatever has it, in this tree or in
/// one of another day, has the same bytes.
using ContentId = std::array<uint8_t, 16>;
/// The id of what `source` determines. Different kinds of sources begin differently.
ContentId content_id(std::string_view source);

/// A value: copying it copies no bytes. Several threads may read one Content, each by a reader of
/// its own.
class Content {
 public:
  Content() : Content(from_bytes({})) {}
  static Content from_bytes(std::string bytes);
  /// The file `*folder + '/' + name` of the host, with the size and time that lstat gave. Files of
  /// one folder share its string, which is what keeps a million of them small.
  static Content from_host_file(std::shared_ptr<const std::string> folder, std::string name,
                                uint64_t size_bytes, timespec mtime);
  /// A file that a person names, links followed, as stat gives it now. Throws if it is not regular.
  static Content from_host_file(const std::string& path);
  static Content from_source(std::shared_ptr<const ContentSource> source, uint64_t size_bytes);

  uint64_t size_bytes() const { return size_bytes_; }
  std::unique_ptr<ContentReader> open() const;
  /// All bytes. Throws if there are more than `limit_bytes`.
  std::string read_all(uint64_t limit_bytes = uint64_t{1} << 31) const;
  /// The host file's path, or empty.
  std::string host_path() const;
  /// None unless somebody who knows it has given it. Also says what set_uncompressed() has said.
  std::optional<ContentId> id() const;
  void set_id(const ContentId& id) { id_ = id; }
  /// Writers of formats that compress store the bytes as they are.
  void set_uncompressed() { is_uncompressed_ = true; }
  bool is_uncompressed() const { return is_uncompressed_; }

 private:
  struct HostFile {
    std::shared_ptr<const std::string> folder;
    std::string name;
    timespec mtime;
  };
  using InMemory = std::shared_ptr<const std::string>;
  using InSource = std::shared_ptr<const ContentSource>;
  using Origin = std::variant<InMemory, HostFile, InSource>;
  Content(Origin origin, uint64_t size_bytes)
      : origin_(std::move(origin)), size_bytes_(size_bytes) {}

  Origin origin_;
  uint64_t size_bytes_;
  std::optional<ContentId> id_;
  bool is_uncompressed_ = false;
};

/// Fills `into` from `offset`, by a reader of its own.
void read_part(const Content& content, uint64_t offset, std::span<uint8_t> into);

/// SHA-256 of the bytes.
Digest digest(const Content& content);

/// Equal bytes, wherever they lie and however they are to be stored; reads them.
bool operator==(const Content& a, const Content& b);

}  // namespace imagefmt
