// SPDX-License-Identifier: Apache-2.0
#include "policy/modules.h"

#include <archive.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/handle.h"
#include "imagefmt/base/parallel.h"
#include "policy/similar.h"

namespace policy {

using imagefmt::Error;
using imagefmt::Faults;
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kLimitBytes = uint64_t{128} << 20;
constexpr size_t kDeepest = 32;

using ArchiveReader = imagefmt::Handle<archive, archive_read_free>;

/// Strips `suffix` from `name`; false if it does not end so, or is nothing else.
bool strip(std::string_view& name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

/// The module that a file of this path is, without its bytes; nothing if it is none.
std::optional<Module> find_module(const fs::path& path, int priority) {
  std::string file_name = path.filename();
  std::string_view name = file_name;
  for (std::string_view suffix : {".bz2", ".gz", ".xz", ".lzma", ".zst", ".lz4", ".Z"}) {
    if (strip(name, suffix)) break;
  }
  ModuleForm form = ModuleForm::kPackage;
  if (strip(name, ".cil")) {
    form = ModuleForm::kCil;
  } else if (!strip(name, ".pp")) {
    return std::nullopt;
  }
  return Module{std::string(name), path, priority, form, {}};
}

/// `above` holds the folders on the way here, so that a cycle of symlinks ends.
void find_modules(const fs::path& folder, std::vector<fs::path>& above,
                  std::vector<Module>& found) {
  std::error_code failure;
  fs::path real = fs::canonical(folder, failure);
  if (!failure && (above.size() >= kDeepest || std::ranges::find(above, real) != above.end())) {
    return;
  }
  above.push_back(real);
  fs::directory_iterator entry(folder, failure);
  for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
    std::error_code ignored;  // of a dangling link, which is no folder
    if (entry->is_directory(ignored)) {
      find_modules(entry->path(), above, found);
    } else if (std::optional<Module> module = find_module(entry->path(), kFolderPriority)) {
      found.push_back(std::move(*module));
    }
  }
  if (failure) {
    imagefmt::throw_errno(fmt::format("read folder '{}'", folder.string()), failure.value());
  }
  above.pop_back();
}

std::string decompress(const std::string& compressed, const std::string& path) {
  if (compressed.empty()) return compressed;
  ArchiveReader reader(archive_read_new());
  if (!reader) throw Error(fmt::format("cannot read '{}': out of memory", path));
  // By name, not filter_all: that one also starts programs of the host.
  archive_read_support_filter_bzip2(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_lzma(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_filter_lz4(reader.get());
  archive_read_support_filter_compress(reader.get());
  archive_read_support_format_raw(reader.get());
  auto check = [&](la_ssize_t result) {
    if (result >= 0) return result;
    const char* reason = archive_error_string(reader.get());
    throw Error(fmt::format("cannot decompress '{}': {}", path, reason ? reason : "damaged"));
  };
  archive_entry* entry = nullptr;
  check(archive_read_open_memory(reader.get(), compressed.data(), compressed.size()));
  check(archive_read_next_header(reader.get(), &entry));
  std::string bytes;
  char buffer[1 << 16];
  while (la_ssize_t count = check(archive_read_data(reader.get(), buffer, sizeof buffer))) {
    bytes.append(buffer, static_cast<size_t>(count));
    if (bytes.size() > kLimitBytes) {
      throw Error(fmt::format("cannot decompress '{}': larger than {} bytes", path, kLimitBytes));
    }
  }
  return bytes;
}

std::vector<Module> embedded_modules() {
  std::vector<Module> modules;
  for (const imagefmt::EmbeddedFile& file : nixos_modules()) {
    fs::path path = fs::path("nixos") / file.name;
    modules.push_back(
        {path.stem(), path, kNixosPriority, ModuleForm::kCil, std::string(file.bytes)});
  }
  return modules;
}

}  // namespace

std::vector<Module> read_modules(const ModuleSources& sources) {
  Faults faults;
  std::vector<Module> all;
  std::vector<fs::path> above;
  find_modules(sources.folder, above, all);
  if (all.empty()) {
    faults.add(
        fmt::format("cannot find policy modules in '{}': no file there is named '*.pp' or "
                    "'*.cil', compressed or not",
                    sources.folder));
  }
  for (const std::string& path : sources.overrides) {
    if (std::optional<Module> module = find_module(path, kOverridePriority)) {
      all.push_back(std::move(*module));
    } else {
      faults.add(
          fmt::format("cannot use '{}' as a policy module: expected a name like '*.pp' or "
                      "'*.cil', compressed or not",
                      path));
    }
  }
  for (Module& module : embedded_modules()) all.push_back(std::move(module));

  // The best of each name first, and beside it what equals it.
  std::ranges::sort(all, [](const Module& a, const Module& b) {
    if (a.name != b.name) return a.name < b.name;
    return a.priority != b.priority ? a.priority > b.priority : a.path < b.path;
  });
  std::vector<Module> chosen;
  for (Module& module : all) {
    if (chosen.empty() || chosen.back().name != module.name) {
      chosen.push_back(std::move(module));
    } else if (chosen.back().priority == module.priority) {
      faults.add(fmt::format("policy module '{}' is there twice: '{}' and '{}'", module.name,
                             chosen.back().path, module.path));
    }
  }

  std::vector<std::string> names;
  for (const Module& module : chosen) names.push_back(module.name);
  std::set<std::string> removed(sources.removed.begin(), sources.removed.end());
  for (const std::string& name : removed) {
    if (std::ranges::binary_search(names, name)) continue;
    faults.add(fmt::format("cannot remove policy module '{}': there is none{}", name,
                           mention_similar(name, names)));
  }
  faults.throw_if_any();
  std::erase_if(chosen, [&](const Module& module) { return removed.contains(module.name); });

  for (Module& module : chosen) {
    if (module.priority == kNixosPriority) continue;  // has its bytes
    try {
      module.bytes = imagefmt::read_file(module.path, kLimitBytes);
    } catch (const Error& error) {
      faults.add(error.what());
    }
  }
  faults.throw_if_any();
  return chosen;
}

void unpack_modules(std::vector<Module>& modules, unsigned jobs) {
  std::vector<std::string> failures(modules.size());
  imagefmt::parallel_for(jobs, modules.size(), [&](size_t i) {
    if (modules[i].priority == kNixosPriority) return;
    try {
      modules[i].bytes = decompress(modules[i].bytes, modules[i].path);
    } catch (const Error& error) {
      failures[i] = error.what();
    }
  });
  Faults faults;
  for (std::string& failure : failures) {
    if (!failure.empty()) faults.add(std::move(failure));
  }
  faults.throw_if_any();
}

std::vector<Module> load_modules(const ModuleSources& sources, unsigned jobs) {
  std::vector<Module> modules = read_modules(sources);
  unpack_modules(modules, jobs);
  return modules;
}

}  // namespace policy
