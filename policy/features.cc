// SPDX-License-Identifier: Apache-2.0
#include "policy/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "policy/text_lines.h"

namespace policy {

namespace {

struct Statement {
  std::string_view text;                  // without indentation
  std::string_view head;                  // `allow`
  std::array<std::string_view, 5> words;  // what follows the head, split at blanks
  size_t word_count = 0;                  // of all words, also beyond those kept
  bool conditional = false;
};

Statement parse_statement(std::string_view line) {
  Statement statement;
  size_t indent = std::min(line.find_first_not_of(' '), line.size());
  statement.conditional = indent > 0;
  line.remove_prefix(indent);
  statement.text = line;
  if (line.starts_with('(')) line.remove_prefix(1);
  if (line.ends_with(')')) line.remove_suffix(1);
  auto take_word = [&] {
    size_t end = std::min(line.find(' '), line.size());
    std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
  };
  statement.head = take_word();
  while (!line.empty()) {
    std::string_view word = take_word();
    if (statement.word_count < statement.words.size()) statement.words[statement.word_count] = word;
    ++statement.word_count;
  }
  return statement;
}

bool is_xperm_rule(const Statement& s) {
  return s.head == "allowx" || s.head == "auditallowx" || s.head == "dontauditx";
}

struct Feature {
  uint32_t since;  // the policy version that brought it
  const char* name;
  bool droppable;
  bool (*matches)(const Statement&);
};

// In the order of libsepol/src/write.c's versions, newest first. Not here, since nothing is lost:
// 33 (compressed file name transitions) is another encoding, the names in constraints of 29 are
// for people, and attribute names (24) are not looked up by a kernel.
constexpr Feature kFeatures[] = {
    {35, "neveraudit types (typeneveraudit)", true,
     [](const Statement& s) { return s.head == "typeneveraudit"; }},
    {34, "extended permissions in conditionals (allowx in booleanif)", false,
     [](const Statement& s) { return s.conditional && is_xperm_rule(s); }},
    {32, "greatest lower bounds of ranges (defaultrange glblub)", true,
     [](const Statement& s) { return s.head == "defaultrange" && s.words[1] == "glblub"; }},
    {31, "InfiniBand contexts (ibpkeycon, ibendportcon)", true,
     [](const Statement& s) { return s.head == "ibpkeycon" || s.head == "ibendportcon"; }},
    {30, "extended permissions (allowx)", false,
     [](const Statement& s) { return is_xperm_rule(s); }},
    {28, "default types of new objects (defaulttype)", true,
     [](const Statement& s) { return s.head == "defaulttype"; }},
    {27, "default users, roles and ranges of new objects (defaultuser, defaultrole, defaultrange)",
     true,
     [](const Statement& s) {
       return s.head == "defaultuser" || s.head == "defaultrole" || s.head == "defaultrange";
     }},
    {26, "role transitions of classes other than process (roletransition)", true,
     [](const Statement& s) { return s.head == "roletransition" && s.words[2] != "process"; }},
    // (typetransition SOURCE TARGET CLASS NAME TYPE), and the name may hold blanks.
    {25, "file name transitions (typetransition with a name)", true,
     [](const Statement& s) { return s.head == "typetransition" && s.word_count > 4; }},
    {24, "bounds (typebounds, rolebounds, userbounds)", true,
     [](const Statement& s) {
       return s.head == "typebounds" || s.head == "rolebounds" || s.head == "userbounds";
     }},
    {23, "permissive types (typepermissive)", true,
     [](const Statement& s) { return s.head == "typepermissive"; }},
    {22, "policy capabilities (policycap)", true,
     [](const Statement& s) { return s.head == "policycap"; }},
    {21, "range transitions of classes other than process (rangetransition)", true,
     [](const Statement& s) { return s.head == "rangetransition" && s.words[2] != "process"; }},
    {19, "MLS (mls true)", false,
     [](const Statement& s) { return s.head == "mls" && s.words[0] == "true"; }},
    {19, "transition constraints (validatetrans, mlsvalidatetrans)", true,
     [](const Statement& s) { return s.head == "validatetrans" || s.head == "mlsvalidatetrans"; }},
    {17, "IPv6 nodes (nodecon)", true,
     [](const Statement& s) {
       return s.head == "nodecon" && s.words[0].find(':') != std::string_view::npos;
     }},
    {16, "booleans and conditional rules (boolean, booleanif)", true,
     [](const Statement& s) { return s.head == "boolean" || s.head == "booleanif"; }},
};

struct Capability {
  const char* name;
  KernelVersion since;
};

// security/selinux/include/policycap_names.h at each Linux release.
constexpr Capability kCapabilities[] = {
    {"network_peer_controls", {2, 6, 25}},    {"open_perms", {2, 6, 26}},
    {"extended_socket_class", {4, 11, 0}},    {"always_check_network", {3, 13, 0}},
    {"cgroup_seclabel", {4, 11, 0}},          {"nnp_nosuid_transition", {4, 14, 0}},
    {"genfs_seclabel_symlinks", {5, 7, 0}},   {"ioctl_skip_cloexec", {5, 18, 0}},
    {"userspace_initial_context", {6, 8, 0}}, {"netlink_xperm", {6, 13, 0}},
    {"netif_wildcard", {6, 16, 0}},           {"genfs_seclabel_wildcard", {6, 16, 0}},
    {"functionfs_seclabel", {6, 18, 0}},      {"memfd_class", {6, 18, 0}},
    {"bpf_token_perms", {7, 0, 0}},
};

// Linux before "selinux: ignore unknown extended permissions" (900f83cf376b) runs into BUG() at
// the first check of a rule of this kind.
constexpr KernelVersion kNetlinkXperms = {6, 13, 0};

}  // namespace

PolicyFeatures::PolicyFeatures(std::string_view cil) : found_(std::size(kFeatures)) {
  auto note = [](Found& found, const Statement& statement) {
    if (++found.count == 1) found.first = statement.text.substr(0, 200);
  };
  for_each_line(cil, [&](std::string_view line, size_t) {
    Statement statement = parse_statement(line);
    for (size_t i = 0; i < found_.size(); ++i) {
      if (kFeatures[i].matches(statement)) note(found_[i], statement);
    }
    if (is_xperm_rule(statement) && statement.words[2] == "(nlmsg") {
      note(netlink_xperms_, statement);
    } else if (statement.head == "mls") {
      mls_ = statement.words[0] == "true";
    } else if (statement.head == "policycap") {
      capabilities_.emplace_back(statement.words[0]);
    } else if (statement.head == "fsuse" && statement.words[0] == "xattr") {
      xattr_filesystems_.emplace_back(statement.words[1]);
    }
  });
  std::ranges::sort(xattr_filesystems_);
  std::ranges::sort(capabilities_);
}

std::vector<Loss> PolicyFeatures::losses_at(uint32_t version) const {
  std::vector<Loss> losses;
  for (size_t i = 0; i < found_.size(); ++i) {
    if (version >= kFeatures[i].since || found_[i].count == 0) continue;
    losses.push_back({fmt::format("policy version {} cannot hold {}: found {}, the first '{}'",
                                  version, kFeatures[i].name, found_[i].count, found_[i].first),
                      kFeatures[i].droppable});
  }
  return losses;
}

std::vector<Loss> PolicyFeatures::losses_on(const KernelVersion& kernel) const {
  if (netlink_xperms_.count == 0 || kernel >= kNetlinkXperms) return {};
  return {{fmt::format("Linux {} may crash on extended permissions of netlink messages (allowx "
                       "nlmsg, for Linux {} and later): found {}, the first '{}'",
                       to_string(kernel), to_string(kNetlinkXperms), netlink_xperms_.count,
                       netlink_xperms_.first),
           true}};
}

std::vector<std::string> PolicyFeatures::unknown_capabilities(const KernelVersion& kernel) const {
  std::vector<std::string> warnings;
  for (const std::string& name : capabilities_) {
    for (const Capability& capability : kCapabilities) {
      if (name != capability.name || kernel >= capability.since) continue;
      warnings.push_back(
          fmt::format("Linux {} ignores policy capability '{}', which Linux {} "
                      "brought",
                      to_string(kernel), name, to_string(capability.since)));
    }
  }
  return warnings;
}

}  // namespace policy
