// SPDX-License-Identifier: Apache-2.0
#include "builder/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/exact_contexts.h"

namespace builder {

BuildPlan plan(const LabelledSystem& system, const ImageOptions& image) {
  BuildPlan plan;
  const BootPart& boot = system.boot;
  plan.files = {{"file_contexts", policy::serialize_exact_contexts(system.tree).size()}};
  if (!boot.initrd.empty()) {
    plan.files.push_back({"cmdline", boot.command_line.size() + 1});
    plan.files.push_back({"initrd", boot.initrd.content().size_bytes()});
    plan.files.push_back({"kernel", boot.kernel.size_bytes()});
    plan.files.push_back({"kernel-config.fragment", boot.kernel_config_fragment.size()});
  }
  imagefmt::walk(system.selinux, [&](const std::string& path, const imagefmt::Node& node) {
    if (node.regular()) {
      plan.files.push_back({"policy" + path, node.regular()->content.size_bytes()});
    }
  });
  for (const BootFile& file : boot.files) {
    plan.files.push_back({file.name, file.size_bytes});
  }
  std::ranges::sort(plan.files, {}, &PlannedFile::name);

  plan.root_image = "root." + system.format;
  plan.root_bytes = planned_image_size(system.tree, image);
  plan.inodes = system.labels.inodes;
  plan.inodes_by_context = system.labels.by_context;
  plan.data = tabulate_sizes(system.tree, {});
  return plan;
}

std::string to_text(const BuildPlan& plan) {
  std::string text = "bytes of files:\n";
  auto add = [&text](uint64_t amount, std::string_view of) {
    text += fmt::format("{:>12}  {}\n", amount, of);
  };
  for (const PlannedFile& file : plan.files) add(file.size_bytes, file.name);
  text += fmt::format("{}, of {} inodes{}:\n", plan.root_image, plan.inodes,
                      plan.root_bytes ? "" : "; its own size is known only once it is written");
  if (plan.root_bytes) add(*plan.root_bytes, "bytes of the image");
  add(plan.data.all.bytes, plan.root_bytes
                               ? "bytes of its files, equal files counted each time"
                               : "bytes of its files, uncompressed, equal files counted each time");
  text += "inodes by label:\n";
  for (const auto& [context, inodes] : plan.inodes_by_context) add(inodes, context);
  auto add_table = [&](const char* title, const std::vector<NamedSizes>& rows,
                       const char* nameless) {
    text += fmt::format("bytes of its files by {}:\n", title);
    for (const NamedSizes& row : rows) {
      add(row.sizes.bytes, row.name.empty() ? nameless : row.name);
    }
  };
  add_table("label", plan.data.by_label, "no label");
  add_table("package", plan.data.by_package, "outside of the store");
  add_table("store path", plan.data.by_store_path, "outside of the store");
  return text;
}

}  // namespace builder
