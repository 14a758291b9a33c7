// SPDX-License-Identifier: Apache-2.0
#include "builder/splits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "builder/report.h"
#include "imagefmt/base/file.h"
#include "imagefmt/scan.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::ElementsAre;

/// A folder with names of three inodes, labelled by the first letter of each name.
class SplitsTest : public testing::Test {
 protected:
  void SetUp() override {
    add("a1", 1000, {"b1", "a2", "b2", "c1"});
    add("a3", 10, {"a4"});  // names that agree may share
    add("a5", 100, {});
    imagefmt::write_file(folder_ / "b\xff", "12345");  // a name that is no UTF-8
    link("b\xff", "c2");
    tree_ = imagefmt::FileTree(
        imagefmt::scan_folder(folder_.path(), {.metadata = imagefmt::Metadata::kCanonical}));
    walk(tree_, [](const std::string& path, imagefmt::Node& node) {
      node.label = imagefmt::Label(path == "/" ? "root" : path.substr(1, 1) + "_t");
    });
  }
  void add(const std::string& name, size_t size, const std::vector<std::string>& links) {
    imagefmt::write_file(folder_ / name, std::string(size, name[1]));
    for (const std::string& other : links) link(name, other);
  }
  void link(const std::string& name, const std::string& other) {
    ASSERT_EQ(::link((folder_ / name).c_str(), (folder_ / other).c_str()), 0);
  }

  tests::TempDir folder_;
  imagefmt::FileTree tree_;
};

TEST_F(SplitsTest, CountWhatLabelsSplitOfTheHostsSharing) {
  const Splits splits = find_splits(tree_);
  EXPECT_EQ(splits.extra_inodes, 3u);
  EXPECT_EQ(splits.extra_bytes, 2005u);
  ASSERT_EQ(splits.files.size(), 2u);
  using Names = std::map<std::string, std::vector<std::string>>;
  EXPECT_EQ(splits.files[0].size_bytes, 1000u);
  EXPECT_EQ(splits.files[0].names_by_label,
            (Names{{"a_t", {"/a1", "/a2"}}, {"b_t", {"/b1", "/b2"}}, {"c_t", {"/c1"}}}));
  EXPECT_EQ(splits.files[1].names_by_label, (Names{{"b_t", {"/b\xff"}}, {"c_t", {"/c2"}}}));
}

TEST_F(SplitsTest, StandInTheReport) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  TerminalReporter reporter(io, true);
  std::optional<Splits> found;
  const auto run = [&] {
    return nlohmann::json::parse(serialize_report(reporter, {{}, {}, found}))["run"];
  };
  EXPECT_FALSE(run().contains("splits"));
  found = find_splits(tree_);
  const nlohmann::json splits = run()["splits"];
  EXPECT_EQ(splits["count"], 2);
  EXPECT_EQ(splits["extra_inodes"], 3);
  EXPECT_EQ(splits["extra_bytes"], 2005);
  EXPECT_EQ(splits["files"][0]["size_bytes"], 1000);
  EXPECT_EQ(splits["files"][0]["names_by_label"]["a_t"],
            nlohmann::json::parse(R"(["/a1", "/a2"])"));
  EXPECT_EQ(splits["files"][1]["names_by_label"]["b_t"], nlohmann::json::parse(R"(["/b\\377"])"));
}

}  // namespace
}  // namespace builder
