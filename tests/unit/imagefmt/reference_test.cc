// SPDX-License-Identifier: Apache-2.0
//
// An image that was made with a reference is the one that is made without, whatever the reference.
#include "imagefmt/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "imagefmt/base/xxh3.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/random_tree.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Warnings : public SilentReporter {
 public:
  void warn(std::string_view message) noexcept override { all.emplace_back(message); }
  std::vector<std::string> all;
};

/// A way to write an image.
struct Writer {
  std::string name;
  std::function<WrittenImage(const FileTree&, const std::string& reference, File&, Reporter&)>
      write;
};

void PrintTo(const Writer& writer, std::ostream* out) {
  *out << writer.name;
}

Writer squashfs(std::string name, SquashfsOptions options) {
  return {std::move(name), [options](const FileTree& tree, const std::string& reference, File& out,
                                     Reporter& reporter) mutable {
            options.reference = reference;
            return write_squashfs(tree, options, out, reporter);
          }};
}

Writer ext4(std::string name, Ext4Options options) {
  return {std::move(name), [options](const FileTree& tree, const std::string& reference, File& out,
                                     Reporter& reporter) mutable {
            options.reference = reference;
            return write_ext4(tree, options, out, reporter);
          }};
}

Writer erofs(std::string name, ErofsOptions options) {
  return {std::move(name), [options](const FileTree& tree, const std::string& reference, File& out,
                                     Reporter& reporter) mutable {
            options.reference = reference;
            return write_erofs(tree, options, out, reporter);
          }};
}

std::vector<Writer> writers() {
  return {squashfs("squashfs_zstd", {.level = 1, .block_size = 4096}),
          squashfs("squashfs_isolated", {.level = 1, .block_size = 8192, .isolate_below = "/"}),
          squashfs("squashfs_stored", {.compression = Compression::kNone, .block_size = 1 << 20}),
          ext4("ext4", {}),
          ext4("ext4_shared", {.share_data = true}),
          ext4("ext4_writable", {.free_space_bytes = 1 << 20}),
          erofs("erofs_lz4", {}),
          erofs("erofs_stored", {.compression = Compression::kNone})};
}

struct Image {
  std::string bytes, index;
  uint64_t reused_bytes = 0;
  std::vector<std::string> warnings;
};

class Reference : public testing::TestWithParam<Writer> {
 protected:
  Image write(const FileTree& tree, const std::string& reference = "") {
    Warnings warnings;
    const std::string path = folder_ / "new";
    File file = File::create(path);
    const WrittenImage written = GetParam().write(tree, reference, file, warnings);
    return {read_file(path), std::string(as_text(written.index)), written.reused_bytes,
            std::move(warnings.all)};
  }
  /// Puts an image with its index where references lie.
  std::string store(const Image& image) {
    write_file(old(), image.bytes);
    write_file(index_path(old()), image.index);
    return old();
  }
  std::string old() const { return folder_ / "old"; }
  std::string warning(const std::string& reason) const {
    return "cannot use reference '" + old() + "': " + reason + "; building without it";
  }

  tests::TempDir folder_;
};

std::string name_of_writer(const testing::TestParamInfo<Writer>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(, Reference, testing::ValuesIn(writers()), name_of_writer);

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  size_t below(size_t limit) { return engine_() % limit; }
  bool one_in(size_t count) { return below(count) == 0; }
  std::string noise(size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(engine_());
    return bytes;
  }

 private:
  std::mt19937 engine_;
};

Node file(Content content) {
  return make_regular(std::move(content));
}
Node file(std::string bytes, std::string_view source) {
  Content content = Content::from_bytes(std::move(bytes));
  content.set_id(content_id(source));
  return file(std::move(content));
}

/// The ids are those of a store: one place and content, one id. A few files have none.
void set_ids(FileTree& tree, Random& random) {
  walk(tree, [&](const std::string& path, Node& node) {
    Regular* file = std::get_if<Regular>(&node.kind);
    if (!file || random.one_in(8)) return;
    file->content.set_id(content_id(path + to_hex(digest(file->content))));
    if (random.one_in(6)) file->content.set_uncompressed();
  });
}

/// What may happen to a tree between two builds.
void change(FileTree& tree, Random& random) {
  std::vector<std::string> files;
  walk(tree, [&](const std::string& path, const Node& node) {
    if (node.regular()) files.push_back(path);
  });
  for (size_t i = random.below(6); !files.empty() && i != 0; --i) {
    const std::string& path = files[random.below(files.size())];
    const Content content = tree.find(path)->regular()->content;
    // The first or the last of the tree; sometimes with the id that its bytes have elsewhere.
    const std::string added = fmt::format("/{}{}", random.one_in(2) ? '!' : '~', i);
    Node copy = random.one_in(2) ? file(content) : file(Content::from_bytes(content.read_all()));
    const std::string noise = random.noise(content.size_bytes());
    Node other = file(noise, path + noise);
    switch (random.below(6)) {
      case 0:
        if (!tree.find(added)) tree.insert(added, std::move(copy));
        break;
      case 1:
        if (!tree.find(added)) tree.insert(added, std::move(other));
        break;
      case 2:
        tree.find(path)->kind = std::move(other.kind);
        break;
      case 3:
        // What an inode holds may decide how its data is stored.
        tree.find(path)->xattrs = std::make_unique<Xattrs>();
        (*tree.find(path)->xattrs)["user.note"] = std::string(random.below(2000), 'n');
        break;
      case 4:
        std::get<Regular>(tree.find(path)->kind).content.set_uncompressed();
        break;
      default:
        tree.find(path)->kind = Symlink{"gone"};
        files.erase(std::ranges::find(files, path));
    }
  }
}

TEST_P(Reference, ShowsInNoByte) {
  uint64_t reused_bytes = 0;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    FileTree tree = tests::random_tree(seed, 30);
    set_ids(tree, random);
    Image last = write(tree);
    for (int step = 0; step < 3; ++step) {
      change(tree, random);
      const Image clean = write(tree);
      const Image rebuilt = write(tree, store(last));
      ASSERT_TRUE(rebuilt.bytes == clean.bytes) << "seed " << seed << ", step " << step;
      ASSERT_TRUE(rebuilt.index == clean.index) << "seed " << seed << ", step " << step;
      EXPECT_THAT(rebuilt.warnings, IsEmpty());
      EXPECT_EQ(clean.reused_bytes, 0u);
      reused_bytes += rebuilt.reused_bytes;
      last = rebuilt;
    }
  }
  EXPECT_GT(reused_bytes, 500'000u);
}

TEST_P(Reference, IsNotReadAgainFromTheFiles) {
  // Contents that cannot be read: whoever opens one fails.
  struct Unreadable : ContentSource {
    void read(uint64_t, std::span<uint8_t>) const override { throw Error("it was read"); }
  };
  Random random(1);
  FileTree tree, unreadable;
  std::vector<size_t> sizes = {4096, 8192, 8192, 307'200, 2'000'000};
  // Of what stands behind inodes, erofs keeps no place.
  if (!GetParam().name.starts_with("erofs")) sizes.insert(sizes.end(), {1, 100, 5000, 5000});
  for (const size_t size : sizes) {
    const std::string path = fmt::format("/f{}", random.below(1000)), bytes = random.noise(size);
    tree.insert(path, file(bytes, path));
    Content content = Content::from_source(std::make_shared<Unreadable>(), size);
    content.set_id(content_id(path));
    unreadable.insert(path, file(content));
  }
  const Image image = write(tree);
  const Image again = write(unreadable, store(image));
  EXPECT_TRUE(again.bytes == image.bytes);
  EXPECT_THAT(again.warnings, IsEmpty());
  EXPECT_GT(again.reused_bytes, 2'300'000u);
}

TEST_P(Reference, OfAnotherSizeIsAnotherFile) {
  FileTree tree;
  tree.insert("/f", file("one", "id"));
  const std::string reference = store(write(tree));
  tree.find("/f")->kind = file("another", "id").kind;
  EXPECT_TRUE(write(tree, reference).bytes == write(tree).bytes);
}

TEST_P(Reference, MayBeDamagedAnywhere) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    FileTree tree = tests::random_tree(seed, 20);
    set_ids(tree, random);
    Image old = write(tree);
    change(tree, random);
    const Image clean = write(tree);
    const bool in_image = random.one_in(2), cut = random.one_in(4);
    std::string& bytes = in_image ? old.bytes : old.index;
    const size_t place = random.below(bytes.size());
    if (cut) {
      bytes.resize(place);
    } else {
      bytes[place] = static_cast<char>(bytes[place] ^ 1 << random.below(8));
    }
    const Image rebuilt = write(tree, store(old));
    ASSERT_TRUE(rebuilt.bytes == clean.bytes) << "seed " << seed;
    ASSERT_TRUE(rebuilt.index == clean.index) << "seed " << seed;
    // A bit of the image may be one that nobody needed.
    if (!in_image || cut || !rebuilt.warnings.empty()) {
      EXPECT_EQ(rebuilt.warnings.size(), 1u) << "seed " << seed;
    }
  }
}

TEST_P(Reference, ThatHasChangedIsFoundOut) {
  Random random(1);
  const std::string bytes = random.noise(102'400);
  FileTree tree;
  tree.insert("/f", file(random.noise(10'000), "f"));
  tree.insert("/g", file(bytes, "g"));
  Image image = write(tree);
  const Image clean = image;
  const size_t place = image.bytes.find(bytes.substr(50'000, 100));
  ASSERT_NE(place, std::string::npos);
  image.bytes[place] ^= 1;
  const Image rebuilt = write(tree, store(image));
  EXPECT_TRUE(rebuilt.bytes == clean.bytes);
  EXPECT_TRUE(rebuilt.index == clean.index);
  EXPECT_EQ(rebuilt.reused_bytes, 0u);
  ASSERT_EQ(rebuilt.warnings.size(), 1u);
  EXPECT_THAT(rebuilt.warnings[0],
              testing::MatchesRegex("cannot use reference '.*': [0-9]+ bytes at offset [0-9]+ have "
                                    "changed since it was written; building without it"));
}

TEST_P(Reference, IsRefusedWithTheReason) {
  FileTree tree;
  tree.insert("/f", file(std::string(10'000, 'x'), "f"));
  const Image image = write(tree);
  auto reason = [&](const std::string& stored_bytes, const std::string& index) {
    write_file(old(), stored_bytes);
    write_file(index_path(old()), index);
    const Image rebuilt = write(tree, old());
    EXPECT_TRUE(rebuilt.bytes == image.bytes);
    return rebuilt.warnings;
  };
  auto changed = [&](size_t place, char byte) {
    std::string index = image.index;
    index[place] = byte;
    return index;
  };
  EXPECT_THAT(write(tree, old()).warnings,
              ElementsAre(warning("cannot open '" + old() + "': No such file or directory")));
  write_file(old(), image.bytes);
  EXPECT_THAT(write(tree, old()).warnings,
              ElementsAre(warning("cannot open '" + old() + ".index': No such file or directory")));

  EXPECT_THAT(reason(image.bytes, image.index), IsEmpty());
  EXPECT_THAT(reason(image.bytes, ""),
              ElementsAre(warning("the index ends at offset 0, expected 32 more bytes")));
  EXPECT_THAT(reason(image.bytes, image.index.substr(0, 40)),
              testing::ElementsAre(testing::HasSubstr("the index ends at offset 40, expected ")));
  EXPECT_THAT(reason(image.bytes, changed(0, 'I')),
              ElementsAre(warning("what stands beside it is no index (magic 496d67696e646578)")));
  EXPECT_THAT(reason(image.bytes, changed(8, 9)),
              ElementsAre(warning("its index is of version 9, expected 1")));
  EXPECT_THAT(reason(image.bytes, changed(image.index.size() - 9, '?')),
              ElementsAre(warning("its index is damaged")));
  EXPECT_THAT(reason(image.bytes + '\0', image.index),
              ElementsAre(warning("its index belongs to another image")));
  std::string start = image.bytes;
  start[4095] ^= 1;
  EXPECT_THAT(reason(start, image.index),
              ElementsAre(warning("its index belongs to another image")));
}

TEST_P(Reference, OfOtherSettingsIsRefused) {
  FileTree tree;
  tree.insert("/f", file("bytes", "f"));
  Image image = write(tree);
  const std::string index = image.index;
  const size_t size = static_cast<unsigned char>(index[12]);  // of the settings
  Bytes other;
  append(other, as_bytes(index).first(index.size() - sizeof(le64)));
  other[32 + size - 1] = '9';
  append(other, bytes_of(le64(xxh3(other))));
  image.index = as_text(other);
  const std::string settings = index.substr(32, size);
  EXPECT_THAT(write(tree, store(image)).warnings,
              ElementsAre(warning("it was written as '" + settings.substr(0, size - 1) +
                                  "9', this is '" + settings + "'")));
}

}  // namespace
}  // namespace imagefmt
