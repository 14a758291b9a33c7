// SPDX-License-Identifier: Apache-2.0
//
// Files and the rule "commit or vanish": output is made under a temporary name beside its final
// one and takes that name in a single rename, or disappears.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/handle.h"

namespace imagefmt {

/// An open file with positional I/O. Its name stands in every message. Reads and writes of
/// different ranges may run on several threads.
class File {
 public:
  File(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  static File open_for_reading(const std::string& path);
  /// Creates or truncates; mode 0644 whatever the umask.
  static File create(const std::string& path);
  /// A file without a name, in a folder: it is gone with its last descriptor.
  static File create_unnamed(const std::string& folder);

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  struct stat status() const;
  uint64_t size_bytes() const;

  /// Reads exactly `into.size()` bytes; throws `cannot read 'x': ends at offset N` if short.
  void read_exactly(uint64_t offset, std::span<uint8_t> into) const;
  /// Reads up to `into.size()` bytes, fewer only at the end of the file.
  size_t read_some(uint64_t offset, std::span<uint8_t> into) const;
  /// Reads an on-disk struct (endian.h), as read_exactly().
  template <class T>
  T read_struct(uint64_t offset) const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    T value;
    read_exactly(offset, {reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
  void write(uint64_t offset, ByteView bytes);
  /// Lets this file and `from` have the blocks of a range in common, so that nothing is copied, and
  /// says whether it could: one file system must hold both, know how (btrfs, XFS), and have all
  /// numbers whole blocks of its own. Else nothing has changed.
  bool clone(uint64_t offset, const File& from, uint64_t from_offset, uint64_t size_bytes);
  void resize(uint64_t size_bytes);
  void sync();
  /// Begins to bring a range that was written to the disk, and does not wait for it.
  void begin_sync(uint64_t offset, uint64_t size_bytes);
  /// Waits until the range is on its way to the disk no more, and gives back the memory that the
  /// kernel holds it in. What a crash leaves of it only sync() says.
  void drop_cached(uint64_t offset, uint64_t size_bytes);

 private:
  void sync_range(uint64_t offset, uint64_t size_bytes, unsigned flags);
  UniqueFd fd_;
  std::string name_;
};

/// A whole file as bytes; refuses more than `limit_bytes`.
std::string read_file(const std::string& path, uint64_t limit_bytes = uint64_t{1} << 31);
void write_file(const std::string& path, std::string_view bytes);

/// The temporary name of an output, `.NAME.partial-PID` beside its final one. What lies there when
/// this ends is removed.
class Partial {
 public:
  /// `path` is the final name.
  explicit Partial(std::string path);
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  ~Partial();

  const std::string& path() const { return path_; }
  /// Each makes the output, and removes first what killed runs left beside `path`; what a live one
  /// has there is left alone (it holds a lock). REQUIRES: one of them is called, once.
  File make_file();
  UniqueFd make_folder();  // mode 0755, whatever the umask
  /// Gives the output its final name in one rename and removes what stood there. If this throws,
  /// that stands there still; only a file system that cannot exchange two names may keep the output
  /// when what failed is to sync it.
  void commit();

 private:
  void remove() noexcept;

  std::string final_, path_;
  bool exists_ = false;
};

/// An output file in the making, which vanishes without commit().
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  File& file() { return file_; }
  /// Syncs, renames over `path`, syncs the folder.
  void commit();

 private:
  Partial partial_;
  File file_;
};

/// An output folder in the making, which vanishes without commit(). That puts it in the place of what
/// stood there in one rename.
class OutputFolder {
 public:
  explicit OutputFolder(std::string path);
  /// Where to write: a folder that exists, mode 0755.
  const std::string& partial() const { return partial_.path(); }
  void commit();

 private:
  Partial partial_;
  UniqueFd lock_;
};

/// Removes what the OutputFiles and OutputFolders of this process have not committed. After this
/// none can be begun, committed or dropped: whoever tries waits for ever. For a thread that is about
/// to end the process; may be called while others write.
void discard_outputs() noexcept;

}  // namespace imagefmt
