// SPDX-License-Identifier: Apache-2.0
#include "builder/pack.h"

#include <algorithm>
#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/scan.h"
#include "policy/label.h"
#include "policy/policydb.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::Stage;

namespace {

/// An image that lies in the folder would become a part of the next one, and of itself.
void check_is_outside(const std::string& output, const std::string& root) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::path folder = fs::canonical(root, failure);
  if (failure) return;  // the scan will say why
  const fs::path image = fs::weakly_canonical(fs::absolute(output), failure);
  if (failure) imagefmt::throw_errno(fmt::format("find '{}'", output), failure.value());
  if (std::mismatch(folder.begin(), folder.end(), image.begin(), image.end()).first ==
      folder.end()) {
    throw Error(fmt::format("cannot write '{}': it lies in the folder '{}' that is to be packed",
                            output, root));
  }
}

FileTree read_tree(const PackOptions& options, imagefmt::Reporter& reporter) {
  Stage stage(reporter, "reading the folder", 0, "inodes");
  FileTree tree(imagefmt::scan_folder(
      options.root, {.metadata = imagefmt::Metadata::kKept, .jobs = options.image.jobs}));
  stage.advance(imagefmt::totals(tree).inodes);
  return tree;
}

std::optional<policy::PolicyDb> read_policy(const std::string& file, std::string_view filesystem,
                                            imagefmt::Reporter& reporter) {
  if (file.empty()) return std::nullopt;
  policy::PolicyDb policy = policy::PolicyDb::from_image(imagefmt::read_file(file), file);
  const std::vector<std::string> read = policy.xattr_filesystems();
  if (std::find(read.begin(), read.end(), filesystem) == read.end()) {
    reporter.warn(
        fmt::format("policy '{}' has no rule 'fs_use_xattr {}': a kernel with it ignores "
                    "the labels in the image",
                    file, filesystem));
  }
  return policy;
}

}  // namespace

PackResult pack(const PackOptions& options, imagefmt::Reporter& reporter) {
  // What was given, read and checked, before any long work.
  check_is_outside(options.output, options.root);
  check_image_options(options.image);
  policy::LabelInput rules;
  rules.contexts = policy::FileContexts::load(options.file_contexts);
  rules.label_rules = policy::LabelRules::load(options.label_rules);
  const std::optional<policy::PolicyDb> policy =
      read_policy(options.policy, to_text(options.image.format), reporter);
  if (policy) {
    rules.context_is_valid = [&](std::string_view context) { return policy->accepts(context); };
  }
  rules.project_store = options.project_store;
  rules.jobs = options.image.jobs;
  imagefmt::OutputFile output(options.output);

  FileTree tree = read_tree(options, reporter);
  const policy::LabelReport labels = policy::label(tree, rules, reporter);

  // From here on the tree is const.
  write_image(tree, options.image, output.file(), reporter);
  const uint64_t size_bytes = output.file().size_bytes();
  output.commit();
  return {labels.inodes, labels.by_context.size(), size_bytes};
}

}  // namespace builder
