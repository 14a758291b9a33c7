// SPDX-License-Identifier: Apache-2.0
//
// --label-rules from the command line to the bytes of an image, and hard links on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "builder/cli.h"
#include "builder/image.h"
#include "imagefmt/base/file.h"
#include "policy/exact_contexts.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The least that labels every path of an image, and a type for a rule to give.
constexpr const char* kPolicy = R"(
(mls true)
(handleunknown allow)
(class file (read))
(class dir (getattr search open read ioctl lock))
(class lnk_file (getattr read))
(class filesystem (associate))
(classorder (file dir lnk_file filesystem))
(sensitivity s0)
(sensitivityorder (s0))
(typeattribute domain)
(typeattribute file_type)
(type init_t)
(type file_t)
(type bin_t)
(type httpd_exec_t)
(typeattributeset domain (init_t))
(typeattributeset file_type (file_t bin_t httpd_exec_t))
(role system_r)
(role object_r)
(roletype system_r init_t)
(roletype object_r file_type)
(user system_u)
(userrole system_u system_r)
(userrole system_u object_r)
(userlevel system_u (s0))
(userrange system_u ((s0) (s0)))
(userprefix system_u user)
(selinuxuserdefault system_u ((s0) (s0)))
(selinuxuser root system_u ((s0) (s0)))
(sid kernel)
(sidorder (kernel))
(sidcontext kernel (system_u system_r init_t ((s0) (s0))))
(fsuse xattr squashfs (system_u object_r file_t ((s0) (s0))))
(allow init_t file_t (file (read)))
(allow file_type file_t (filesystem (associate)))
(filecon "/" dir (system_u object_r file_t ((s0) (s0))))
(filecon "/..*" any (system_u object_r file_t ((s0) (s0))))
(filecon "/usr/bin(/.*)?" any (system_u object_r bin_t ((s0) (s0))))
)";

class LabelRulesCommands : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    policy_ = std::make_unique<tests::TempDir>();
    const std::string modules = *policy_ / "small";
    fs::create_directories(modules + "/contexts");
    imagefmt::write_file(modules + "/base.cil", kPolicy);
    imagefmt::write_file(modules + "/contexts/default_contexts",
                         "system_r:init_t:s0 system_r:init_t:s0\n");
    imagefmt::write_file(modules + "/contexts/default_type", "system_r:init_t\n");
    imagefmt::write_file(modules + "/contexts/failsafe_context", "system_r:init_t:s0\n");
    imagefmt::write_file(modules + "/contexts/dbus_contexts", "<busconfig/>\n");
    imagefmt::write_file(modules + "/contexts/securetty_types", "tty\n");
    std::string err;
    const int status = run_with({"policy", "compile", "--policy", modules, "--policy-version", "33",
                                 "--output", *policy_ / "selinux"},
                                &err);
    ASSERT_EQ(status, 0) << err;
  }
  static void TearDownTestSuite() { policy_.reset(); }

  static int run_with(const std::vector<std::string>& args, std::string* err_text = nullptr) {
    std::istringstream in;
    std::ostringstream out, err;
    Io io{in, out, err};
    const int status = run(args, io);
    if (err_text) *err_text = err.str();
    return status;
  }

  void add_program(const std::string& path, const std::string& bytes = "program") const {
    fs::create_directories(fs::path(root() + path).parent_path());
    imagefmt::write_file(root() + path, bytes);
    chmod((root() + path).c_str(), 0555);
  }
  std::string rules(const std::string& text) const {
    imagefmt::write_file(folder_ / "mine.rules", text);
    return folder_ / "mine.rules";
  }

  /// pack() keeps times: one for all.
  void settle_times() const {
    const fs::file_time_type then = fs::last_write_time(*policy_ / "small/base.cil");
    fs::last_write_time(root(), then);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root())) {
      fs::last_write_time(entry.path(), then);
    }
  }
  int pack(const std::vector<std::string>& more, std::string* err = nullptr) const {
    settle_times();
    std::vector<std::string> args = {"pack",   "--format",        "squashfs",      "--root",
                                     root(),   "--file-contexts", file_contexts(), "--policy",
                                     policy(), "--output",        image(),         "--quiet"};
    args.insert(args.end(), more.begin(), more.end());
    return run_with(args, err);
  }
  int verify(const std::vector<std::string>& more, std::string* err = nullptr) const {
    std::vector<std::string> args = {"verify", image(), "--policy", policy()};
    args.insert(args.end(), more.begin(), more.end());
    return run_with(args, err);
  }
  std::string type_of(const imagefmt::FileTree& tree, const std::string& path) const {
    const imagefmt::Node* node = tree.find(path);
    return node ? std::string(node->label.text()) : "(no such path)";
  }

  std::string root() const { return folder_ / "root"; }
  std::string image() const { return folder_ / "root.squashfs"; }
  static std::string policy() { return *policy_ / "selinux/small/policy/policy.33"; }
  static std::string file_contexts() {
    return *policy_ / "selinux/small/contexts/files/file_contexts";
  }

  tests::TempDir folder_;
  static std::unique_ptr<tests::TempDir> policy_;
};
std::unique_ptr<tests::TempDir> LabelRulesCommands::policy_;

std::string store(char digit, const std::string& name) {
  return "/nix/store/" + std::string(32, digit) + '-' + name;
}

TEST_F(LabelRulesCommands, ALookAlikeGainsNothingInAnImageThatIsProven) {
  const std::string nginx = store('1', "nginx-1.22.1") + "/bin/nginx";
  const std::string others[] = {
      store('2', "evil-nginx-1.22.1") + "/bin/nginx",
      store('3', "nginx-evil") + "/bin/nginx",
      store('4', "nginx-evil-1.22.1") + "/bin/nginx",
      store('5', "libnginx-1.22.1") + "/bin/nginx",
      "/nix/store/nginx-1.22.1/bin/nginx",  // without a hash, `1.22.1` is its name
      "/opt/nginx-1.22.1/bin/nginx",
  };
  add_program(nginx);
  for (const std::string& other : others) add_program(other);
  const std::string mine = rules("package nginx /bin/nginx -- httpd_exec_t\n");
  std::string err;
  ASSERT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 0) << err;
  EXPECT_EQ(err, "");

  const imagefmt::FileTree tree = read_image(image());
  EXPECT_EQ(type_of(tree, nginx), "system_u:object_r:httpd_exec_t:s0");
  for (const std::string& other : others) {
    EXPECT_EQ(type_of(tree, other), other.starts_with("/opt") ? "system_u:object_r:file_t:s0"
                                                              : "system_u:object_r:bin_t:s0");
  }

  // The exact rules carry the result, and prove it.
  const std::string exact = folder_ / "file_contexts";
  imagefmt::write_file(exact, policy::serialize_exact_contexts(tree));
  EXPECT_EQ(verify({"--file-contexts", exact}, &err), 0) << err;

  // So do the policy's rules with the label rules, and not without: what an image carries has none.
  EXPECT_EQ(
      verify({"--file-contexts", file_contexts(), "--project-store", "--label-rules", mine}, &err),
      0)
      << err;
  EXPECT_EQ(verify({"--file-contexts", file_contexts(), "--project-store"}, &err), 1);
  EXPECT_THAT(err, HasSubstr("cannot prove '" + nginx +
                             "': found 'system_u:object_r:httpd_exec_t:s0', expected "
                             "'system_u:object_r:bin_t:s0' (" +
                             file_contexts() + ":"));

  // An image without the label is found by the label rules, too.
  ASSERT_EQ(pack({"--project-store"}, &err), 0) << err;
  EXPECT_EQ(
      verify({"--file-contexts", file_contexts(), "--project-store", "--label-rules", mine}, &err),
      1);
  EXPECT_EQ(err, "intaglio: cannot prove '" + nginx +
                     "': found 'system_u:object_r:bin_t:s0', expected "
                     "'system_u:object_r:httpd_exec_t:s0' (" +
                     mine + ":1: package nginx /bin/nginx -- httpd_exec_t)\n");
}

TEST_F(LabelRulesCommands, NameFileAndLine) {
  add_program(store('1', "nginx-1.22.1") + "/bin/nginx");
  const std::string mine =
      rules("package nginx /bin/nginx http_exec_t\npackage apache /bin httpd_exec_t\n");
  std::string err;
  EXPECT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 1);
  EXPECT_EQ(err, "intaglio: cannot apply label rule " + mine +
                     ":1: the policy does not know 'system_u:object_r:http_exec_t:s0'\n");
  EXPECT_FALSE(fs::exists(image()));

  rules("package nginx /bin/nginx httpd_exec_t\npackage apache /bin httpd_exec_t\n");
  EXPECT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 0);
  EXPECT_EQ(err, "intaglio: warning: label rule " + mine +
                     ":2 matches no inode: package apache /bin httpd_exec_t\n");

  rules("package nginx\npackage nginx /bin\n");
  EXPECT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 1);
  EXPECT_EQ(err, "intaglio: cannot read '" + mine +
                     "' line 1: expected a path in the store path after 'nginx'\n"
                     "intaglio: cannot read '" +
                     mine + "' line 2: expected 'as', 'skeleton' or a context after '/bin'\n");
  EXPECT_EQ(pack({"--label-rules", mine}, &err), 2);
  EXPECT_THAT(err, HasSubstr("--label-rules requires --project-store"));
}

/// Of the superblock, at byte 4.
uint32_t inodes_of_squashfs(const std::string& image) {
  const std::string bytes = imagefmt::read_file(image);
  uint32_t count = 0;
  for (size_t i = 0; i < 4; ++i) count |= uint32_t{static_cast<uint8_t>(bytes[4 + i])} << 8 * i;
  return count;
}

TEST_F(LabelRulesCommands, NamesOfOneInodeThatDifferInLabelBecomeTwo) {
  const std::string package = store('1', "tool-1.0");
  std::string bytes;
  for (uint32_t i = 0, x = 1; i < 100'000; ++i)
    bytes += static_cast<char>((x = x * 69069 + 1) >> 24);
  add_program(package + "/bin/tool", bytes);
  fs::create_directories(root() + package + "/share");
  for (const char* other : {"/share/tool", "/bin/tool2"}) {
    ASSERT_EQ(link((root() + package + "/bin/tool").c_str(), (root() + package + other).c_str()),
              0);
  }
  const std::string mine = rules("package tool /share/tool httpd_exec_t\n");
  std::string err;
  ASSERT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 0) << err;
  const std::string optimised = imagefmt::read_file(image());
  const imagefmt::FileTree tree = read_image(image());
  EXPECT_EQ(type_of(tree, package + "/bin/tool"), "system_u:object_r:bin_t:s0");
  EXPECT_EQ(type_of(tree, package + "/bin/tool2"), "system_u:object_r:bin_t:s0");
  EXPECT_EQ(type_of(tree, package + "/share/tool"), "system_u:object_r:httpd_exec_t:s0");
  EXPECT_EQ(inodes_of_squashfs(image()), imagefmt::totals(tree).inodes);
  EXPECT_LT(optimised.size(), 2 * bytes.size());  // their bytes are there once

  // A store that shares nothing gives the same image.
  fs::remove(root() + package + "/share/tool");
  fs::remove(root() + package + "/bin/tool2");
  add_program(package + "/share/tool", bytes);
  add_program(package + "/bin/tool2", bytes);
  ASSERT_EQ(pack({"--project-store", "--label-rules", mine}, &err), 0) << err;
  EXPECT_TRUE(imagefmt::read_file(image()) == optimised);
}

}  // namespace
}  // namespace builder
