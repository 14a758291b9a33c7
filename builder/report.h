// SPDX-License-Identifier: Apache-2.0
//
// What `--report FILE` gets: what an image is made of, and how its making went.
#pragma once

#include <string>

#include "builder/build.h"
#include "builder/terminal.h"

namespace builder {

/// What there is to tell of an image, beside how it was made.
struct Report {
  const ImageSizes& sizes;
  const std::optional<LabelsReport>& labels;
  const std::optional<Splits>& splits;
};

/// JSON, in this order; what is not there is left out:
///   intaglio                       the version
///   sizes {                        all of it follows from the image alone
///     image_bytes,                 the sum of `parts`
///     parts {files, inodes, directories, xattrs, indexes, superblock, padding, free},
///                                  as imagefmt/written_image.h defines them
///     files {count, bytes, stored_bytes, padding_bytes}   padding: of those stored, but of
///                                  compressed ones
///     equal_files {count, saved_bytes}
///     by_store_path, by_package, by_label [{name, files, bytes, stored_bytes}]}
///                                  the largest first; each adds up to `files`. Equal files are
///                                  stored for the first of them, and a block with the ends of
///                                  several files for each by the size of its end. A package is what
///                                  store paths are called without hash, version and output; the
///                                  name is null outside of the store, and where there is no label
///   labels                         as `labels --json` has them
///   run {                          what the host and its load decide
///     seconds, cpu_seconds, peak_memory_bytes,
///     reused_bytes,                of the image, from the reference
///     warnings,
///     stages [{name, seconds, share, cpu_seconds, amount, unit,
///              read, compressed, written {bytes, bytes_per_second}}],
///                                  share: of `seconds`; CPU time is that of all threads and of
///                                  child processes that have ended; `compressed` are bytes before it
///     splits}                      which sharing of the host's store the labels split
/// Names stand as `inspect` escapes them.
std::string serialize_report(const TerminalReporter& reporter, const Report& report);

}  // namespace builder
