// SPDX-License-Identifier: Apache-2.0
#include "builder/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using tests::error_of;

TEST(InputFile, IsTheHostsOrAClosures) {
  tests::TinyStore store;
  const std::string system = store.add("system"), kernel = store.add("kernel");
  store.file(system + "/init");
  store.file(system + "/nixos-version");
  store.file(kernel + "/dtbs/qcom/a.dtb", "a");
  store.file(kernel + "/other/b.dtb", "b");
  store.link(kernel + "/dtbs/b.dtb", "../other/b.dtb");
  store.link(kernel + "/dtbs/out.dtb", "/etc/passwd");
  store.link(system + "/dtbs", kernel + "/dtbs");
  const Closure closure = store.read();

  const InputFolder folder = folder_in_store(closure, system + "/dtbs");
  EXPECT_EQ(folder.name(), kernel + "/dtbs");
  EXPECT_THAT(folder.list(), ElementsAre("b.dtb", "qcom/a.dtb"));
  EXPECT_TRUE(folder.holds("b.dtb"));
  EXPECT_FALSE(folder.holds("out.dtb"));
  EXPECT_EQ(folder.file("b.dtb").read(), "b");
  EXPECT_EQ(folder.file("qcom/a.dtb").content().read_all(), "a");
  EXPECT_EQ(error_of([&] { folder.file("c.dtb"); }),
            "cannot open '" + kernel + "/dtbs/c.dtb': the closure has no such file");
  EXPECT_TRUE(folder_in_store(closure, system + "/none").empty());
  EXPECT_TRUE(folder_in_store(closure, system + "/init").empty());

  const InputFile file = file_in_store(closure, kernel + "/dtbs/b.dtb");
  EXPECT_EQ(file.name(), kernel + "/other/b.dtb");
  EXPECT_EQ(file.read(1), "b");
  EXPECT_EQ(error_of([&] { file.read(0); }),
            "cannot read '" + kernel + "/other/b.dtb': 1 bytes, larger than 0");
  EXPECT_EQ(error_of([&] { file_in_store(closure, system + "/dtbs"); }),
            "cannot use '" + system + "/dtbs': not a regular file");

  const InputFolder host(store.host(kernel) + "/dtbs");
  EXPECT_THAT(host.list(), UnorderedElementsAre("b.dtb", "out.dtb", "qcom", "qcom/a.dtb"));
  EXPECT_EQ(host.file("b.dtb").read(), "b");
  EXPECT_FALSE(host.holds("c.dtb"));
  EXPECT_TRUE(InputFolder().empty());
  EXPECT_FALSE(InputFolder().holds("init"));
}

}  // namespace
}  // namespace builder
