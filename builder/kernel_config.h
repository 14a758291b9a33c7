// SPDX-License-Identifier: Apache-2.0
//
// A kernel's configuration, `.config`, as Kconfig writes it (scripts/kconfig/confdata.c).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct ConfigEntry {
  std::string symbol;                // without CONFIG_
  std::optional<std::string> value;  // y, m, a number, a string without its quotes; none: not set
};

class KernelConfig {
 public:
  /// Throws one Error with a line `<name>:<line>: …` for each line that Kconfig does not write, and
  /// for a symbol that is there twice: fragments put behind one another are no configuration.
  static KernelConfig parse(std::string_view text, std::string_view name);

  /// nullptr: the configuration does not speak of it. The kernel has no such option, or not what
  /// that depends on.
  const ConfigEntry* find(std::string_view symbol) const;
  /// No value if it is not set, or not there.
  std::optional<std::string> value(std::string_view symbol) const;
  /// `y` or `m`, or any other value.
  bool is_set(std::string_view symbol) const { return value(symbol).has_value(); }

 private:
  std::vector<ConfigEntry> entries_;  // sorted by symbol
};

/// Whether `name` can be a symbol: letters, digits and '_'.
bool is_config_symbol(std::string_view name);

}  // namespace builder
