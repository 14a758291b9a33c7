// SPDX-License-Identifier: Apache-2.0
//
// A kernel command line as the kernel splits it (next_arg() in lib/cmdline.c): parameters stand
// between blanks, a double quote protects blanks and cannot be escaped, and what follows `--` is
// for init.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct KernelParam {
  std::string text;                  // as written, quotes included
  std::string name;                  // before the first '='
  std::optional<std::string> value;  // without its quotes; none without '='
};

struct KernelParams {
  std::vector<KernelParam> params;
  std::string init_arguments;  // after `--`, as written
};

/// Throws `cannot read the kernel parameters: …` for a quote that is not closed and for control
/// characters.
KernelParams parse_kernel_params(std::string_view line);

/// One line; parameters as they were written, between single blanks.
std::string serialize_kernel_params(const KernelParams& params);

/// `name=value`, quoted if the value has blanks. Throws if the value cannot be written.
KernelParam make_kernel_param(std::string_view name, std::string_view value);
/// `name` alone.
KernelParam make_kernel_param(std::string_view name);

/// The values of all parameters of that name, in order; a name without '=' has none.
std::vector<std::string> kernel_param_values(const KernelParams& params, std::string_view name);
void remove_kernel_params(KernelParams& params, std::string_view name);

/// Whether the kernel takes `a` and `b` for the same name: '-' and '_' do not differ.
bool same_kernel_param(std::string_view a, std::string_view b);

}  // namespace builder
