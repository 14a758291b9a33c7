// SPDX-License-Identifier: Apache-2.0
#include "policy/coverage.h"

#include <string_view>

namespace policy {

namespace {

/// FHS 3.0, chapters 3 to 6, and /run.
constexpr std::string_view kPlaces[] = {
    "",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/opt",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/games",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/games",
    "/usr/local/include",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/libexec",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/local/src",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
};

}  // namespace

std::vector<bool> find_catch_alls(const FileContexts& contexts) {
  std::vector<bool> found(contexts.rules().size());
  for (std::string_view place : kPlaces) {
    const std::string path = std::string(place) + "/\x7f";
    for (FileType type :
         {FileType::kRegular, FileType::kDirectory, FileType::kSymlink, FileType::kCharacter,
          FileType::kBlock, FileType::kFifo, FileType::kSocket}) {
      const ContextRule* rule = contexts.lookup(path, type);
      if (rule && !rule->is_literal && !rule->is_none()) found[contexts.index_of(*rule)] = true;
    }
  }
  return found;
}

Coverage measure_coverage(const imagefmt::FileTree& tree, const LabelInput& input) {
  Coverage coverage;
  coverage.is_catch_all = find_catch_alls(input.contexts);
  coverage.by_rule.resize(input.contexts.rules().size());
  coverage.by_label_rule.resize(input.label_rules.rules().size());
  expect_labels(
      tree, input,
      [&](const std::string& path, const imagefmt::Node& node, const ExpectedLabel& expected) {
        ++coverage.inodes;
        ++coverage.by_label[std::string(node.label.text())];
        if (!expected.rule) {
          ++coverage.by_label_rule[input.label_rules.index_of(*expected.label_rule)];
          return;
        }
        const size_t rule = input.contexts.index_of(*expected.rule);
        ++coverage.by_rule[rule];
        if (coverage.is_catch_all[rule]) coverage.caught.push_back({path, rule});
      });
  return coverage;
}

}  // namespace policy
