// SPDX-License-Identifier: Apache-2.0
#include "builder/mount_contexts.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using tests::error_of;

constexpr const char* kUnits = "/etc/systemd/system/";

void add(FileTree& tree, const std::string& path, const std::string& text) {
  tree.insert(path, imagefmt::make_regular(Content::from_bytes(text)));
}

/// The policy knows contexts of three fields, and one with categories.
std::string faults_of(const FileTree& tree) {
  return error_of([&] {
    check_mount_contexts(tree, [](std::string_view context) {
      return context == "u:r:var_t" || context == "u:r:many_t:s0:c0,c1";
    });
  });
}

TEST(MountContexts, ThatThePolicyKnowsPass) {
  FileTree tree;
  EXPECT_EQ(faults_of(tree), "(no error)");
  add(tree, kUnits + std::string("var.mount"),
      "[Mount]\nWhere=/var\nOptions=mode=0755,rootcontext=u:r:var_t,nodev\n");
  add(tree, kUnits + std::string("srv.mount"),
      "[Mount]\nOptions=context=\"u:r:many_t:s0:c0,c1\",nodev\n");
  add(tree, kUnits + std::string("tmp.mount"), "[Mount]\nOptions=rootcontext=@target\n");
  add(tree, "/etc/fstab", "# none\n\n/dev/vda / squashfs ro,fscontext=u:r:var_t 0 0\n");
  EXPECT_EQ(faults_of(tree), "(no error)");
}

TEST(MountContexts, ThatItDoesNotKnowAreAllNamed) {
  FileTree tree;
  add(tree, kUnits + std::string("var.mount"),
      "[Unit]\nOptions=context=none\n[Mount]\nOptions=rootcontext=u:r:var_t:s0\n");
  add(tree, kUnits + std::string("srv.mount"),
      "[Mount]\nOptions=context=\"u:r:many_t:s0:c0,c2\",defcontext=x\n");
  add(tree, "/etc/fstab", "/dev/vda / squashfs ro,fscontext=u:r:var_t:s0 0 0\nshort\n");
  const std::string units = kUnits;
  EXPECT_EQ(faults_of(tree),
            "cannot mount by '" + units +
                "srv.mount': the policy does not know 'u:r:many_t:s0:c0,c2' (context=)\n"
                "cannot mount by '" +
                units +
                "srv.mount': the policy does not know 'x' (defcontext=)\n"
                "cannot mount by '" +
                units +
                "var.mount': the policy does not know 'u:r:var_t:s0' (rootcontext=)\n"
                "cannot mount by '/etc/fstab': the policy does not know 'u:r:var_t:s0' "
                "(fscontext=)");
}

TEST(MountContexts, AreThoseOfTheLastDropIn) {
  FileTree tree;
  add(tree, kUnits + std::string("var.mount"), "[Mount]\nOptions=rootcontext=u:r:var_t:s0\n");
  const std::string drop_in = "/etc/systemd/system.control/var.mount.d/context.conf";
  add(tree, drop_in, "[Mount]\nOptions=rootcontext=u:r:var_t\n");
  EXPECT_EQ(faults_of(tree), "(no error)");
  const std::string later = "/etc/systemd/system.control/var.mount.d/more.conf";
  add(tree, later, "[Mount]\nOptions=rootcontext=u:r:gone_t\n");
  EXPECT_EQ(faults_of(tree), "cannot mount by '" + later +
                                 "': the policy does not know 'u:r:gone_t' (rootcontext=)");
  tree.insert(kUnits + std::string("gone.mount"), imagefmt::make_symlink("/dev/null"));
  EXPECT_EQ(faults_of(tree), "cannot mount by '" + later +
                                 "': the policy does not know 'u:r:gone_t' (rootcontext=)");
}

}  // namespace
}  // namespace builder
