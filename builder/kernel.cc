// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel.h"

#include <fmt/format.h>

#include <filesystem>

#include "builder/input_file.h"
#include "builder/kernel_image.h"
#include "builder/resolve.h"
#include "builder/store_name.h"
#include "builder/unpack.h"
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
  const std::optional<std::string> all = find_in_store(closure, folder);
  if (const imagefmt::Directory* releases = all ? closure.store.find(*all)->directory() : nullptr) {
    for (const imagefmt::Entry& entry : releases->entries) {
      there += fmt::format("{}'{}'", there.empty() ? "" : ", ", entry.name);
    }
  }
  throw Error(fmt::format("cannot use kernel '{}': its release is '{}', and '{}' has {}",
                          spec.kernel, release, folder,
                          there.empty() ? "no folder of any" : "folders of others: " + there));
}

/// What a configuration is called beside its kernel.
std::vector<std::string> config_names(const std::string& release) {
  return {"config-" + release, "config"};
}

bool is_text(std::string_view bytes) {
  return bytes.find('\0') == bytes.npos;
}

std::string read_image(const Closure& closure, const Bootspec& spec) {
  return file_in_store(closure, spec.kernel).read(kMaxImageBytes);
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
  std::vector<std::string> places;
  for (const std::string& name : config_names(kernel.release)) {
    places.push_back(std::string(store_path_of(spec.kernel)) + '/' + name);
  }
  if (kernel.modules) {
    places.push_back(*kernel.modules + "/config");
    places.push_back(*kernel.modules + "/build/.config");
  }
  for (const std::string& place : places) {
    // `build` links into the kernel's development output, which a closure seldom holds.
    Resolution found = resolve(closure, place);
    if (found.end == Resolution::End::kFound) {
      return file_in_store(closure, found.path).read(kMaxConfigBytes);
    }
  }
  std::string image = read_image(closure, spec);
  return kernel_config(imagefmt::as_bytes(image));
}

std::optional<std::string> find_config_of_image(const std::string& file, imagefmt::ByteView image) {
  if (std::optional<std::string> config = kernel_config(image)) return config;
  std::error_code missing;
  // A system's toplevel has a link to it.
  const std::filesystem::path folder = std::filesystem::canonical(file, missing).parent_path();
  for (const std::string& name : config_names(kernel_release(image, file))) {
    if (std::filesystem::is_regular_file(folder / name, missing)) {
      return imagefmt::read_file(folder / name, kMaxConfigBytes);
    }
  }
  return std::nullopt;
}

std::string read_config_file(const std::string& file) {
  const std::string bytes = imagefmt::read_file(file, kMaxImageBytes);
  const imagefmt::ByteView view = imagefmt::as_bytes(bytes);
  if (is_text(bytes)) return bytes;
  if (!compression_of(view).empty()) {
    std::string plain;
    uint64_t budget = kMaxConfigBytes;
    const Unpacked unpacked = unpack(view, budget, [&](imagefmt::ByteView part) {
      plain += imagefmt::as_text(part);
      return !is_text(imagefmt::as_text(part));
    });
    if (unpacked.whole && is_text(plain)) return plain;
  }
  if (std::optional<std::string> config = find_config_of_image(file, view)) return *config;
  throw Error(
      fmt::format("cannot find the configuration of kernel '{}': it carries none "
                  "(CONFIG_IKCONFIG), and there is "
                  "no '{}' beside it",
                  file, fmt::join(config_names(kernel_release(view, file)), "' and no '")));
}

}  // namespace builder
