// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the index of an image, and as the lists in a sound one: writing with that reference
// gives an image, after a warning at most.
#include <cstdlib>

#include "imagefmt/base/file.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/reference.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/temp_dir.h"

using namespace imagefmt;

namespace {

/// A tree, an image of it, and the way to write it.
template <class Options, auto write>
class Subject {
 public:
  explicit Subject(Options options) : options_(options) {
    for (const size_t size : {1, 5000, 5000, 20000, 1 << 20}) {
      // With blocks of zeros.
      Content content =
          Content::from_bytes(std::string(size / 2, 'x') + std::string(size / 2 + 1, '\0'));
      const std::string path = fmt::format("/f{}", count_++);
      content.set_id(content_id(path));
      tree_.insert(path, make_regular(std::move(content)));
    }
    File image = File::create(folder_ / "old");
    SilentReporter reporter;
    index_ = write(tree_, options_, image, reporter).index;
    options_.reference = folder_ / "old";
  }

  void run(ByteView bytes) {
    // As a whole, and behind a frame that holds.
    write_with(bytes);
    write_with(serialize_index(File::open_for_reading(folder_ / "old"),
                               parse_index(index_).settings, bytes));
  }

 private:
  void write_with(ByteView index) {
    write_file(index_path(options_.reference), as_text(index));
    File image = File::create(folder_ / "new");
    SilentReporter reporter;
    write(tree_, options_, image, reporter);
  }

  tests::TempDir folder_;
  FileTree tree_;
  Options options_;
  Bytes index_;
  int count_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Subject<SquashfsOptions, write_squashfs> squashfs(
      {.compression = Compression::kNone, .block_size = 4096, .jobs = 1});
  static Subject<Ext4Options, write_ext4> ext4({.share_data = true, .jobs = 1});
  static Subject<ErofsOptions, write_erofs> erofs({.jobs = 1});
  if (size == 0) return 0;
  // The first byte is the format.
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      squashfs.run(bytes);
      break;
    case 1:
      ext4.run(bytes);
      break;
    default:
      erofs.run(bytes);
  }
  return 0;
}
