// SPDX-License-Identifier: Apache-2.0
//
// `pack --reference`; that of `build` is in tests/oracle/reference.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "builder/image.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using testing::HasSubstr;
using testing::Not;

class PackReference : public testing::TestWithParam<std::string> {
 protected:
  PackReference() {
    std::filesystem::create_directories(root_ + "/usr/share");
    imagefmt::write_file(folder_ / "contexts", "/.* system_u:object_r:usr_t:s0\n");
    add("/usr/share/large", std::string(300'000, 'l'));
    for (int i = 0; i < 20; ++i) add(fmt::format("/usr/share/{}", i), fmt::format("file {}", i));
  }

  void add(const std::string& path, const std::string& bytes) const {
    imagefmt::write_file(root_ + path, bytes);
  }
  /// Until no file is as young as the next scan.
  static void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(2100)); }

  Ran pack(const std::string& output, const std::string& reference = "") const {
    std::vector<std::string> args = {
        "pack",     "--format",       GetParam(), "--root",          root_,
        "--output", folder_ / output, "--quiet",  "--file-contexts", folder_ / "contexts"};
    if (!reference.empty()) args.insert(args.end(), {"--reference", folder_ / reference});
    return run_with(args);
  }
  bool same(const std::string& a, const std::string& b) const {
    return imagefmt::read_file(folder_ / a) == imagefmt::read_file(folder_ / b) &&
           imagefmt::read_file(folder_ / (a + ".index")) ==
               imagefmt::read_file(folder_ / (b + ".index"));
  }

  tests::TempDir folder_;
  std::string root_ = folder_ / "root";
};
INSTANTIATE_TEST_SUITE_P(, PackReference, testing::Values("squashfs", "ext4", "erofs"),
                         [](const auto& format) { return format.param; });

TEST_P(PackReference, TakesWhatHasNotChanged) {
  // Young files may change again without a trace.
  ASSERT_EQ(pack("young").status, 0);
  EXPECT_THAT(pack("again", "young").out, Not(HasSubstr("reused")));
  wait();
  ASSERT_EQ(pack("old").status, 0);
  add("/usr/share/7", "file 7.");
  wait();
  ASSERT_EQ(pack("clean").status, 0);
  const Ran rebuilt = pack("rebuilt", "old");
  EXPECT_EQ(rebuilt.status, 0);
  EXPECT_EQ(rebuilt.err, "");
  EXPECT_THAT(rebuilt.out, HasSubstr(" of it reused)\n"));
  EXPECT_TRUE(same("rebuilt", "clean"));
  EXPECT_FALSE(same("rebuilt", "old"));

  // The file that is replaced may be the reference.
  const Ran replaced = pack("old", "old");
  EXPECT_EQ(replaced.err, "");
  EXPECT_THAT(replaced.out, HasSubstr(" of it reused)\n"));
  EXPECT_TRUE(same("old", "clean"));
  EXPECT_EQ(pack("old", "old").err, "");
}

TEST_P(PackReference, KnowsAFileByMoreThanItsSizeAndTime) {
  const std::string file = root_ + "/usr/share/7";
  const timespec times[] = {{.tv_sec = 1, .tv_nsec = 1}, {.tv_sec = 1, .tv_nsec = 1}};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  wait();
  ASSERT_EQ(pack("old").status, 0);
  add("/usr/share/7", "FILE 7");
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  wait();
  ASSERT_EQ(pack("clean").status, 0);
  ASSERT_EQ(pack("rebuilt", "old").status, 0);
  EXPECT_TRUE(same("rebuilt", "clean"));
  EXPECT_EQ(read_image(folder_ / "rebuilt").find("/usr/share/7")->regular()->content.read_all(),
            "FILE 7");
}

TEST_P(PackReference, ThatCannotServeIsAWarning) {
  ASSERT_EQ(pack("clean").status, 0);
  const Ran missing = pack("image", "none");
  EXPECT_EQ(missing.status, 0);
  EXPECT_EQ(missing.err, fmt::format("intaglio: warning: cannot use reference '{0}': cannot open "
                                     "'{0}': No such file or directory; building without it\n",
                                     folder_ / "none"));
  EXPECT_TRUE(same("image", "clean"));
  imagefmt::write_file(folder_ / "clean.index", "no index, but more than 32 bytes of something");
  const Ran foreign = pack("image", "clean");
  EXPECT_EQ(foreign.status, 0);
  EXPECT_EQ(foreign.err,
            fmt::format("intaglio: warning: cannot use reference '{}': what stands beside it is no "
                        "index (magic 6e6f20696e646578); building without it\n",
                        folder_ / "clean"));
}

}  // namespace
}  // namespace builder
