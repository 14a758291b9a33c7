// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/boot_files.h"
#include "builder/bootspec.h"
#include "builder/closure.h"
#include "builder/image.h"
#include "builder/kernel.h"
#include "builder/labels_report.h"
#include "builder/splits.h"
#include "builder/system_options.h"
#include "policy/label.h"

namespace builder {

/// The labelled tree of a system, and what led to it. Moves; `rules` refers to `*policy`.
struct LabelledSystem {
  Closure closure;
  Bootspec spec;
  Kernel kernel;
  std::string format;  // of the root's file system, as `rootfstype=` and `fs_use_xattr` have it
  std::string command_line;          // empty without a board
  std::vector<BootFile> boot_files;  // as the board's loader takes them; none without a board
  std::unique_ptr<const NamedPolicy> policy;
  imagefmt::FileTree selinux;               // what lies in /etc/selinux
  std::vector<std::string> home_templates;  // what policy::find_rule_origins asks for
  policy::LabelInput rules;
  imagefmt::FileTree tree;
  policy::LabelReport labels;
};

/// The passes up to the labelled tree; writes nothing. What `explain` and the like ask.
LabelledSystem label_system(const SystemOptions& options, imagefmt::Reporter& reporter);

enum class LabelsDetail {
  kNone,
  kSummary,  // without the rules' origins
  kAll,
};

struct BuildOptions {
  SystemOptions system;
  ImageOptions image;  // but format, identity, time and jobs, which the system gives
  std::string output;
  bool verify = true;          // the labels of what was written; --no-verify: false
  bool report_splits = false;  // costs an lstat for each file of the store
  LabelsDetail report_labels = LabelsDetail::kNone;
};

struct BuildResult {
  uint64_t inodes = 0;
  uint64_t root_bytes = 0;
  std::string kernel_release;
  uint32_t policy_version = 0;
  std::optional<Splits> splits;  // if they were asked for, as is the next
  std::optional<LabelsReport> labels;
};

/// Makes an output folder: whole, or not at all. See contract in README ("Use", "Guarantees").
BuildResult build(const BuildOptions& options, imagefmt::Reporter& reporter);

struct BuildPlan;  // builder/plan.h

/// What build() would write. Makes every check of it that needs no output, and writes nothing.
BuildPlan plan_build(const BuildOptions& options, imagefmt::Reporter& reporter);

}  // namespace builder
