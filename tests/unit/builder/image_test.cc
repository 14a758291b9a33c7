// SPDX-License-Identifier: Apache-2.0
#include "builder/image.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Compression;
using tests::error_of;

constexpr RootFormat kFormats[] = {RootFormat::kSquashfs, RootFormat::kExt4, RootFormat::kErofs};

TEST(Image, SaysWhichKernelDoesNotReadIt) {
  const policy::KernelVersion old{6, 9, 12}, recent{6, 10, 0};
  for (RootFormat format : kFormats) {
    ImageOptions options;
    options.format = format;
    check_image_is_read(options, old);
    options.compression = Compression::kZstd;
    check_image_is_read(options, recent);
    EXPECT_EQ(
        error_of([&] { check_image_is_read(options, old); }),
        format == RootFormat::kErofs
            ? "cannot compress the image with zstd: Linux 6.9.12 does not read erofs with it, "
              "6.10 and newer do; choose lz4"
            : "(no error)");
  }
}

TEST(Image, GivesTheNumbersOfInodesInEveryFormat) {
  imagefmt::FileTree tree;
  tree.insert("/a/b", imagefmt::make_regular(imagefmt::Content::from_bytes("x")));
  tests::TempDir folder;
  for (RootFormat format : kFormats) {
    ImageOptions options;
    options.format = format;
    imagefmt::SilentReporter reporter;
    imagefmt::File file = imagefmt::File::create(folder / "image");
    write_image(tree, options, file, reporter);
    const imagefmt::NumberedTree numbered = read_numbered_image(folder / "image");
    const auto& numbers = numbered.paths_by_inode;
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_NE(numbered.tree.find("/a/b"), nullptr);
    // ext4 has lost+found beside them.
    EXPECT_GE(numbers.size(), 3u) << to_text(format);
  }
}

}  // namespace
}  // namespace builder
