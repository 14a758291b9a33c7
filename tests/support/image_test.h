// SPDX-License-Identifier: Apache-2.0
//
// What the tests of every image format do: images in a folder of their own, written, read back, and
// damaged.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/temp_dir.h"

namespace tests {

struct SquashfsFormat {
  using Options = imagefmt::SquashfsOptions;
  static constexpr std::string_view kName = "squashfs";
  static constexpr auto kWrite = imagefmt::write_squashfs;
  static constexpr auto kRead = imagefmt::read_squashfs;
};
struct Ext4Format {
  using Options = imagefmt::Ext4Options;
  static constexpr std::string_view kName = "ext4";
  static constexpr auto kWrite = imagefmt::write_ext4;
  static constexpr auto kRead = imagefmt::read_ext4;
};
struct ErofsFormat {
  using Options = imagefmt::ErofsOptions;
  static constexpr std::string_view kName = "erofs";
  static constexpr auto kWrite = imagefmt::write_erofs;
  static constexpr auto kRead = imagefmt::read_erofs;
};

template <class Format>
class ImageTest : public ::testing::Test {
 protected:
  using Options = typename Format::Options;

  std::string path() const { return folder_ / "image"; }
  void write_to(const std::string& path, const imagefmt::FileTree& tree,
                const Options& options = {}) const {
    imagefmt::SilentReporter reporter;
    imagefmt::File file = imagefmt::File::create(path);
    Format::kWrite(tree, options, file, reporter);
  }
  /// The bytes of the image.
  std::string write(const imagefmt::FileTree& tree, const Options& options = {}) const {
    write_to(path(), tree, options);
    return imagefmt::read_file(path());
  }

  imagefmt::FileTree read_from(const std::string& path,
                               imagefmt::PathsByInode* numbers = nullptr) const {
    return Format::kRead(
        std::make_shared<const imagefmt::File>(imagefmt::File::open_for_reading(path)), numbers);
  }
  imagefmt::FileTree read() const { return read_from(path()); }
  imagefmt::FileTree read(std::string_view image) const {
    imagefmt::write_file(path(), image);
    return read();
  }
  /// Reads the tree and a part of each file.
  void read_all(std::string_view image) const {
    const imagefmt::FileTree tree = read(image);
    imagefmt::Bytes part(1 << 20);
    walk(tree, [&](const std::string&, const imagefmt::Node& node) {
      if (!node.regular()) return;
      const imagefmt::Content& content = node.regular()->content;
      content.open()->read({part.data(), std::min<uint64_t>(part.size(), content.size_bytes())});
    });
  }
  /// The error of reading `image`, without its first words.
  std::string message(std::string_view image) const {
    const std::string text = error_of([&] { read_all(image); });
    const std::string frame = fmt::format("cannot read {} image '{}': ", Format::kName, path());
    EXPECT_THAT(text, ::testing::StartsWith(frame));
    return text.substr(std::min(frame.size(), text.size()));
  }

  TempDir folder_;
};

}  // namespace tests
