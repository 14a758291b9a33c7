// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel.h"

#include <fmt/format.h>

#include "builder/folder.h"
#include "builder/kernel_image.h"
#include "builder/resolve.h"
#include "builder/store_name.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"

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
    for (const std::string& name : list_folder(closure.host_path(*all))) {
      there += fmt::format("{}'{}'", there.empty() ? "" : ", ", name);
    }
  }
  throw Error(fmt::format("cannot use kernel '{}': its release is '{}', and '{}' has {}",
                          spec.kernel, release, folder,
                          there.empty() ? "no folder of any" : "folders of others: " + there));
}

std::optional<std::string> find_config(const Closure& closure, const Bootspec& spec,
                                       const std::optional<std::string>& modules,
                                       imagefmt::ByteView image) {
  std::vector<std::string> places = {std::string(store_path_of(spec.kernel)) + "/config"};
  if (modules) {
    places.push_back(*modules + "/config");
    // A link into the kernel's development output, which a closure seldom holds.
    if (resolve(closure, *modules + "/build/.config").end == Resolution::End::kFound) {
      places.push_back(*modules + "/build/.config");
    }
  }
  for (const std::string& place : places) {
    if (std::optional<std::string> found = find_in_store(closure, place)) {
      return imagefmt::read_file(closure.host_path(*found), kMaxConfigBytes);
    }
  }
  return kernel_config(image);
}

}  // namespace

Kernel read_kernel(const Closure& closure, const Bootspec& spec) {
  std::string image = imagefmt::read_file(closure.host_path(spec.kernel), kMaxImageBytes);
  Kernel kernel;
  kernel.release = kernel_release(imagefmt::as_bytes(image), spec.kernel);
  kernel.modules = find_modules(closure, spec, kernel.release);
  kernel.config = find_config(closure, spec, kernel.modules, imagefmt::as_bytes(image));
  if (kernel.config) kernel.lsm = find_config_value(*kernel.config, "CONFIG_LSM");
  return kernel;
}

}  // namespace builder
