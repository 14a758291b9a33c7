// SPDX-License-Identifier: Apache-2.0
//
// Files and the rule "commit or vanish": output is made under a temporary name beside its final
// one and takes that name in a single rename, or disappears.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/handle.h"

namespace imagefmt {

/// An open file with positional I/O. Its name stands in every message. Reads and writes of
/// different ranges may run on several threads.
class File {
 public:
  static File open_for_reading(const std::string& path);
  /// Creates or truncates; mode 0644 whatever the umask.
  static File create(const std::string& path);

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  struct stat status() const;
  uint64_t size_bytes() const;

  /// Reads exactly `into.size()` bytes; throws `cannot read 'x': ends at offset N` if short.
  void read_exactly(uint64_t offset, std::span<uint8_t> into) const;
  /// Reads up to `into.size()` bytes, fewer only at the end of the file.
  size_t read_some(uint64_t offset, std::span<uint8_t> into) const;
  void write(uint64_t offset, ByteView bytes);
  void resize(uint64_t size_bytes);
  void sync();
  /// Begins to bring a range that was written to the disk, and does not wait for it.
  void begin_sync(uint64_t offset, uint64_t size_bytes);
  /// Waits until the range is on its way to the disk no more, and gives back the memory that the
  /// kernel holds it in. What a crash leaves of it only sync() says.
  void drop_cached(uint64_t offset, uint64_t size_bytes);

 private:
  void sync_range(uint64_t offset, uint64_t size_bytes, unsigned flags);
  File(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  UniqueFd fd_;
  std::string name_;
};

/// A whole file as bytes; refuses more than `limit_bytes`.
std::string read_file(const std::string& path, uint64_t limit_bytes = uint64_t{1} << 31);
void write_file(const std::string& path, std::string_view bytes);

/// An output file in the making: `.NAME.partial-PID` beside `path` until commit(). What killed runs
/// left beside `path` is removed first, as OutputFolder does it.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// Unlinks what was not committed.
  ~OutputFile();
  File& file() { return file_; }
  /// Syncs, renames over `path`, syncs the folder.
  void commit();

 private:
  std::string path_, partial_;
  File file_;
  bool committed_ = false;
};

/// An output folder in the making: `.NAME.partial-PID` beside `path` until commit(), which puts it
/// in the place of what stood there in one rename (an exchange, if something stood there). What
/// killed builds left beside `path` is removed first; a live build of the same folder is left alone
/// (its partial folder is locked).
class OutputFolder {
 public:
  explicit OutputFolder(std::string path);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();
  /// Where to write: a folder that exists, mode 0755.
  const std::string& partial() const { return partial_; }
  void commit();

 private:
  std::string path_, parent_, partial_;
  UniqueFd lock_;
  bool committed_ = false;
};

/// Removes what the OutputFiles and OutputFolders of this process have not committed. After this
/// none can be begun, committed or dropped: whoever tries waits for ever. For a thread that is about
/// to end the process; may be called while others write.
void discard_outputs() noexcept;

}  // namespace imagefmt
