// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel.h"

#include <fmt/format.h>

#include "builder/kernel_image.h"
#include "builder/resolve.h"
#include "builder/store_name.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"

namespace builder {

using imagefmt::Error;

namespace {

constexpr uint64_t kMaxImageBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxConfigBytes = uint64_t{16} << 20;

/// The modules' folder of `release`; no value for a toplevel that has no modules at all.
std::optional<std::string> find_modules(const Closure& closure, const Bootspec& spec,
                                        const std::string& release) {
  std::optional<std::string> modules = find_in_store(closure, spec.toplevel + "/kernel-modules");
  if (!modules) return std::nullopt;
  std::string folder = *modules + "/lib/modules";
  std::optional<std::string> own = find_in_store(closure, folder + '/' + release);
  if (own) return own;
  std::string there;
  if (std::optional<std::string> all = find_in_store(closure, folder)) {
    for (const std::string& name : imagefmt::list_folder(closure.host_path(*all))) {
      there += fmt::format("{}'{}'", there.empty() ? "" : ", ", name);
    }
  }
  throw Error(fmt::format("cannot use kernel '{}': its release is '{}', and '{}' has {}",
                          spec.kernel, release, folder,
                          there.empty() ? "no folder of any" : "folders of others: " + there));
}

std::string read_image(const Closure& closure, const Bootspec& spec) {
  return imagefmt::read_file(closure.host_path(spec.kernel), kMaxImageBytes);
}

}  // namespace

Kernel read_kernel(const Closure& closure, const Bootspec& spec) {
  std::string image = read_image(closure, spec);
  Kernel kernel;
  kernel.release = kernel_release(imagefmt::as_bytes(image), spec.kernel);
  kernel.modules = find_modules(closure, spec, kernel.release);
  return kernel;
}

std::optional<std::string> read_kernel_config(const Closure& closure, const Bootspec& spec,
                                              const Kernel& kernel) {
  std::vector<std::string> places = {std::string(store_path_of(spec.kernel)) + "/config"};
  if (kernel.modules) {
    places.push_back(*kernel.modules + "/config");
    places.push_back(*kernel.modules + "/build/.config");
  }
  for (const std::string& place : places) {
    // `build` links into the kernel's development output, which a closure seldom holds.
    Resolution found = resolve(closure, place);
    if (found.end == Resolution::End::kFound) {
      return imagefmt::read_file(closure.host_path(found.path), kMaxConfigBytes);
    }
  }
  std::string image = read_image(closure, spec);
  return kernel_config(imagefmt::as_bytes(image));
}

void check_can_be_permissive(const Closure& closure, const Bootspec& spec, const Kernel& kernel) {
  const std::optional<std::string> config = read_kernel_config(closure, spec, kernel);
  constexpr std::string_view kSwitch = "CONFIG_SECURITY_SELINUX_DEVELOP";
  if (!config || find_config_value(*config, kSwitch) == "y") return;
  throw Error(
      fmt::format("cannot use mode permissive: kernel '{}' is built without {}, and enforces",
                  spec.kernel, kSwitch));
}

}  // namespace builder
