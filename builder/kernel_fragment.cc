// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_fragment.h"

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace builder {

using Json = nlohmann::ordered_json;

namespace {

/// `6.12`, as the kernel's own first release of a series is called.
std::string short_version(const policy::KernelVersion& version) {
  return version.patch != 0 ? policy::to_string(version)
                            : fmt::format("{}.{}", version.major, version.minor);
}

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string unset_line(std::string_view symbol) {
  return fmt::format("# CONFIG_{} is not set", symbol);
}

/// `from 5.1, before 6.4, with MODULES`; empty if it is for any kernel.
std::string limits(const KernelRequirement& option) {
  std::vector<std::string> parts;
  if (option.kernels.since) parts.push_back("from " + short_version(*option.kernels.since));
  if (option.kernels.before) parts.push_back("before " + short_version(*option.kernels.before));
  for (const std::string& symbol : option.if_set) parts.push_back("with " + symbol);
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Runs `begin_group(name, description)` and `show(option)`, CONFIG_LSM last.
void for_each(const KernelRequirements& requirements,
              const std::function<void(std::string_view, std::string_view)>& begin_group,
              const std::function<void(const KernelRequirement&)>& show) {
  std::string_view group;
  for (const KernelRequirement& option : requirements.options) {
    if (option.group != group) {
      group = option.group;
      const auto description = requirements.descriptions.find(group);
      begin_group(group, description == requirements.descriptions.end()
                             ? std::string_view()
                             : std::string_view(description->second));
    }
    show(option);
  }
  if (requirements.lsms.empty()) return;
  begin_group("lsm", "Which security modules run, in which order");
  show(lsm_requirement(requirements.lsms));
}

std::string kconfig_text(const KernelRequirements& requirements, std::string_view title) {
  std::string text = fmt::format("# {}\n", title);
  for_each(
      requirements,
      [&](std::string_view group, std::string_view description) {
        text += fmt::format("\n# {}: {}\n", group, description);
      },
      [&](const KernelRequirement& option) {
        const std::string limit = limits(option);
        text += fmt::format("# {}: {}{}\n", to_text(option.severity), option.reason,
                            limit.empty() ? "" : " (" + limit + ")");
        for (const std::string& sibling : option.choice) text += unset_line(sibling) + '\n';
        text += config_line(option) + '\n';
      });
  return text;
}

/// An attribute's name; one that begins with a digit is quoted.
std::string nix_name(const std::string& symbol) {
  return symbol[0] >= '0' && symbol[0] <= '9' ? '"' + symbol + '"' : symbol;
}

std::string nix_value(const KernelRequirement& option) {
  std::string value = option.value == "y"   ? "yes"
                      : option.value == "m" ? "module"
                      : option.value == "n" ? "no"
                                            : "";
  if (option.kind != ValueKind::kState) {
    std::string text = escaped(option.value);
    for (size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 3)) {
      text.insert(at, 1, '\\');
    }
    value = fmt::format("freeform \"{}\"", text);
  }
  auto apply = [&value](std::string_view function) {
    const bool is_word = value.find(' ') == value.npos;
    value = fmt::format("{} {}", function, is_word ? value : '(' + value + ')');
  };
  if (option.severity == Severity::kWarning) apply("option");
  if (option.overrides_nixpkgs) apply("lib.mkForce");
  if (option.kernels.since && option.kernels.before) {
    apply(fmt::format("whenBetween \"{}\" \"{}\"", short_version(*option.kernels.since),
                      short_version(*option.kernels.before)));
  } else if (option.kernels.since) {
    apply(fmt::format("whenAtLeast \"{}\"", short_version(*option.kernels.since)));
  } else if (option.kernels.before) {
    apply(fmt::format("whenOlder \"{}\"", short_version(*option.kernels.before)));
  }
  return value;
}

std::string nix_text(const KernelRequirements& requirements, std::string_view title) {
  std::string text = fmt::format(
      "# {}\n# structuredExtraConfig = import ./<this file> {{ inherit lib; inherit (kernel) "
      "version; "
      "}};\n{{ lib, version }}:\nwith lib.kernel;\nwith whenHelpers version;\n{{",
      title);
  for_each(
      requirements,
      [&](std::string_view group, std::string_view description) {
        text += fmt::format("\n  # {}: {}\n", group, description);
      },
      [&](const KernelRequirement& option) {
        text += fmt::format(
            "  # {}{}\n", option.reason,
            option.if_set.empty() ? "" : fmt::format(" (with {})", fmt::join(option.if_set, ", ")));
        for (const std::string& sibling : option.choice) {
          KernelRequirement off;
          off.value = "n";
          off.kernels = option.kernels;
          off.overrides_nixpkgs =
              true;  // one member of a choice that is on is enough to contradict
          text += fmt::format("  {} = {};\n", nix_name(sibling), nix_value(off));
        }
        text += fmt::format("  {} = {};\n", nix_name(option.symbol), nix_value(option));
      });
  return text + "}\n";
}

std::string json_text(const KernelRequirements& requirements, std::string_view title) {
  Json json;
  json["title"] = title;
  json["options"] = Json::array();
  for_each(
      requirements, [](std::string_view, std::string_view) {},
      [&](const KernelRequirement& option) {
        Json one;
        one["group"] = option.group;
        one["symbol"] = option.symbol;
        one["value"] = option.value;
        one["match"] = option.at_least ? "at least" : "exact";
        one["module"] = option.module.empty() ? Json() : Json(option.module);
        one["choice"] = option.choice;
        one["with"] = option.if_set;
        const KernelRange& kernels = option.kernels;
        one["since"] = kernels.since ? Json(short_version(*kernels.since)) : Json();
        one["before"] = kernels.before ? Json(short_version(*kernels.before)) : Json();
        one["severity"] = to_text(option.severity);
        one["reason"] = option.reason;
        one["source"] = option.source;
        json["options"].push_back(std::move(one));
      });
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string config_line(const KernelRequirement& option) {
  if (option.value == "n" && option.kind == ValueKind::kState) return unset_line(option.symbol);
  // What is y in the configuration that a fragment is merged into is not taken back to m.
  if (option.value == "m" && option.at_least) return fmt::format("CONFIG_{}=y", option.symbol);
  return option.kind == ValueKind::kText
             ? fmt::format("CONFIG_{}=\"{}\"", option.symbol, escaped(option.value))
             : fmt::format("CONFIG_{}={}", option.symbol, option.value);
}

std::string serialize_fragment(const KernelRequirements& requirements, std::string_view title,
                               FragmentFormat format) {
  switch (format) {
    case FragmentFormat::kKconfig:
      return kconfig_text(requirements, title);
    case FragmentFormat::kNix:
      return nix_text(requirements, title);
    case FragmentFormat::kJson:
      return json_text(requirements, title);
  }
  __builtin_unreachable();
}

}  // namespace builder
