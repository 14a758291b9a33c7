// SPDX-License-Identifier: Apache-2.0
#include "builder/pack.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "imagefmt/base/file.h"
#include "imagefmt/scan.h"
#include "imagefmt/tar/tar.h"
#include "policy/label.h"
#include "policy/policydb.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::Stage;

namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "standard input";

/// An image that lies in the folder would become a part of the next one, and of itself; one in the
/// place of its archive would be the last.
void check_output(const PackOptions& options) {
  std::error_code failure;
  const fs::path image = fs::weakly_canonical(fs::absolute(options.output), failure);
  if (failure) imagefmt::throw_errno(fmt::format("find '{}'", options.output), failure.value());
  auto refuse = [&](const std::string& reason) {
    throw Error(fmt::format("cannot write '{}': {}", options.output, reason));
  };
  if (!options.tar.empty()) {
    if (fs::equivalent(options.tar, image, failure)) refuse("it is the tar that is to be packed");
    return;
  }
  const fs::path folder = fs::canonical(options.root, failure);
  if (failure) return;  // the scan will say why
  if (std::mismatch(folder.begin(), folder.end(), image.begin(), image.end()).first ==
      folder.end()) {
    refuse(fmt::format("it lies in the folder '{}' that is to be packed", options.root));
  }
}

/// What is wrong with an option's value is wrong usage.
template <class Body>
auto from_command_line(Body body) {
  try {
    return body();
  } catch (const Error& error) {
    throw imagefmt::UsageError(error.what());
  }
}

imagefmt::Selection selection_of(const std::vector<PathRule>& rules) {
  imagefmt::Selection selection;
  for (const PathRule& rule : rules) {
    switch (rule.kind) {
      case PathRule::Kind::kExclude:
        from_command_line([&] { selection.exclude(rule.text); });
        break;
      case PathRule::Kind::kInclude:
        from_command_line([&] { selection.include(rule.text); });
        break;
      case PathRule::Kind::kExcludeFrom:
        selection.add_lines(imagefmt::read_file(rule.text), rule.text);
    }
  }
  return selection;
}

FileTree read_folder(const PackOptions& options, const imagefmt::Selection& selection,
                     std::istream& in, imagefmt::Reporter& reporter) {
  Stage stage(reporter, "reading the folder", 0, "inodes");
  std::optional<imagefmt::PathList> list;
  if (options.list_end) list = imagefmt::PathList::read(in, *options.list_end);
  FileTree tree(imagefmt::scan_folder(options.root, {.metadata = imagefmt::Metadata::kKept,
                                                     .jobs = options.image.jobs,
                                                     .selection = &selection,
                                                     .list = list ? &*list : nullptr}));
  stage.advance(imagefmt::totals(tree).inodes);
  return tree;
}

FileTree read_archive(const PackOptions& options, const imagefmt::Selection& selection,
                      std::istream& in, imagefmt::Reporter& reporter) {
  Stage stage(reporter, "reading the tar", 0, "inodes");
  const fs::path output = fs::absolute(options.output);
  const imagefmt::TarOptions tar{.spool_folder = output.parent_path(),
                                 .implied_mtime = options.image.image_mtime};
  auto read = [&]() -> FileTree {
    if (options.tar == "-") return imagefmt::read_tar(in, kStandardInput, tar);
    std::error_code failure;
    if (fs::is_regular_file(options.tar, failure)) {
      return imagefmt::read_tar(
          std::make_shared<const imagefmt::File>(imagefmt::File::open_for_reading(options.tar)),
          tar);
    }
    std::ifstream stream(options.tar, std::ios::binary);  // of a pipe, say
    if (!stream) imagefmt::throw_errno(fmt::format("open '{}'", options.tar));
    return imagefmt::read_tar(stream, options.tar, tar);
  };
  FileTree tree = read();
  imagefmt::prune(tree, selection);
  stage.advance(imagefmt::totals(tree).inodes);
  return tree;
}

void set_owners(FileTree& tree, const std::vector<imagefmt::OwnerRule>& rules,
                imagefmt::Reporter& reporter) {
  for (const imagefmt::OwnerRule* unused : imagefmt::set_owners(tree, rules)) {
    reporter.warn(
        fmt::format("no path matches the pattern '{}' of an owner", unused->pattern.text()));
  }
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

void pack(const PackOptions& options, std::istream& in, imagefmt::Reporter& reporter,
          const std::function<void(const PackResult&)>& describe) {
  // What was given, read and checked, before any long work.
  check_output(options);
  check_image_options(options.image);
  const imagefmt::Selection selection = selection_of(options.rules);
  std::vector<imagefmt::OwnerRule> owners;
  for (const std::string& owner : options.owners) {
    owners.push_back(from_command_line([&] { return imagefmt::parse_owner_rule(owner); }));
  }
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
  imagefmt::OutputFile output(options.output), index(imagefmt::index_path(options.output));

  FileTree tree = options.tar.empty() ? read_folder(options, selection, in, reporter)
                                      : read_archive(options, selection, in, reporter);
  set_owners(tree, owners, reporter);
  choose_compression(tree, options.image, reporter);
  const policy::LabelReport labels = policy::label(tree, rules, reporter);

  // From here on the tree is const.
  imagefmt::WrittenImage written = write_image(tree, options.image, output.file(), reporter);
  index.file().write(0, std::exchange(written.index, {}));
  describe({labels.inodes, labels.by_context.size(), measure_sizes(tree, std::move(written))});
  // What ends in between leaves the old image, and an index that is known not to be its own.
  index.commit();
  output.commit();
}

}  // namespace builder
