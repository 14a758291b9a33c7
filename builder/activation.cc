// SPDX-License-Identifier: Apache-2.0
#include "builder/activation.h"

#include <fmt/format.h>

#include <algorithm>

#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

namespace {

constexpr ActivationRule kRules[] = {
    {"binsh", "links /bin/sh", Honoured::kInImage, "the same link"},
    {"domain", "sets the NIS domain", Honoured::kCommandLine, "sysctl.kernel.domainname="},
    {"etc", "fills /etc", Honoured::kInImage, "/etc as setup-etc.pl leaves it"},
    {"groups", "keeps an old name", Honoured::kNothing, "the snippet 'users' makes the groups"},
    {"hashes", "warns of outdated password hashes", Honoured::kNothing, "nothing to make"},
    {"hostname", "sets the host name", Honoured::kAtBoot, "systemd reads /etc/hostname"},
    {"modprobe", "tells the kernel its modprobe", Honoured::kCommandLine,
     "sysctl.kernel.modprobe="},
    {"nix", "makes the folders of the Nix daemon", Honoured::kNot,
     "a sealed image has no store that could change"},
    {"specialfs", "mounts /proc, /sys, /dev and /run", Honoured::kAtBoot,
     "systemd mounts them, our first process mounts /run"},
    {"stdio", "links /dev/stdin and the like", Honoured::kAtBoot, "systemd makes these links"},
    {"udevd", "tells the kernel where firmware lies", Honoured::kCommandLine,
     "firmware_class.path="},
    {"users", "makes users and groups", Honoured::kInImage,
     "passwd, group, shadow, subuid and subgid as on a first boot"},
    {"usrbinenv", "links /usr/bin/env", Honoured::kInImage, "the same link"},
    {"var", "makes /var/empty and /var/tmp", Honoured::kInImage, "the same folders"},
    {"wrappers", "makes setuid programs in /run/wrappers", Honoured::kNot,
     "no setuid program can come from the store; NixOS 24.11 and later make them in the unit "
     "suid-sgid-wrappers.service, which works"},
};

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t start = 0; start < line.size();) {
    size_t end = std::min(line.find_first_of(" \t", start), line.size());
    if (end > start) words.push_back(line.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

/// Takes the quotes off one word of shell; no value if its text is only known to a shell.
std::optional<std::string> plain_word(std::string_view word) {
  if (word.size() >= 2 && (word.front() == '"' || word.front() == '\'') &&
      word.back() == word.front()) {
    word = word.substr(1, word.size() - 2);
  }
  if (word.empty() || word.find_first_of("$`\"'\\;|&<>()*?[]{}~") != word.npos) return std::nullopt;
  return std::string(word);
}

/// The lines that the generator puts around each snippet.
bool is_boilerplate(std::string_view line) {
  return line.empty() || line == "_localstatus=0" || line == "if (( _localstatus > 0 )); then" ||
         line.starts_with("printf \"Activation script snippet '%s' failed (%s)\\n\"") ||
         line == "fi";
}

/// The script after the last snippet.
bool ends_snippets(std::string_view line) {
  return line.starts_with("# Make this configuration the current configuration") ||
         line.starts_with("# Prevent the current configuration from being garbage-collected") ||
         line.starts_with("exit $_status") || line.starts_with("ln -sfn \"$(readlink -f ");
}

/// The target of `ln -sfn <target> <link>` or `… <link-folder>/.<name>.tmp`.
void read_link_line(const std::vector<std::string_view>& words, std::string_view link,
                    std::string_view temporary, std::optional<std::string>& target) {
  if (words.size() < 4 || words[0] != "ln" || !words[1].starts_with("-s")) return;
  if (words[3] == link || words[3] == temporary) target = plain_word(words[2]);
}

void read_line(std::string_view line, Activation& activation) {
  std::vector<std::string_view> words = words_of(line);
  if (words.size() < 2) return;
  read_link_line(words, "/bin/sh", "/bin/.sh.tmp", activation.bin_sh);
  read_link_line(words, "/usr/bin/env", "/usr/bin/.env.tmp", activation.usr_bin_env);
  if (words[0] == "domainname" && words.size() == 2) activation.domain = plain_word(words[1]);
  if (words[0] != "echo" || words.size() < 4 || words[words.size() - 2] != ">") return;
  std::string_view file = words.back();
  std::optional<std::string> value = plain_word(words[words.size() - 3]);
  if (file == "/proc/sys/kernel/modprobe") activation.modprobe = value;
  if (file == "/sys/module/firmware_class/parameters/path") activation.firmware = value;
}

/// Looks for `/nix/store/<hash>-users-groups.json` anywhere in a line.
void read_users_groups(std::string_view line, const std::string& place, Activation& activation) {
  constexpr std::string_view kStore = "/nix/store/", kName = "-users-groups.json";
  for (size_t start = line.find(kStore); start != line.npos; start = line.find(kStore, start + 1)) {
    size_t end = std::min(line.find_first_of(" \t\"';", start), line.size());
    std::string_view path = line.substr(start, end - start);
    if (!path.ends_with(kName) || path.find('/', kStore.size()) != path.npos) continue;
    if (activation.users_groups && *activation.users_groups != path) {
      throw Error(fmt::format("{}: names '{}', and '{}' was named before", place, path,
                              *activation.users_groups));
    }
    activation.users_groups = path;
  }
}

}  // namespace

std::span<const ActivationRule> activation_rules() {
  return kRules;
}

const ActivationRule* find_activation_rule(std::string_view name) {
  for (const ActivationRule& rule : kRules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

Activation parse_activation(std::string_view script, std::string_view name) {
  constexpr std::string_view kHeader = "#### Activation script snippet ";
  Activation activation;
  bool in_snippet = false;
  size_t number = 0;
  for (size_t start = 0; start < script.size();) {
    size_t end = std::min(script.find('\n', start), script.size());
    std::string_view line = trim(script.substr(start, end - start));
    start = end + 1;
    ++number;
    if (line.starts_with(kHeader)) {
      std::string_view title = trim(line.substr(kHeader.size()));
      if (title.ends_with(':')) title.remove_suffix(1);
      activation.snippets.push_back({std::string(title), {}});
      in_snippet = true;
      continue;
    }
    if (ends_snippets(line)) in_snippet = false;
    if (!line.starts_with('#')) {
      read_users_groups(line, fmt::format("{}:{}", name, number), activation);
      read_line(line, activation);
    }
    if (in_snippet && !is_boilerplate(line)) {
      activation.snippets.back().text.append(line) += '\n';
    }
  }
  return activation;
}

std::vector<std::string> activation_kernel_params(const Activation& activation) {
  std::vector<std::string> params;
  auto add = [&](std::string_view key, const std::optional<std::string>& value) {
    // A blank would end the parameter; none of these values has one in NixOS.
    if (value && value->find_first_of(" \t") == value->npos) {
      params.push_back(fmt::format("{}={}", key, *value));
    }
  };
  add("firmware_class.path", activation.firmware);
  add("sysctl.kernel.domainname", activation.domain);
  add("sysctl.kernel.modprobe", activation.modprobe);
  return params;
}

std::vector<std::string> activation_warnings(const Activation& activation) {
  std::vector<std::string> warnings;
  for (const Snippet& snippet : activation.snippets) {
    if (snippet.text.empty()) continue;
    const ActivationRule* rule = find_activation_rule(snippet.name);
    if (!rule) {
      warnings.push_back(
          fmt::format("the activation snippet '{}' will not run: a sealed image activates nothing; "
                      "make a systemd service of it, or build with --init closure",
                      snippet.name));
      continue;
    }
    if (rule->honoured == Honoured::kNot) {
      warnings.push_back(
          fmt::format("the activation snippet '{}' {}, which a sealed image lacks: {}", rule->name,
                      rule->does, rule->how));
    }
    // A snippet that was written anew has none of the lines that carry the value.
    bool lost = (rule->name == "modprobe" && !activation.modprobe) ||
                (rule->name == "udevd" && !activation.firmware) ||
                (rule->name == "domain" && !activation.domain);
    if (lost) {
      warnings.push_back(fmt::format(
          "the activation snippet '{}' {}, and its value cannot be read from the script",
          rule->name, rule->does));
    }
  }
  return warnings;
}

}  // namespace builder
