// SPDX-License-Identifier: Apache-2.0
#include "builder/store_scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <set>

#include "builder/store_name.h"
#include "imagefmt/dump.h"
#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using imagefmt::FileTree;
using imagefmt::Node;
using tests::error_of;
using tests::TinyStore;

/// A store that has a toplevel, and so can be read.
struct Store : TinyStore {
  Store() : system(add("system")) {
    file(system + "/init");
    file(system + "/nixos-version");
  }
  std::string system;
};

FileTree scanned(const Store& store, const Closure& closure, unsigned jobs = 0) {
  return FileTree(Node(scan_store(closure.paths, store.root(), jobs), 0755));
}

TEST(StoreScan, MakesMetadataCanonical) {
  Store store;
  std::string path = store.add("a-package"), file = store.add("single"), link = store.add("link");
  store.file(path + "/bin/run", "#!", 0755);
  chmod(store.host(path + "/bin/run").c_str(), 04755);  // which a sandbox may forbid
  store.file(path + "/share/text", "hello", 0644);
  store.file(path + "/share/group-may", "", 0454);
  store.link(path + "/share/up", "../bin");
  store.folder(path + "/empty");
  chmod(store.host(path + "/empty").c_str(), 02777);
  std::filesystem::create_hard_link(store.host(path + "/share/text"),
                                    store.host(path + "/share/twin"));
  store.file(file, "f", 0600);
  store.link(link, path);
  FileTree tree = scanned(store, store.read());

  std::string at = '/' + std::string(base_name_of(path));
  const struct {
    std::string path;
    char type;
    uint16_t mode;
  } kExpected[] = {
      {at, 'd', 0555},
      {at + "/bin/run", 'f', 0555},
      {at + "/share/text", 'f', 0444},
      {at + "/share/twin", 'f', 0444},
      {at + "/share/group-may", 'f', 0444},
      {at + "/share/up", 'l', 0777},
      {at + "/empty", 'd', 0555},
      {'/' + std::string(base_name_of(file)), 'f', 0444},
      {'/' + std::string(base_name_of(link)), 'l', 0777},
  };
  for (const auto& expected : kExpected) {
    const Node* node = tree.find(expected.path);
    ASSERT_TRUE(node) << expected.path;
    EXPECT_EQ(type_letter(*node), expected.type) << expected.path;
    EXPECT_EQ(node->mode, expected.mode) << expected.path;
    EXPECT_EQ(node->uid, 0u);
    EXPECT_EQ(node->gid, 0u);
    EXPECT_EQ(node->mtime, 1);
    EXPECT_FALSE(node->xattrs);
  }
  EXPECT_EQ(tree.find(at + "/share/text")->regular()->content.read_all(), "hello");
  EXPECT_EQ(tree.find(at + "/share/up")->symlink()->target, "../bin");
}

TEST(StoreScan, TakesOnlyWhatIsOfTheClosure) {
  Store store;
  store.file("/nix/store/" + std::string(32, '0') + "-stranger/file");
  store.file("/nix/store/.links/x");
  FileTree tree = scanned(store, store.read());
  ASSERT_EQ(tree.root().directory()->entries.size(), 1u);
}

TEST(StoreScan, IdentifiesFilesByHashAndPlace) {
  // The ids of two stores' files: of another host, of another day.
  auto ids = [](char hash) {
    Store store;
    store.file(store.system + "/share/a", "same");
    store.file(store.system + "/share/b", "same");
    const std::string single = store.add("single");
    store.file(single);
    Closure closure = store.read();
    for (StorePathInfo& info : closure.paths) {
      info.nar_hash = std::string(64, info.path == single ? '1' : hash);
    }
    std::map<std::string, imagefmt::ContentId> found;
    walk(scanned(store, closure), [&](const std::string& path, const Node& node) {
      if (node.regular()) found[path] = node.regular()->content.id().value();
    });
    return found;
  };
  const auto first = ids('0'), second = ids('0'), other = ids('2');
  EXPECT_EQ(first.size(), 5u);
  EXPECT_EQ(first, second);
  std::set<imagefmt::ContentId> different;
  for (const auto& [path, id] : first) {
    different.insert(id);
    EXPECT_EQ(id == other.at(path), path.ends_with("-single")) << path;
  }
  EXPECT_EQ(different.size(), first.size());
}

TEST(StoreScan, DoesNotDependOnThreads) {
  Store store;
  for (int i = 0; i < 50; ++i) {
    std::string path = store.add("package-" + std::to_string(i));
    for (int j = 0; j < i; ++j) {
      store.file(path + "/share/" + std::to_string(j * 7919 % 100), std::to_string(j), 0444);
    }
    store.folder(path);
  }
  Closure closure = store.read();
  std::vector<std::string> one = dump(scanned(store, closure, 1));
  EXPECT_EQ(one.size(), 1 + 3 + 50 + 49 + 49 * 50 / 2u);
  EXPECT_EQ(dump(scanned(store, closure, 7)), one);
}

TEST(StoreScan, NamesAllThatCannotBeTaken) {
  Store store;
  std::string path = store.system;
  ASSERT_EQ(mkfifo(store.host(path + "/fifo").c_str(), 0644), 0);
  store.folder(path + "/sub");
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = store.host("/s");  // a socket's path is short; it may move afterwards
  ASSERT_LT(name.size(), sizeof address.sun_path);
  name.copy(address.sun_path, name.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(fd);
  std::filesystem::rename(name, store.host(path + "/sub/socket"));
  const std::string why = ", expected a file, a folder or a symlink";
  EXPECT_EQ(error_of([&] { store.read(); }), "cannot take '" + store.host(path) + "/fifo': a fifo" +
                                                 why + "\ncannot take '" + store.host(path) +
                                                 "/sub/socket': a socket" + why);
}

TEST(StoreScan, NamesWhatMayNotBeRead) {
  Store store;
  store.file(store.system + "/secret", "x");
  store.folder(store.system + "/vault");
  Closure closure = store.read();
  chmod(store.host(store.system + "/secret").c_str(), 0000);
  chmod(store.host(store.system + "/vault").c_str(), 0000);
  chmod(store.root().c_str(), 0755);
  bool root = geteuid() == 0;  // who may read everything
  ASSERT_EQ(root ? seteuid(65534) : 0, 0);
  std::string message = error_of([&] { scan_store(closure.paths, store.root()); });
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  chmod(store.host(store.system + "/vault").c_str(), 0755);
  EXPECT_EQ(message, "cannot read '" + store.host(store.system) +
                         "/secret': Permission denied\ncannot open folder '" +
                         store.host(store.system) + "/vault': Permission denied");
}

TEST(StoreScan, RefusesATreeThatIsTooDeep) {
  // The scan holds a descriptor for each folder on its way down.
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  Store store;
  // Made step by step: the whole path is longer than a call can take.
  int folder = open(store.host(store.system).c_str(), O_RDONLY | O_DIRECTORY);
  for (size_t depth = 4; depth <= imagefmt::kMaxDepth; ++depth) {
    ASSERT_EQ(mkdirat(folder, "d", 0755), 0);
    int next = openat(folder, "d", O_RDONLY | O_DIRECTORY);
    close(folder);
    folder = next;
  }
  ASSERT_GE(folder, 0);
  EXPECT_EQ(error_of([&] { store.read(); }), "(no error)");
  ASSERT_EQ(mkdirat(folder, "d", 0755), 0);
  close(folder);
  std::string deepest = store.host(store.system);
  for (size_t depth = 4; depth <= imagefmt::kMaxDepth + 1; ++depth) deepest += "/d";
  EXPECT_EQ(error_of([&] { store.read(); }),
            "cannot take '" + deepest + "': deeper than 1024 folders");
}

}  // namespace
}  // namespace builder
