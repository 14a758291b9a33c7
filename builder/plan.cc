// SPDX-License-Identifier: Apache-2.0
#include "builder/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/store_name.h"
#include "policy/exact_contexts.h"

namespace builder {

namespace {

uint64_t size_on_host(const Closure& closure, const std::string& path) {
  return imagefmt::Content::from_host_file(closure.host_path(path)).size_bytes();
}

}  // namespace

BuildPlan plan(const LabelledSystem& system) {
  BuildPlan plan;
  plan.files = {{"cmdline", system.command_line.size() + 1},
                {"file_contexts", policy::serialize_exact_contexts(system.tree).size()},
                {"initrd", size_on_host(system.closure, system.spec.initrd.value())},
                {"kernel", size_on_host(system.closure, system.spec.kernel)}};
  imagefmt::walk(system.selinux, [&](const std::string& path, const imagefmt::Node& node) {
    if (node.regular()) {
      plan.files.push_back({"policy" + path, node.regular()->content.size_bytes()});
    }
  });
  for (const BootFile& file : system.boot_files) {
    plan.files.push_back({file.name, file.bytes.size()});
  }
  std::ranges::sort(plan.files, {}, &PlannedFile::name);

  plan.root_image = "root." + system.format;
  plan.inodes = system.labels.inodes;
  plan.inodes_by_context = system.labels.by_context;
  imagefmt::walk(system.tree, [&](const std::string& path, const imagefmt::Node& node) {
    if (!node.regular()) return;
    const uint64_t size_bytes = node.regular()->content.size_bytes();
    plan.data_bytes += size_bytes;
    plan.data_bytes_by_store_path[std::string(store_path_of(path))] += size_bytes;
  });
  return plan;
}

std::string to_text(const BuildPlan& plan) {
  std::string text = "bytes of files:\n";
  auto add = [&text](uint64_t amount, std::string_view of) {
    text += fmt::format("{:>12}  {}\n", amount, of);
  };
  for (const PlannedFile& file : plan.files) add(file.size_bytes, file.name);
  text += fmt::format(
      "{}, of {} inodes; its own size, after compression, is known only once it is written:\n",
      plan.root_image, plan.inodes);
  add(plan.data_bytes, "bytes of its files, uncompressed, equal files counted each time");
  text += "inodes by label:\n";
  for (const auto& [context, inodes] : plan.inodes_by_context) add(inodes, context);
  text += "uncompressed bytes by store path:\n";
  std::vector<std::pair<std::string, uint64_t>> paths(plan.data_bytes_by_store_path.begin(),
                                                      plan.data_bytes_by_store_path.end());
  std::ranges::stable_sort(paths, std::greater<>(), [](const auto& path) { return path.second; });
  for (const auto& [path, size_bytes] : paths) {
    add(size_bytes, path.empty() ? "outside the store" : path);
  }
  return text;
}

}  // namespace builder
