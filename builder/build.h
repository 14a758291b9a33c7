// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/boot_part.h"
#include "builder/bootspec.h"
#include "builder/closure.h"
#include "builder/image.h"
#include "builder/kernel.h"
#include "builder/labels_report.h"
#include "builder/sizes.h"
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
  std::vector<std::string> needed_params;  // that the root wants on the kernel's command line
  BootPart boot;                           // empty without a board
  bool has_disk = false;                   // the output has disk.img
  std::unique_ptr<const NamedPolicy> policy;
  imagefmt::FileTree selinux;               // what lies in /etc/selinux
  std::vector<std::string> home_templates;  // what policy::find_rule_origins asks for
  policy::LabelInput rules;
  imagefmt::FileTree tree;
  policy::LabelReport labels;
};

/// The passes up to the labelled tree; writes nothing. What `explain` and the like ask.
LabelledSystem label_system(const SystemOptions& options, imagefmt::Reporter& reporter);

struct BuildOptions {
  SystemOptions system;
  ImageOptions image;  // but format, identity, time and jobs, which the system gives; the
                       // reference is an earlier output folder
  std::string output;
  bool verify = true;   // the labels of what was written; --no-verify: false
  bool report = false;  // finds splits and labels, which costs seconds
};

struct BuildResult {
  uint64_t inodes = 0;
  uint64_t labels = 0;                 // different ones
  uint64_t rules_used = 0, rules = 0;  // that label some inode, of how many
  ImageSizes sizes;
  std::string kernel_release;
  uint32_t policy_version = 0;
  // If a report was asked for.
  std::optional<Splits> splits;
  std::optional<LabelsReport> labels_report;  // none, with a warning, if it cannot be made
};

/// Makes an output folder, or without a board the part of it that is made for none (join.h): whole, or
/// not at all. See contract in README ("Use", "Guarantees").
BuildResult build(const BuildOptions& options, imagefmt::Reporter& reporter);

struct BuildPlan;  // builder/plan.h

/// What build() would write. Makes every check of it that needs no output, and writes nothing.
BuildPlan plan_build(const BuildOptions& options, imagefmt::Reporter& reporter);

}  // namespace builder
