// SPDX-License-Identifier: Apache-2.0
//
// Data of many files in one file of the host.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/file.h"
#include "imagefmt/content.h"

namespace imagefmt {

/// A part of a file's content that is not zero, and where it lies.
struct Piece {
  uint64_t offset;  // in the content
  uint64_t size;
  uint64_t place;  // in the file
};

/// A file that data lie in.
struct DataFile {
  std::shared_ptr<const File> file;
  std::optional<timespec> mtime;  // if it is another's, and may change
};

/// `size_bytes` that are zero but for the pieces, which are sorted, do not overlap and end before
/// the content does. Reading throws `cannot read '<file>': it changed while being read`.
Content content_in_pieces(DataFile data, std::vector<Piece> pieces, uint64_t size_bytes);

/// A file without a name that data are put into. Long zeros take no room in it.
class Spool {
 public:
  /// In the folder, and on the disk that it lies on.
  explicit Spool(const std::string& folder);
  /// Where the bytes are to be found once flush() was called.
  uint64_t append(ByteView bytes);
  void flush();
  DataFile file() const { return {file_, std::nullopt}; }

 private:
  std::shared_ptr<File> file_;
  uint64_t written_ = 0;
  Bytes buffer_;
};

}  // namespace imagefmt
