// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_tree.h"

#include <random>

namespace tests {

using namespace imagefmt;

namespace {

/// std distributions differ between libraries; this does not.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(engine_() % limit); }
  bool one_in(uint32_t count) { return below(count) == 0; }

 private:
  std::mt19937 engine_;
};

std::string random_name(Dice& dice) {
  size_t length = dice.one_in(20) ? 255 : 1 + dice.below(12);
  std::string name(length, '\0');
  for (char& c : name) {
    do {
      c = dice.one_in(15) ? static_cast<char>(1 + dice.below(255))
                          : static_cast<char>('a' + dice.below(26));
    } while (c == '/' || c == '.');
  }
  return name;
}

std::string random_bytes(Dice& dice) {
  static constexpr uint32_t kSizes[] = {0, 1, 100, 4096, 131072, 131073, 300000, 700001};
  std::string bytes(kSizes[dice.below(dice.one_in(6) ? 8 : 4)], '\0');
  uint32_t kind = dice.below(3);  // zeros, text that compresses, noise
  for (char& c : bytes) c = static_cast<char>(kind == 0 ? 0 : kind == 1 ? 'x' : dice.below(256));
  return bytes;
}

Node random_node(Dice& dice, const std::vector<Content>& shared) {
  switch (dice.below(10)) {
    case 0:
    case 1:
      return make_directory();
    case 2:
      return make_symlink(std::string(1 + dice.below(dice.one_in(10) ? 4095 : 60), 't'));
    case 3: {
      Device device;
      device.kind = static_cast<Device::Kind>(dice.below(4));
      if (device.kind == Device::Kind::kCharacter || device.kind == Device::Kind::kBlock) {
        device.major = dice.below(4096);
        device.minor = dice.below(1 << 20);
      }
      return {device, 0600};
    }
    case 4:
      return make_regular(shared[dice.below(static_cast<uint32_t>(shared.size()))]);
    default:
      return make_regular(Content::from_bytes(random_bytes(dice)));
  }
}

void dress(Node& node, Dice& dice) {
  static const Label kLabels[] = {
      Label("system_u:object_r:usr_t:s0"), Label("system_u:object_r:bin_t:s0"),
      Label("system_u:object_r:a_rather_long_type_name_that_fits_no_inode_t:s0:c0.c1023")};
  node.label = kLabels[dice.below(3)];
  if (!node.symlink()) node.mode = static_cast<uint16_t>(dice.below(010000));
  node.uid = dice.one_in(5) ? dice.below(1u << 31) : 0;
  node.gid = dice.one_in(5) ? dice.below(1000) : 0;
  node.mtime = dice.one_in(5) ? static_cast<int64_t>(dice.below(1u << 31)) : 1;
  if (node.regular() && dice.one_in(10)) {
    node.xattrs = std::make_unique<Xattrs>();
    (*node.xattrs)["security.capability"] =
        std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    if (dice.one_in(2)) (*node.xattrs)["user.note"] = std::string(dice.below(300), 'n');
  }
}

}  // namespace

FileTree random_tree(uint32_t seed, size_t nodes) {
  Dice dice(seed);
  std::vector<Content> shared;
  for (int i = 0; i < 5; ++i) shared.push_back(Content::from_bytes(random_bytes(dice)));

  FileTree tree;
  dress(tree.root(), dice);
  std::vector<std::string> folders = {""};
  for (size_t i = 0; i < nodes; ++i) {
    // Two statements, so that compilers throw the dice in one order.
    const std::string name = random_name(dice);
    const std::string path =
        folders[dice.below(static_cast<uint32_t>(folders.size()))] + '/' + name;
    if (tree.find(path)) continue;
    Node& node = tree.insert(path, random_node(dice, shared));
    dress(node, dice);
    if (node.directory() && path.size() < 2000) folders.push_back(path);
  }
  return tree;
}

void add_limits(FileTree& tree, int64_t latest_time, bool has_acls) {
  auto add = [&](const std::string& name, Node node) -> Node& {
    Node& added = tree.insert("/limits/" + name, std::move(node));
    added.label = Label("system_u:object_r:usr_t:s0");
    return added;
  };
  auto with_xattr = [](Node& node, const std::string& name, std::string value) {
    if (!node.xattrs) node.xattrs = std::make_unique<Xattrs>();
    (*node.xattrs)[name] = std::move(value);
  };
  Node& owned = add("ids", make_regular(Content::from_bytes("owned")));
  owned.uid = UINT32_MAX - 1;
  owned.gid = UINT32_MAX - 2;
  add("latest", make_regular(Content::from_bytes("late"))).mtime = latest_time;
  add("earliest", make_symlink("somewhere")).mtime = 0;
  add("character", Node(Device{Device::Kind::kCharacter, 4095, (1 << 20) - 1}, 0600));
  add("block", Node(Device{Device::Kind::kBlock, 259, 0}, 0660));
  add("fifo", Node(Device{Device::Kind::kFifo}, 0666));
  add("socket", Node(Device{Device::Kind::kSocket}, 0777));
  add("set-ids", make_regular(Content::from_bytes("set"))).mode = 06755;
  add("sticky", make_directory(01777));
  std::string sparse(8 << 20, '\0');
  sparse[3 << 20] = 'x';
  add("sparse", make_regular(Content::from_bytes(std::move(sparse))));
  // linux/capability.h: version and the effective bit, two words each of what is permitted and
  // inheritable, and in version 3 the id of the namespace's root.
  const std::string words = std::string("\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  with_xattr(add("capable", make_regular(Content::from_bytes("2"))), "security.capability",
             std::string("\1\0\0\2", 4) + words);
  with_xattr(add("capable-below", make_regular(Content::from_bytes("3"))), "security.capability",
             std::string("\1\0\0\3", 4) + words + std::string("\xe8\3\0\0", 4));
  with_xattr(add("trusted", make_directory()), "trusted.note", "trusted");
  if (!has_acls) return;
  // linux/posix_acl_xattr.h: the version; of each entry tag, permissions and id.
  const std::string nobody(4, '\xff');
  const std::string acl = std::string("\2\0\0\0", 4) + std::string("\1\0\7\0", 4) + nobody +
                          std::string("\2\0\5\0\xe8\3\0\0", 8) + std::string("\4\0\5\0", 4) +
                          nobody + std::string("\x10\0\5\0", 4) + nobody +
                          std::string("\x20\0\0\0", 4) + nobody;
  with_xattr(add("acl", make_regular(Content::from_bytes("acl"), 0750)), "system.posix_acl_access",
             acl);
  Node& folder = add("acls", make_directory(0750));
  with_xattr(folder, "system.posix_acl_access", acl);
  with_xattr(folder, "system.posix_acl_default", acl);
}

}  // namespace tests
