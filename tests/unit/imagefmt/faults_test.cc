// SPDX-License-Identifier: Apache-2.0
//
// Writers without memory, and with files that cannot be read: in process, where sanitizers see what
// would leak. Whole runs of the program, in which calls of the system fail, are in
// tests/oracle/faults.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>

#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/squashfs/squashfs.h"
#include "tests/support/random_tree.h"
#include "tests/support/temp_dir.h"

namespace {

/// How many allocations of all threads are left until one fails; below 0: none does.
std::atomic<int64_t> allocations_left = -1;

}  // namespace

void* operator new(size_t size) {
  void* memory = nullptr;
  if (allocations_left < 0 || allocations_left-- != 0) memory = std::malloc(size != 0 ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace imagefmt {
namespace {

struct Format {
  const char* name;
  std::function<void(const FileTree&, File&)> write;
  FileTree (*read)(std::shared_ptr<const File>, PathsByInode*);
};

class Faults : public ::testing::TestWithParam<Format> {
 protected:
  static size_t open_files() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  bool is_image() const {
    try {
      (void)GetParam().read(std::make_shared<File>(File::open_for_reading(image())), nullptr);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  std::string image() const { return folder_ / "image"; }

  tests::TempDir folder_;
};

TEST_P(Faults, WithoutMemoryThereIsNoImageAndNothingLeaks) {
  const FileTree tree = tests::random_tree(3, 60);
  File out = File::create(image());
  GetParam().write(tree, out);
  const std::string good = read_file(image());
  const size_t before = open_files();
  int failed = 0;
  // The later they are, the fewer are tried.
  for (int64_t nth = 0;; nth += 1 + nth / 15) {
    allocations_left = nth;
    bool threw = false;
    try {
      GetParam().write(tree, out);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    const bool ended = allocations_left.exchange(-1) >= 0;
    EXPECT_EQ(open_files(), before) << nth;
    // What fails before the first byte leaves the file alone; what can be done without, as a thread,
    // changes nothing.
    EXPECT_TRUE(read_file(image()) == good || (threw && !is_image())) << nth;
    failed += threw;
    if (ended) break;
  }
  EXPECT_GT(failed, 20);
}

/// Bytes of which the read number `nth`, of all files together, fails.
class FailingSource : public ContentSource {
 public:
  explicit FailingSource(std::atomic<int>& reads_left) : reads_left_(reads_left) {}
  void read(uint64_t, std::span<uint8_t> into) const override {
    if (reads_left_-- == 0) throw Error("cannot read 'it': Input/output error");
    std::fill(into.begin(), into.end(), uint8_t{'x'});
  }

 private:
  std::atomic<int>& reads_left_;
};

TEST_P(Faults, AFileThatCannotBeReadIsNamedAndThereIsNoImage) {
  std::atomic<int> reads_left = 0;
  FileTree tree;
  for (uint64_t size : {1, 300, 5000, 200'000, 3'000'000, 5000}) {
    tree.insert(
        fmt::format("/{}-{}", size, totals(tree).inodes),
        make_regular(Content::from_source(std::make_shared<FailingSource>(reads_left), size)));
  }
  File out = File::create(image());
  int failed = 0;
  for (int nth = 0;; ++nth) {
    reads_left = nth;
    const std::string message = tests::error_of([&] { GetParam().write(tree, out); });
    if (reads_left >= 0) break;
    EXPECT_EQ(message, "cannot read 'it': Input/output error") << nth;
    EXPECT_FALSE(is_image()) << nth;
    ++failed;
  }
  EXPECT_GE(failed, 6);
}

template <class Options>
auto writer(WrittenImage (*write)(const FileTree&, const Options&, File&, Reporter&)) {
  return [write](const FileTree& tree, File& out) {
    SilentReporter reporter;
    Options options;
    options.jobs = 2;
    write(tree, options, out, reporter);
  };
}

INSTANTIATE_TEST_SUITE_P(, Faults,
                         ::testing::Values(Format{"squashfs", writer(write_squashfs),
                                                  read_squashfs},
                                           Format{"ext4", writer(write_ext4), read_ext4},
                                           Format{"erofs", writer(write_erofs), read_erofs}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace imagefmt
