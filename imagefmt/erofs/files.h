// SPDX-License-Identifier: Apache-2.0
//
// Files: their data, packed on every core, and their inodes in between.
#pragma once

#include <optional>

#include "imagefmt/base/reporter.h"
#include "imagefmt/erofs/format.h"
#include "imagefmt/erofs/known_files.h"
#include "imagefmt/erofs/skeleton.h"
#include "imagefmt/output.h"

namespace imagefmt::erofs {

struct FileOptions {
  std::optional<Algorithm> algorithm;  // none: files stay as they are
  int level;
  unsigned jobs;
  int64_t build_time;
};

/// Appends the data and the inodes of all files of `tree` in whole blocks, and tells `skeleton`
/// where the inodes stand. `out` begins at a block. The bytes depend neither on `jobs` nor on
/// `known`, which may be null. Adds to `written` what it appended, and what of that it took from
/// `known`. Returns the lists of an index. Throws BadReference if what `known` says is not so.
Bytes write_files(const FileTree& tree, const XattrTable& xattrs, const FileOptions& options,
                  const KnownFiles* known, Skeleton& skeleton, Output& out, WrittenImage& written,
                  Reporter& reporter);

}  // namespace imagefmt::erofs
