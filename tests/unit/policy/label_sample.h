// SPDX-License-Identifier: Apache-2.0
//
// A tree and a policy in small, to try labels with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "imagefmt/tree.h"
#include "policy/label.h"
#include "tests/support/temp_dir.h"

namespace tests {

// A policy in small: types stand for whole contexts.
inline constexpr std::string_view kPolicy =
    "/.*                          default\n"
    "/                    -d      root\n"
    "/nix(/.*)?                   skeleton\n"
    "/boot/.*                     boot\n"
    "/etc/.*                      etc\n"
    "/usr/.*                      usr\n"
    "/var/.*                      var\n"
    "/run/.*                      <<none>>\n"
    "/mnt/.*              -l      link\n"
    "/usr/bin(/.*)?               bin\n"
    "/usr/lib(/.*)?               lib\n"
    "/usr/sbin(/.*)?              bin\n"
    "/etc/ssl(/.*)?               cert\n"
    "/usr/share/zone(/.*)?        zone\n"
    "/usr/bin/d.*         --      d_regex\n"
    "/usr/lib/modules(/.*)?       modules\n"
    "/usr/lib/systemd/system(/.*)?  unit\n"
    "/usr/lib/systemd/user(/.*)?  user_unit\n"
    "/usr                 -d      usr\n"
    "/etc                 -d      etc\n"
    "/var                 -d      var\n"
    "/run                 -d      run\n"
    "/tmp                 -d      tmp\n"
    "/proc                -d      <<none>>\n"
    "/init                --      bin\n"
    "/vmlinuz             -l      boot\n"
    "/usr/sbin/sshd       --      sshd_exec\n"
    "/usr/bin/login       --      login_exec\n"
    "/usr/bin/doublexx    --      own_exec\n"
    "/usr/bin/sh          --      shell\n"
    "/etc/shadow          --      shadow\n"
    "/etc/gshadow         --      gshadow\n"
    "/boot/System\\.map    --      map\n";

inline policy::LabelInput input_for(std::string_view policy,
                                    std::vector<policy::StorePath> store_paths = {}) {
  policy::LabelInput input;
  input.contexts = policy::FileContexts::parse(
      {{{"fc", std::string(policy)}},
       {{"subs_dist", "/bin /usr/bin\n/etc/systemd/system /usr/lib/systemd/system\n"}}});
  input.store_paths = std::move(store_paths);
  return input;
}

struct WarningKeeper : imagefmt::SilentReporter {
  void warn(std::string_view message) noexcept override { warnings.emplace_back(message); }
  std::vector<std::string> warnings;
};

/// A tree to be labelled, file by file.
struct Sample {
  imagefmt::FileTree tree;
  std::vector<policy::StorePath> store_paths;

  void file(std::string_view path, uint16_t mode = 0444) {
    tree.insert(path, imagefmt::make_regular(imagefmt::Content::from_bytes("x"), mode));
  }
  void link(std::string_view path, std::string target) {
    tree.insert(path, imagefmt::make_symlink(std::move(target)));
  }
  void folder(std::string_view path) { tree.insert(path, imagefmt::make_directory()); }
  void role(std::string name, policy::StorePathRole role) {
    store_paths.push_back({std::move(name), role});
  }

  std::string label_all(std::string_view policy = kPolicy) {
    return label_by(input_for(policy, store_paths));
  }
  std::string label_by(const policy::LabelInput& input) {
    return error_of([&] { report = policy::label(tree, input, reporter); });
  }
  std::string of(std::string_view path) const {
    const imagefmt::Node* node = tree.find(path);
    return node ? std::string(node->label.text()) : "(no such path)";
  }
  policy::LabelReport report;
  WarningKeeper reporter;
};

}  // namespace tests
