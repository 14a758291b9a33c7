// SPDX-License-Identifier: Apache-2.0
#include "builder/lsm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;
using policy::SelinuxMode;

namespace {

constexpr std::string_view kSelinux = "selinux";

// security/*/: DEFINE_LSM() with LSM_FLAG_EXCLUSIVE and LSM_FLAG_LEGACY_MAJOR.
constexpr std::array kLsms = {
    Lsm{"landlock", "SECURITY_LANDLOCK", false, false},
    Lsm{"lockdown", "SECURITY_LOCKDOWN_LSM", false, false},
    Lsm{"yama", "SECURITY_YAMA", false, false},
    Lsm{"loadpin", "SECURITY_LOADPIN", false, false},
    Lsm{"safesetid", "SECURITY_SAFESETID", false, false},
    Lsm{kSelinux, "SECURITY_SELINUX", true, true},
    Lsm{"smack", "SECURITY_SMACK", true, true},
    Lsm{"tomoyo", "SECURITY_TOMOYO", false, true},
    Lsm{"apparmor", "SECURITY_APPARMOR", true, true},
    Lsm{"ipe", "SECURITY_IPE", false, false},
    Lsm{"bpf", "BPF_LSM", false, false},
};

const Lsm* look_up_lsm(std::string_view name) {
  const auto at =
      std::find_if(kLsms.begin(), kLsms.end(), [name](const Lsm& lsm) { return lsm.name == name; });
  return at == kLsms.end() ? nullptr : &*at;
}

/// The LSMs that run only if no other of them does, selinux aside.
bool excludes_selinux(std::string_view name) {
  const Lsm* lsm = look_up_lsm(name);
  return lsm && lsm->is_exclusive && name != kSelinux;
}

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const size_t end = list.find(',');
    if (end != 0) names.emplace_back(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return names;
}

bool is_lsm_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// A switch as kstrtoul(…, 0, …) reads it; none if it is no number, which the kernel ignores.
std::optional<bool> parse_switch(const std::string& value) {
  char* end = nullptr;
  const bool is_digit = !value.empty() && value[0] >= '0' && value[0] <= '9';
  const unsigned long number = std::strtoul(value.c_str(), &end, 0);
  if (!is_digit || *end != '\0') return std::nullopt;
  return number != 0;
}

/// The kernel's judgement is about a whole command line, so every finding names its parameter.
class Findings {
 public:
  Findings(const KernelParams& params, std::vector<std::string>& warnings)
      : params_(params), warnings_(warnings) {}

  void refuse(std::string_view parameter, std::string_view reason) {
    faults_.add(
        fmt::format("cannot boot with SELinux: kernel parameter '{}' {}", parameter, reason));
  }
  void leave_out(std::string_view parameter, std::string_view reason) {
    warnings_.push_back(fmt::format("kernel parameter '{}' is left out: {}", parameter, reason));
  }
  std::vector<std::string> values(std::string_view name) const {
    return kernel_param_values(params_, name);
  }
  void throw_if_any() const { faults_.throw_if_any(); }

 private:
  const KernelParams& params_;
  std::vector<std::string>& warnings_;
  Faults faults_;
};

/// The value of `lsm=` with selinux in it; none if there is no `lsm=`.
std::optional<std::string> order_with_selinux(Findings& findings) {
  const std::vector<std::string> orders = findings.values("lsm");
  if (orders.empty()) return std::nullopt;
  if (orders.size() > 1) {
    findings.refuse(
        "lsm=" + orders.back(),
        fmt::format("comes after 'lsm={}', and the kernel heeds the last alone: give one",
                    orders.front()));
    return std::nullopt;
  }
  std::vector<std::string> names = split_list(orders[0]);
  for (const std::string& name : names) {
    if (excludes_selinux(name)) {
      findings.refuse("lsm=" + orders[0],
                      fmt::format("names '{}', which cannot run beside selinux: take it out of "
                                  "security.lsm",
                                  name));
    } else if (!is_lsm_name(name)) {
      findings.refuse(
          "lsm=" + orders[0],
          fmt::format("names '{}', which no kernel knows: names are lower case, between "
                      "commas alone",
                      name));
    }
  }
  if (std::find(names.begin(), names.end(), kSelinux) == names.end()) {
    names.emplace(std::find(names.begin(), names.end(), "bpf"), kSelinux);
  }
  return fmt::format("{}", fmt::join(names, ","));
}

/// Checks `security=`. `counts`: the kernel heeds it.
void check_security(Findings& findings, bool counts) {
  for (const std::string& name : findings.values("security")) {
    const std::string parameter = "security=" + name;
    if (counts && name != kSelinux) {
      findings.refuse(parameter, "keeps the kernel from running selinux");
    } else if (!counts) {
      findings.leave_out(parameter, "the kernel ignores it beside 'lsm='");
    }
  }
}

/// Whether a switch is given. A value other than `wanted` is refused.
bool check_switch(Findings& findings, std::string_view name, bool wanted, std::string_view reason) {
  const std::vector<std::string> values = findings.values(name);
  for (const std::string& value : values) {
    const std::optional<bool> on = parse_switch(value);
    if (!on) {
      findings.refuse(fmt::format("{}={}", name, value), "has a value other than 0 and 1");
    } else if (*on != wanted) {
      findings.refuse(fmt::format("{}={}", name, value), reason);
    }
  }
  return !values.empty();
}

}  // namespace

KernelParams with_selinux(KernelParams params, const LsmInput& input,
                          std::vector<std::string>& warnings) {
  const bool has_lsm_order = input.kernel >= policy::KernelVersion{5, 1, 0};
  const bool enforcing = input.mode == SelinuxMode::kEnforcing;

  std::vector<std::string_view> removed = {"lsm", "security", "selinux", "enforcing"};
  Findings findings(params, warnings);
  const bool gives_order = !findings.values("lsm").empty();
  const std::optional<std::string> order = order_with_selinux(findings);
  const bool security_counts = !has_lsm_order || !gives_order;
  check_security(findings, security_counts);
  const bool gives_selinux = check_switch(findings, kSelinux, true, "turns selinux off");
  const bool gives_enforcing =
      check_switch(findings, "enforcing", enforcing,
                   enforcing ? "contradicts mode enforcing" : "contradicts mode permissive");
  for (const std::string& value : findings.values("apparmor")) {
    if (value != "0") {
      findings.leave_out("apparmor=" + value, "apparmor cannot run beside selinux");
      removed.push_back("apparmor");
    }
  }
  findings.throw_if_any();

  for (std::string_view name : removed) remove_kernel_params(params, name);
  auto add = [&](std::string_view name, std::string_view value) {
    params.params.push_back(make_kernel_param(name, value));
  };
  // A kernel that does not know `lsm=` hands it on to init; it is kept for the next kernel.
  if (order) add("lsm", *order);
  if (security_counts) add("security", kSelinux);
  // Before 5.1, CONFIG_SECURITY_SELINUX_BOOTPARAM_VALUE could make it off unless asked for.
  if (gives_selinux || !has_lsm_order) add(kSelinux, "1");
  if (enforcing) {
    add("enforcing", "1");
  } else if (gives_enforcing) {
    add("enforcing", "0");
  }
  return params;
}

std::span<const Lsm> known_lsms() {
  return kLsms;
}

const Lsm& find_lsm(std::string_view name) {
  if (const Lsm* lsm = look_up_lsm(name)) return *lsm;
  std::vector<std::string> names;
  for (const Lsm& lsm : kLsms) names.emplace_back(lsm.name);
  throw Error(
      fmt::format("unknown security module {}, expected {}", in_quotes(name), one_of(names)));
}

std::vector<std::string> running_lsms(const KernelParams& params, std::string_view config_lsm,
                                      const std::function<bool(std::string_view)>& is_built_in) {
  const std::vector<std::string> orders = kernel_param_values(params, "lsm");
  std::vector<std::string> picks = kernel_param_values(params, "security");
  if (!orders.empty()) picks.clear();  // superseded
  std::vector<std::string> order = split_list(orders.empty() ? config_lsm : orders.back());
  if (!picks.empty()) order.push_back(picks.back());

  std::vector<std::string> running;
  bool has_exclusive = false;
  for (const std::string& name : order) {
    const Lsm* lsm = look_up_lsm(name);
    if (!lsm || !is_built_in(lsm->symbol)) continue;
    if (std::find(running.begin(), running.end(), name) != running.end()) continue;
    if (lsm->is_large && !picks.empty() && name != picks.back()) continue;
    if (lsm->is_exclusive && has_exclusive) continue;
    const std::vector<std::string> switches = kernel_param_values(params, name);
    if (lsm->is_large && !switches.empty() && parse_switch(switches.back()) == false) continue;
    has_exclusive |= lsm->is_exclusive;
    running.push_back(name);
  }
  return running;
}

size_t command_line_limit(std::string_view architecture) {
  // arch/*/include/uapi/asm/setup.h; what is not there has the 512 of asm-generic/setup.h.
  if (architecture == "x86_64" || architecture == "i686" || architecture == "aarch64") return 2047;
  if (architecture == "armv7l" || architecture == "armv6l" || architecture == "riscv64")
    return 1023;
  return 511;
}

CommandLine make_command_line(const CommandLineInput& input) {
  CommandLine result;
  KernelParams closure = parse_kernel_params(input.closure_params);
  KernelParams line;
  for (const std::string& text : input.board_params) {
    const KernelParams board = parse_kernel_params(text);
    if (!board.init_arguments.empty()) {
      throw Error(
          fmt::format("cannot use kernel parameter '{}' of the board: it has arguments for "
                      "init",
                      text));
    }
    line.params.insert(line.params.end(), board.params.begin(), board.params.end());
  }
  for (KernelParam& param : closure.params) {
    auto is = [&](std::string_view name) { return same_kernel_param(param.name, name); };
    const bool replaced = (is("root") && !input.root.empty()) || is("init") || is("ro") ||
                          is("rw") || (is("rootfstype") && !input.root_filesystem.empty());
    if (!replaced) {
      line.params.push_back(std::move(param));
      continue;
    }
    // NixOS with systemd in the initrd says so of every system.
    if (param.text == "root=fstab" || param.text == "root=gpt-auto" || is("ro") || is("rw"))
      continue;
    result.warnings.push_back(fmt::format(
        "kernel parameter '{}' of the closure is replaced by the image's own", param.text));
  }
  line.init_arguments = std::move(closure.init_arguments);

  if (!input.root.empty()) line.params.push_back(make_kernel_param("root", input.root));
  if (!input.root_filesystem.empty()) {
    line.params.push_back(make_kernel_param("rootfstype", input.root_filesystem));
  }
  line.params.push_back(make_kernel_param(input.read_only ? "ro" : "rw"));
  line.params.push_back(make_kernel_param("init", input.init));

  line = with_selinux(std::move(line), input.lsm, result.warnings);
  result.text = serialize_kernel_params(line);
  const size_t limit = command_line_limit(input.architecture);
  if (result.text.size() > limit) {
    throw Error(fmt::format(
        "cannot use the kernel command line: it has {} bytes, and a kernel for {} reads {}",
        result.text.size(), input.architecture, limit));
  }
  return result;
}

}  // namespace builder
