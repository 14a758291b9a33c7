// SPDX-License-Identifier: Apache-2.0
#include "policy/module_cil.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "policy/isolated.h"
#include "policy/requirements.h"
#include "policy/sepol.h"

namespace policy {

using imagefmt::Error;
using imagefmt::Out;

namespace {

// SEPOL_MODULE_PACKAGE_MAGIC of libsepol's module.h: the first four bytes, little endian.
constexpr uint32_t kPackageMagic = 0xf97cff8f;
// Modules a child converts: a fork costs as much as converting a small one.
constexpr size_t kBatch = 8;

std::string describe(const Module& module) {
  return fmt::format("cannot read policy module '{}'", module.path);
}

/// REQUIRES: called in a child process; libsepol keeps the output stream in a global.
std::string package_to_cil(const Module& module) {
  sepol::Messages messages;
  sepol::PolicyFile file;
  sepol::ModulePackage package;
  auto refuse = [&] {
    package.release();  // not sound to free what was read by half; the child ends soon
    std::string printed = take_printed();
    throw Error(fmt::format("{}: {}{}", describe(module), messages.reason(),
                            printed.empty() ? "" : "; " + printed));
  };
  if (sepol_policy_file_create(Out(file)) || sepol_module_package_create(Out(package))) {
    refuse();
  }
  // libsepol only reads through this pointer.
  sepol_policy_file_set_mem(file.get(), const_cast<char*>(module.bytes.data()),
                            module.bytes.size());
  sepol_policy_file_set_handle(file.get(), messages.handle());
  if (sepol_module_package_read(package.get(), file.get(), 0) != 0) {
    refuse();
  }
  std::optional<std::string> cil =
      sepol::written_by([&](FILE* out) { return sepol_module_package_to_cil(out, package.get()); });
  if (!cil) refuse();
  return std::move(*cil);
}

/// As many strings as `batch` has modules, each the CIL, or a NUL and an Error's text.
std::vector<std::string> convert_batch(std::span<const Module* const> batch) {
  std::string action = batch.size() == 1 ? describe(*batch[0]) : "cannot read policy modules";
  uint64_t size_bytes = 0;
  for (const Module* module : batch) size_bytes += module->bytes.size();
  return run_isolated(action, limits_for_reading(size_bytes), [&] {
    std::vector<std::string> results;
    for (const Module* module : batch) {
      try {
        results.push_back(package_to_cil(*module));
      } catch (const Error& error) {
        results.push_back(std::string(1, '\0') + error.what());
      }
    }
    return results;
  });
}

/// The same, when one of them may have ended the child: each for itself.
std::vector<std::string> convert_one_by_one(std::span<const Module* const> batch) {
  std::vector<std::string> results;
  for (size_t i = 0; i < batch.size(); ++i) {
    try {
      results.push_back(convert_batch(batch.subspan(i, 1)).at(0));
    } catch (const Error& error) {
      results.push_back(std::string(1, '\0') + error.what());
    }
  }
  return results;
}

void check_magic(const Module& module) {
  imagefmt::le32 magic = 0;
  if (module.bytes.size() < sizeof magic) {
    throw Error(
        fmt::format("{}: not a module package: {} bytes", describe(module), module.bytes.size()));
  }
  std::memcpy(&magic, module.bytes.data(), sizeof magic);
  if (magic != kPackageMagic) {
    throw Error(fmt::format("{}: not a module package: expected magic {:#x}, found {:#x}",
                            describe(module), kPackageMagic, uint32_t{magic}));
  }
}

/// libsepol gives each context of a package that was compiled without MLS this range, and declares
/// the level in a base package without MLS alone. Of a module with levels, a policy without MLS
/// drops them.
void check_levels(const std::vector<Module>& modules, const std::vector<std::string>& texts) {
  auto contains = [](std::string_view part) {
    return [part](const std::string& text) { return text.find(part) != std::string::npos; };
  };
  if (std::ranges::none_of(texts, contains("(mls true)"))) return;
  imagefmt::Faults faults;
  for (size_t i = 0; i < modules.size(); ++i) {
    if (modules[i].form == ModuleForm::kCil || !contains("(systemlow systemlow)")(texts[i]))
      continue;
    faults.add(
        fmt::format("cannot use policy module '{}': it names contexts without levels, and the "
                    "policy is MLS; compile it with 'checkmodule -M'",
                    modules[i].path));
  }
  faults.throw_if_any();
}

}  // namespace

std::vector<std::string> convert_to_cil(std::vector<Module>& modules, unsigned jobs,
                                        imagefmt::Reporter& reporter) {
  imagefmt::Stage stage(reporter, "reading policy modules", modules.size(), "modules");
  std::vector<std::string> texts(modules.size()), failures(modules.size());
  std::vector<const Module*> packages;
  std::vector<size_t> places;  // of the packages in `texts`
  for (size_t i = 0; i < modules.size(); ++i) {
    if (modules[i].form == ModuleForm::kCil) {
      texts[i] = std::move(modules[i].bytes);
      stage.advance(1);
      continue;
    }
    try {
      check_magic(modules[i]);
      packages.push_back(&modules[i]);
      places.push_back(i);
    } catch (const Error& error) {
      failures[i] = error.what();
    }
  }
  size_t batches = (packages.size() + kBatch - 1) / kBatch;
  imagefmt::parallel_for(jobs, batches, [&](size_t b) {
    size_t first = b * kBatch;
    std::span<const Module* const> batch =
        std::span(packages).subspan(first, std::min(kBatch, packages.size() - first));
    std::vector<std::string> results;
    try {
      results = convert_batch(batch);
    } catch (const Error&) {
      results = convert_one_by_one(batch);
    }
    for (size_t i = 0; i < batch.size(); ++i) {
      // Done with: the child that compiles begins with all that this process holds, and the
      // packages would be a quarter of its peak.
      std::string().swap(modules[places[first + i]].bytes);
      std::string& result = results.at(i);
      bool failed = result.starts_with('\0');
      (failed ? failures : texts)[places[first + i]] =
          failed ? result.substr(1) : std::move(result);
    }
    stage.advance(batch.size());
  });
  imagefmt::Faults faults;
  for (std::string& failure : failures) {
    if (!failure.empty()) faults.add(std::move(failure));
  }
  faults.throw_if_any();
  check_levels(modules, texts);
  std::vector<std::string*> converted;
  for (size_t place : places) converted.push_back(&texts[place]);
  drop_met_requirements(converted, jobs);
  return texts;
}

}  // namespace policy
