// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_preflight.h"

#include <fmt/format.h>

#include "builder/initrd.h"
#include "builder/kernel_check.h"
#include "builder/kernel_fragment.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Reporter;

namespace {

constexpr uint64_t kMaxInitrdBytes = uint64_t{1} << 30;

/// No value, with a warning, if it cannot be read: a kernel may know more than we do.
std::optional<Initrd> read_initrd_of(const JudgedKernel& kernel, Reporter& reporter) {
  if (kernel.initrd.empty()) return std::nullopt;
  try {
    const std::string bytes = kernel.initrd.read(kMaxInitrdBytes);
    return read_initrd(imagefmt::as_bytes(bytes), kernel.initrd.name());
  } catch (const Error& error) {
    reporter.warn(fmt::format("cannot judge the modules of the kernel: {}", error.what()));
    return std::nullopt;
  }
}

void refuse_or_warn(const KernelVerdict& verdict, const std::string& kernel, Reporter& reporter) {
  imagefmt::Faults faults;
  std::string mend;
  size_t warnings = 0;
  for (const KernelFinding& finding : verdict.findings) {
    if (finding.severity == Severity::kWarning) {
      ++warnings;
      continue;
    }
    faults.add(fmt::format("cannot boot kernel '{}' labelled: {}: {}", kernel, finding.message,
                           finding.option.reason));
    mend += '\n' + config_line(finding.option);
  }
  if (!faults.empty()) faults.add("this in the kernel's configuration mends it:" + mend);
  faults.throw_if_any();
  if (warnings > 0) {
    reporter.warn(
        fmt::format("kernel '{}' lacks {} of the options that are wanted: `intaglio kernel-config "
                    "check` names them",
                    kernel, warnings));
  }
}

}  // namespace

JudgedKernel judged_kernel_of(const Closure& closure, const Bootspec& spec, const Kernel& kernel) {
  JudgedKernel judged{spec.kernel, kernel.release, read_kernel_config(closure, spec, kernel), {}};
  if (spec.initrd) judged.initrd = file_in_store(closure, *spec.initrd);
  return judged;
}

std::string check_kernel_config(const JudgedKernel& kernel, const SystemOptions& options,
                                const Board& board, const std::string& command_line,
                                Reporter& reporter) {
  KernelTarget target = kernel_target_of(board);
  target.profile = options.kernel_profile;
  target.mode = options.mode;
  target.root_format = options.format.value_or(board.root_format);
  target.root_compression = options.compression;
  target.version = policy::parse_kernel_version(kernel.release);
  const std::optional<Initrd> initrd = read_initrd_of(kernel, reporter);
  if (initrd) target.initrd_compressions = initrd->compressions;
  const KernelRequirements requirements = kernel_table().select(target);

  if (kernel.config) {
    const KernelConfig config =
        KernelConfig::parse(*kernel.config, fmt::format("configuration of '{}'", kernel.name));
    const KernelBoot boot{*target.version, parse_kernel_params(command_line),
                          initrd ? &*initrd : nullptr};
    refuse_or_warn(check_kernel(config, requirements, boot), kernel.name, reporter);
  } else {
    reporter.warn(fmt::format(
        "cannot check the configuration of kernel '{}': it carries none (CONFIG_IKCONFIG), and "
        "none lies beside it or with its modules",
        kernel.name));
  }
  return serialize_fragment(requirements,
                            fmt::format("Kernel options for board {}, profile {}, Linux {}",
                                        board.name, to_text(target.profile), kernel.release),
                            FragmentFormat::kKconfig);
}

}  // namespace builder
