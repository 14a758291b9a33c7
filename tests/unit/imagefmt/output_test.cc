// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using testing::ElementsAre;
using tests::error_of;
using tests::TempDir;
namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(OutputFolder, TakesThePlaceOfWhatStands) {
  TempDir folder;
  fs::create_directories(folder / "out/old");
  {
    OutputFolder output(folder / "out/");
    write_file(output.partial() + "/new", "new");
    EXPECT_THAT(names_in(folder / "out"), ElementsAre("old"));
    output.commit();
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("out"));
  EXPECT_THAT(names_in(folder / "out"), ElementsAre("new"));
}

TEST(OutputFolder, VanishesWithoutCommit) {
  TempDir folder;
  fs::create_directories(folder / "out/old");
  { write_file(OutputFolder(folder / "out").partial() + "/new", "new"); }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("out"));
  EXPECT_THAT(names_in(folder / "out"), ElementsAre("old"));
}

TEST(OutputFolder, SaysWhatItCannotReplace) {
  TempDir folder;
  write_file(folder / "file", "");
  fs::create_symlink("nowhere", folder / "link");
  auto message = [](const std::string& path) {
    return error_of([&] { OutputFolder output(path); });
  };
  EXPECT_EQ(message(folder / "file"),
            "cannot write output folder '" + folder / "file" + "': a file stands there");
  EXPECT_EQ(message(folder / "link"),
            "cannot write output folder '" + folder / "link" + "': a file stands there");
  EXPECT_EQ(message(folder / "none/out"), "cannot write '" + folder / "none/out" +
                                              "': cannot find the folder '" + folder / "none" +
                                              "': No such file or directory");
  EXPECT_EQ(message("/proc"),
            "cannot write output folder '/proc': it is a mount point, which cannot be renamed");
  EXPECT_EQ(message("/"), "cannot write '/': expected the name of a file or a folder");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("file", "link"));
}

TEST(OutputFolder, RemovesWhatTheDeadLeftAndNothingElse) {
  TempDir folder;
  // No process of ours has the number 4194304: it is the first that is too large.
  for (const char* name :
       {".out.partial-1", ".out.partial-4194304", ".out.partial-notes", ".out2.partial-3"}) {
    fs::create_directory(folder / name);
  }
  UniqueFd alive(open((folder / ".out.partial-4194304").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(flock(alive.get(), LOCK_EX), 0);
  { OutputFolder output(folder / "out"); }
  EXPECT_THAT(names_in(folder.path()),
              ElementsAre(".out.partial-4194304", ".out.partial-notes", ".out2.partial-3"));
}

TEST(OutputFile, ReplacesAFileInOneRename) {
  TempDir folder;
  write_file(folder / "out", "old");
  write_file(folder / ".out.partial-1", "of a dead process");
  {
    OutputFile output(folder / "out");
    output.file().write(0, as_bytes("new"));
    EXPECT_EQ(read_file(folder / "out"), "old");
    output.commit();
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("out"));
  EXPECT_EQ(read_file(folder / "out"), "new");
}

TEST(OutputFile, LeavesWhatALiveProcessOfTheSameNumberWrites) {
  // As in two containers that share the folder.
  TempDir folder;
  const std::string partial = folder / fmt::format(".out.partial-{}", getpid());
  write_file(partial, "of a live process");
  UniqueFd alive(open(partial.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(flock(alive.get(), LOCK_EX), 0);
  EXPECT_EQ(error_of([&] { OutputFile output(folder / "out"); }),
            "cannot create '" + partial + "': File exists");
  EXPECT_EQ(read_file(partial), "of a live process");
}

TEST(OutputFile, LeavesDevicesAndFoldersAlone) {
  TempDir folder;
  auto message = [](const std::string& path) { return error_of([&] { OutputFile output(path); }); };
  EXPECT_EQ(message("/dev/null"), "cannot write '/dev/null': what stands there is no regular file");
  EXPECT_EQ(message(folder.path()),
            "cannot write '" + folder.path() + "': what stands there is no regular file");
}

TEST(DiscardOutputs, RemovesWhatIsNotCommitted) {
  TempDir folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    OutputFolder image(folder / "image"), done(folder / "done");
    OutputFile report(folder / "report");
    fs::create_directories(image.partial() + "/policy/contexts");
    done.commit();
    discard_outputs();
    raise(SIGKILL);  // no destructor
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("done"));
}

TEST(Output, HoldsWhatWasAppendedInItsOrder) {
  TempDir folder;
  File file = File::create(folder / "out");
  file.write(0, as_bytes("head"));
  Output output(file, 4);
  std::string expected = "head";
  // More than goes to the disk at once, in parts smaller and larger than what is collected.
  for (size_t i = 0; expected.size() < (40 << 20); ++i) {
    const std::string part(i % 7 == 0 ? (2 << 20) + i : i * 97 % 300'000, static_cast<char>(i));
    output.append(as_bytes(part));
    expected += part;
    ASSERT_EQ(output.position(), expected.size());
  }
  output.flush();
  EXPECT_TRUE(read_file(folder / "out") == expected);
}

}  // namespace
}  // namespace imagefmt
