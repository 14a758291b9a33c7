// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "builder/kernel_fragment.h"
#include "builder/lsm.h"

namespace builder {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kSelinux = "selinux";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string list_of(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ","));
}

/// As Kconfig reads it: decimal or, behind 0x, hexadecimal. Something else is 0.
long long number_in(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, text.starts_with("0x") ? 16 : 10);
}

class KernelCheck {
 public:
  KernelCheck(const KernelConfig& config, const KernelBoot& boot) : config_(config), boot_(boot) {}

  KernelVerdict check(const KernelRequirements& requirements) {
    for (const KernelRequirement& option : requirements.options) {
      if (std::all_of(option.if_set.begin(), option.if_set.end(),
                      [&](const std::string& symbol) { return config_.is_set(symbol); })) {
        check_option(option);
      }
    }
    if (!requirements.lsms.empty()) check_lsms(requirements.lsms);
    return std::move(verdict_);
  }

 private:
  void report(const KernelRequirement& option, Severity severity, std::string message) {
    const ConfigEntry* entry = config_.find(option.symbol);
    verdict_.findings.push_back(
        {option, severity, !entry ? "" : entry->value.value_or("n"), std::move(message)});
  }

  bool is_met(const KernelRequirement& option, const std::optional<std::string>& value) const {
    if (option.kind == ValueKind::kNumber) {
      if (!value) return false;
      const long long found = number_in(*value), wanted = number_in(option.value);
      return option.at_least ? found >= wanted : found == wanted;
    }
    if (option.kind == ValueKind::kText) return value == option.value;
    if (option.value == "n") return !value;
    return value == option.value || (option.at_least && value == "y");
  }

  void check_option(const KernelRequirement& option) {
    const std::optional<std::string> value = config_.value(option.symbol);
    const bool is_carried_module = !option.module.empty() && value == "m" && boot_.initrd &&
                                   boot_.initrd->carries(option.module);
    if (is_met(option, value) || is_carried_module) {
      ++verdict_.met;
      return;
    }
    const std::string expected =
        option.value == "n" ? "not set" : (option.at_least ? "at least " : "") + option.value;
    std::string message = found_in(option.symbol);
    if (option.module.empty() || value != "m") {
      message += ", expected " + expected;
    } else if (boot_.initrd) {
      message += fmt::format(", and the initrd does not carry module '{}'", option.module);
    } else {
      message +=
          fmt::format(", and whether the initrd carries module '{}' is not known", option.module);
    }
    for (const std::string& sibling : option.choice) {
      if (config_.value(sibling) == "y") message += fmt::format("; CONFIG_{} is", sibling);
    }
    const bool is_unsure = !option.module.empty() && value == "m" && !boot_.initrd;
    report(option, is_unsure ? Severity::kWarning : option.severity, std::move(message));
  }

  /// `CONFIG_X=m`, or how it is off.
  std::string found_in(const std::string& symbol) const {
    const ConfigEntry* entry = config_.find(symbol);
    if (!entry) {
      return fmt::format(
          "CONFIG_{} is unknown (the kernel has no such option, or what it depends on is off)",
          symbol);
    }
    if (!entry->value) return fmt::format("CONFIG_{} is not set", symbol);
    return fmt::format("CONFIG_{}={}", symbol, *entry->value);
  }

  bool is_built_in(std::string_view symbol) const { return config_.value(symbol) == "y"; }

  void check_lsms(const std::vector<std::string>& wanted) {
    const KernelRequirement option = lsm_requirement(wanted);
    if (!is_built_in(find_lsm(kSelinux).symbol)) return;  // reported by itself
    if (!option.kernels.has(boot_.version)) return check_default_security(option);
    const std::string built_order = config_.value("LSM").value_or("");
    auto running_with = [&](const KernelParams& params) {
      return running_lsms(params, built_order,
                          [this](std::string_view symbol) { return is_built_in(symbol); });
    };
    const std::vector<std::string> running = running_with(boot_.params);
    const std::string order = what_orders(built_order);
    bool is_met = true;
    auto miss = [&](Severity severity, std::string message) {
      report(option, severity, std::move(message));
      is_met = false;
    };
    if (!contains(running, kSelinux)) {
      miss(Severity::kError,
           fmt::format("{} makes the kernel run {}, and not selinux", order, list_of(running)));
    } else if (const std::vector<std::string> by_default = running_with({});
               !contains(by_default, kSelinux)) {
      miss(Severity::kWarning,
           fmt::format("CONFIG_LSM=\"{}\" by itself makes the kernel run {}, and not selinux",
                       built_order, list_of(by_default)));
    }
    for (const std::string& name : wanted) {
      const Lsm& lsm = find_lsm(name);
      if (lsm.is_exclusive || !is_built_in(lsm.symbol) || contains(running, name)) continue;
      miss(Severity::kWarning, fmt::format("{} leaves out '{}', which is built in", order, name));
    }
    if (is_met) ++verdict_.met;
  }

  /// Of the command line and the configuration, what decides.
  std::string what_orders(const std::string& built_order) const {
    for (const char* name : {"lsm", "security"}) {
      const std::vector<std::string> values = kernel_param_values(boot_.params, name);
      if (!values.empty()) return fmt::format("{}={}", name, values.back());
    }
    return fmt::format("CONFIG_LSM=\"{}\"", built_order);
  }

  /// Before 5.1 there is one large module, `security=` or else CONFIG_DEFAULT_SECURITY.
  void check_default_security(const KernelRequirement& option) {
    const std::vector<std::string> picks = kernel_param_values(boot_.params, "security");
    const std::string picked =
        picks.empty() ? config_.value("DEFAULT_SECURITY").value_or("") : picks.back();
    if (picked == kSelinux) {
      ++verdict_.met;
      return;
    }
    report(option, Severity::kError,
           fmt::format("{}{} makes the kernel run that, and not selinux",
                       picks.empty() ? "CONFIG_DEFAULT_SECURITY=" : "security=", picked));
  }

  const KernelConfig& config_;
  const KernelBoot& boot_;
  KernelVerdict verdict_;
};

}  // namespace

bool KernelVerdict::has_errors() const {
  return std::any_of(findings.begin(), findings.end(), [](const KernelFinding& finding) {
    return finding.severity == Severity::kError;
  });
}

KernelVerdict check_kernel(const KernelConfig& config, const KernelRequirements& requirements,
                           const KernelBoot& boot) {
  return KernelCheck(config, boot).check(requirements);
}

std::string verdict_text(const KernelVerdict& verdict) {
  std::string text;
  for (const KernelFinding& finding : verdict.findings) {
    text += fmt::format("{}: {}: {} ({}; {})\n", to_text(finding.severity), finding.message,
                        finding.option.reason, finding.option.group, finding.option.source);
  }
  return text +
         fmt::format("{} requirements are met, {} are not\n", verdict.met, verdict.findings.size());
}

std::string verdict_json(const KernelVerdict& verdict) {
  Json json;
  json["met"] = verdict.met;
  json["unmet"] = Json::array();
  for (const KernelFinding& finding : verdict.findings) {
    Json one;
    one["symbol"] = finding.option.symbol;
    one["severity"] = to_text(finding.severity);
    one["expected"] = config_line(finding.option);
    one["found"] = finding.found.empty() ? Json() : Json(finding.found);
    one["message"] = finding.message;
    one["reason"] = finding.option.reason;
    one["group"] = finding.option.group;
    one["source"] = finding.option.source;
    json["unmet"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace builder
