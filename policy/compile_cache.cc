// SPDX-License-Identifier: Apache-2.0
#include "policy/compile_cache.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "policy/sepol.h"

namespace policy {

using imagefmt::Digest;
using imagefmt::Error;
using imagefmt::le64;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "intaglio compiled policy\n";
constexpr uint64_t kEntryLimit = uint64_t{1} << 30;

/// Values one behind the other, none of which can be taken for part of another.
class Record {
 public:
  Record& add(uint64_t number) {
    const le64 stored = number;
    bytes_.append(reinterpret_cast<const char*>(&stored), sizeof stored);
    return *this;
  }
  Record& add(std::string_view text) {
    add(uint64_t{text.size()});
    bytes_.append(text);
    return *this;
  }
  Record& add(const std::vector<std::string>& texts) {
    add(uint64_t{texts.size()});
    for (const std::string& text : texts) add(text);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : cursor_(imagefmt::as_bytes(bytes), "entry") {}
  uint64_t number() { return cursor_.take_struct<le64>(); }
  std::string text() { return std::string(imagefmt::as_text(cursor_.take(number()))); }
  std::vector<std::string> texts() {
    std::vector<std::string> texts;
    for (uint64_t count = number(); count != 0; --count) texts.push_back(text());
    return texts;
  }

 private:
  imagefmt::Cursor cursor_;
};

/// Passes everything on and keeps the warnings.
class KeepingWarnings : public imagefmt::Reporter {
 public:
  explicit KeepingWarnings(Reporter& reporter) : reporter_(reporter) {}
  void begin(std::string_view stage, uint64_t total, std::string_view unit) noexcept override {
    reporter_.begin(stage, total, unit);
  }
  void advance(uint64_t amount) noexcept override { reporter_.advance(amount); }
  void count(imagefmt::Work work, uint64_t size_bytes) noexcept override {
    reporter_.count(work, size_bytes);
  }
  void end() noexcept override { reporter_.end(); }
  void warn(std::string_view message) noexcept override {
    reporter_.warn(message);
    warnings.emplace_back(message);
  }

  std::vector<std::string> warnings;

 private:
  Reporter& reporter_;
};

/// Of what compiles. Neither names its revision, so that their files stand for it.
std::string digest_of_compiler() {
  Dl_info libsepol{};
  if (dladdr(reinterpret_cast<const void*>(&sepol_policydb_create), &libsepol) == 0) {
    throw Error("cannot find the file of libsepol");
  }
  std::string digests;
  for (const char* file : {"/proc/self/exe", libsepol.dli_fname}) {
    digests += imagefmt::to_hex(imagefmt::sha256(imagefmt::read_file(file, kEntryLimit)));
  }
  return digests;
}

std::string key_of(const std::vector<Module>& modules, const CompileOptions& options) {
  static const std::string compiler = digest_of_compiler();
  Record record;
  record.add(compiler);
  record.add(uint64_t{options.version});
  record.add(uint64_t{options.kernel.has_value()});
  if (options.kernel) {
    record.add(uint64_t{options.kernel->major});
    record.add(uint64_t{options.kernel->minor});
    record.add(uint64_t{options.kernel->patch});
  }
  record.add(uint64_t{options.allow_lossy});
  record.add(uint64_t{options.disable_dontaudit});
  record.add(options.handle_unknown ? 1 + static_cast<uint64_t>(*options.handle_unknown) : 0);
  record.add(uint64_t{options.booleans.size()});
  for (const auto& [name, value] : options.booleans) record.add(name).add(uint64_t{value});
  for (const Module& module : modules) {
    // The suffix of a file says nothing that its bytes do not say, but for the form.
    record.add(module.name).add(static_cast<uint64_t>(module.priority));
    record.add(uint64_t{module.form == ModuleForm::kCil});
    record.add(imagefmt::to_hex(imagefmt::sha256(module.bytes)));
  }
  return imagefmt::to_hex(imagefmt::sha256(record.bytes()));
}

struct Entry {
  CompiledPolicy policy;
  std::vector<std::string> warnings;
};

/// The digest and the rest.
std::string serialize(const Entry& entry) {
  const CompiledPolicy& policy = entry.policy;
  Record record;
  record.add(uint64_t{policy.version}).add(uint64_t{policy.mls}).add(policy.binary);
  record.add(policy.file_contexts).add(policy.seusers).add(policy.user_prefixes);
  record.add(policy.xattr_filesystems).add(entry.warnings);
  const Digest digest = imagefmt::sha256(record.bytes());
  return std::string(kMagic) + std::string(imagefmt::as_text(digest)) + record.bytes();
}

Entry parse(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) throw Error("not a compiled policy of intaglio");
  bytes.remove_prefix(kMagic.size());
  const std::string_view digest = bytes.substr(0, sizeof(Digest));
  bytes.remove_prefix(digest.size());
  if (imagefmt::as_text(imagefmt::sha256(bytes)) != digest) {
    throw Error("its digest is not that of its bytes");
  }
  RecordReader reader(bytes);
  Entry entry;
  CompiledPolicy& policy = entry.policy;
  policy.version = static_cast<uint32_t>(reader.number());
  policy.mls = reader.number() != 0;
  policy.binary = reader.text();
  policy.file_contexts = reader.text();
  policy.seusers = reader.text();
  policy.user_prefixes = reader.text();
  policy.xattr_filesystems = reader.texts();
  entry.warnings = reader.texts();
  return entry;
}

std::optional<Entry> find_entry(const std::string& file, imagefmt::Reporter& reporter) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  imagefmt::Stage stage(reporter, "reading the compiled policy");
  const std::string bytes = imagefmt::read_file(file, kEntryLimit);
  stage.advance(bytes.size());
  return imagefmt::with_context(fmt::format("cannot use '{}'", file), [&] { return parse(bytes); });
}

void keep_entry(const std::string& file, const Entry& entry) {
  const fs::path folder = fs::path(file).parent_path();
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw Error(fmt::format("cannot create folder '{}': {}", folder.string(), failure.message()));
  }
  imagefmt::OutputFile output(file);
  output.file().write(0, imagefmt::as_bytes(serialize(entry)));
  output.commit();
}

}  // namespace

CompiledPolicy compile_cached(const std::string& cache, std::vector<Module> modules,
                              const CompileOptions& options, imagefmt::Reporter& reporter) {
  std::string file;  // empty: nothing is kept
  std::optional<Entry> found;
  try {
    file = fmt::format("{}/{}.policy", cache, key_of(modules, options));
    found = find_entry(file, reporter);
  } catch (const Error& error) {
    reporter.warn(fmt::format("the policy is compiled anew: {}", error.what()));
  }
  if (found) {
    for (const std::string& warning : found->warnings) reporter.warn(warning);
    return std::move(found->policy);
  }
  unpack_modules(modules, options.jobs);
  KeepingWarnings keeping(reporter);
  Entry entry;
  entry.policy = compile(std::move(modules), options, keeping);
  entry.warnings = std::move(keeping.warnings);
  if (file.empty()) return std::move(entry.policy);
  try {
    keep_entry(file, entry);
  } catch (const Error& error) {
    reporter.warn(fmt::format("the compiled policy is not kept: {}", error.what()));
  }
  return std::move(entry.policy);
}

}  // namespace policy
