// SPDX-License-Identifier: Apache-2.0
//
// Options whose value is one of a few names. Private to the commands: it includes CLI11.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imagefmt/base/error.h"

namespace builder {

template <class T>
using Choices = std::vector<std::pair<std::string_view, T>>;

/// Declares `--name`, which sets `value` to what the word given stands for. Another word is wrong
/// usage: `--mode 'strict': expected enforcing or permissive`, in the order of `choices`.
template <class T, class Value>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Value& value,
                        Choices<T> choices, const std::string& description) {
  auto choose = [name, &value, choices = std::move(choices)](const std::string& word) {
    std::string expected;
    for (size_t i = 0; i < choices.size(); ++i) {
      if (choices[i].first == word) {
        value = choices[i].second;
        return;
      }
      const char* between = i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ";
      expected += fmt::format("{}{}", between, choices[i].first);
    }
    throw imagefmt::UsageError(fmt::format("{} '{}': expected {}", name, word, expected));
  };
  return command.add_option_function<std::string>(name, std::move(choose), description);
}

}  // namespace builder
