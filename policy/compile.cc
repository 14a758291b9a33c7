// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.h"

#include <fmt/format.h>

#include <algorithm>

#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "policy/cil_errors.h"
#include "policy/features.h"
#include "policy/isolated.h"
#include "policy/module_cil.h"
#include "policy/sepol.h"
#include "policy/similar.h"

namespace policy {

using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::Out;

namespace {

constexpr IsolationLimits kCompileLimits = {uint64_t{16} << 30, 1800};

/// libsepol's CIL compiler logs through one function of the process, in fragments of lines.
std::string cil_log_text;
void append_cil_log(int, const char* fragment) {
  cil_log_text += fragment;
}

int to_sepol(HandleUnknown handle_unknown) {
  switch (handle_unknown) {
    case HandleUnknown::kDeny:
      return SEPOL_DENY_UNKNOWN;
    case HandleUnknown::kReject:
      return SEPOL_REJECT_UNKNOWN;
    case HandleUnknown::kAllow:
      return SEPOL_ALLOW_UNKNOWN;
  }
  return SEPOL_DENY_UNKNOWN;
}

void set_booleans(sepol_policydb_t* policydb, const std::map<std::string, bool>& booleans) {
  if (booleans.empty()) return;
  sepol::Messages messages;
  std::vector<std::string> known;
  auto add_name = [](const sepol_bool_t* boolean, void* names) {
    static_cast<std::vector<std::string>*>(names)->push_back(sepol_bool_get_name(boolean));
    return 0;
  };
  if (sepol_bool_iterate(messages.handle(), policydb, add_name, &known) < 0) {
    throw Error(fmt::format("cannot list the policy's booleans: {}", messages.reason()));
  }
  Faults faults;
  for (const auto& [name, value] : booleans) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      faults.add(fmt::format("cannot set boolean '{}': the policy has none of this name{}", name,
                             mention_similar(name, known)));
      continue;
    }
    sepol::BoolKey key;
    sepol::Bool boolean;
    sepol_bool_key_create(messages.handle(), name.c_str(), Out(key));
    sepol_bool_create(messages.handle(), Out(boolean));
    bool done =
        key && boolean && sepol_bool_set_name(messages.handle(), boolean.get(), name.c_str()) == 0;
    if (done) {
      sepol_bool_set_value(boolean.get(), value);
      done = sepol_bool_set(messages.handle(), policydb, key.get(), boolean.get()) == 0;
    }
    if (!done) faults.add(fmt::format("cannot set boolean '{}': {}", name, messages.reason()));
  }
  faults.throw_if_any();
}

/// What the compiling child hands back.
struct Built {
  std::string image;    // empty if libsepol did not write it
  std::string remarks;  // what libsepol said meanwhile
  std::string cil;      // the policy before anything was lost in writing it
  std::string file_contexts, seusers, user_prefixes;
};

/// libsepol does not remove redundant rules from 20 (compact tables) to 23 (optimize.c).
bool can_be_optimized(uint32_t version) {
  return version < 20 || version > 23;
}

/// Empty if libsepol does not write it.
std::string to_image(sepol_policydb_t* policydb, uint32_t version, sepol::Messages& messages) {
  void* bytes = nullptr;
  size_t size = 0;
  bool written = sepol_policydb_set_vers(policydb, version) == 0 &&
                 sepol_policydb_to_image(messages.handle(), policydb, &bytes, &size) == 0;
  sepol::Malloced owned(static_cast<char*>(bytes));
  return written ? std::string(owned.get(), size) : std::string();
}

void write_image(sepol_policydb_t* policydb, uint32_t version, Built& built) {
  sepol::Messages messages;
  sepol::Policydb reread;
  if (version < 26) {
    // Versions before 26 hold role transitions, and before 21 range transitions, of class process
    // alone. Which class that is the CIL compiler does not note, so that libsepol would drop them
    // all; its reader does.
    std::string newest = to_image(policydb, newest_policy_version(), messages);
    reread = sepol::read_policydb(newest, "cannot read the compiled policy");
    policydb = reread.get();
  }
  sepol_policydb_set_vers(policydb, version);
  if (!can_be_optimized(version) || sepol_policydb_optimize(policydb) == 0) {
    built.image = to_image(policydb, version, messages);
  }
  for (const std::string& remark : messages.all()) {
    // Said even if there are none.
    if (remark == "Discarding filename type transition rules") continue;
    built.remarks += (built.remarks.empty() ? "" : "; ") + remark;
  }
  (void)reread.release();  // like all else in this process
}

/// REQUIRES: called in a child process; the CIL compiler's state is that of the process.
Built build(const std::vector<CilSource>& sources, const CompileOptions& options) {
  cil_set_log_handler(append_cil_log);
  cil_set_log_level(CIL_ERR);
  auto check = [&](int failed) {
    if (!failed) return;
    // What libsepol says without a handle to say it to is printed.
    cil_log_text += '\n';
    cil_log_text += take_printed();
    Faults faults;
    for (const std::string& message : explain_cil_errors(cil_log_text, sources)) {
      faults.add(fmt::format("cannot compile policy: {}", message));
    }
    faults.throw_if_any();
    throw Error("cannot compile policy: libsepol does not say why");
  };
  cil_db_t* db = nullptr;  // Never freed, like the policydb: this process ends when all is done.
  cil_db_init(&db);
  // As libsemanage sets them, but for the version, which is lowered when nothing can be lost
  // unseen any more, and neverallow rules, which it skips (expand-check=0).
  cil_set_disable_dontaudit(db, options.disable_dontaudit);
  cil_set_policy_version(db, static_cast<int>(newest_policy_version()));
  if (options.handle_unknown) cil_set_handle_unknown(db, to_sepol(*options.handle_unknown));
  for (const CilSource& source : sources) {
    check(cil_add_file(db, source.name.c_str(), source.text.data(), source.text.size()));
  }
  check(cil_compile(db));

  // Neverallow rules and bounds are checked beside the rest, on a snapshot.
  std::optional<Isolated> neverallows;
  if (imagefmt::job_count(options.jobs) > 1) {
    neverallows.emplace("cannot check neverallow rules", kCompileLimits, [&] {
      sepol_policydb_t* discarded = nullptr;
      check(cil_build_policydb(db, &discarded));
      return std::vector<std::string>();
    });
    cil_set_disable_neverallow(db, 1);
  }
  sepol_policydb_t* policydb = nullptr;
  check(cil_build_policydb(db, &policydb));
  set_booleans(policydb, options.booleans);
  // A snapshot again: printing sorts parts of the policy, and would change the bytes.
  Isolated printed("cannot inspect the policy", kCompileLimits, [&] {
    std::optional<std::string> cil = sepol::written_by(
        [&](FILE* out) { return sepol_kernel_policydb_to_cil(out, &policydb->p); });
    if (!cil) throw Error(fmt::format("cannot inspect the policy: {}", take_printed()));
    return std::vector<std::string>{std::move(*cil)};
  });

  Built built;
  auto to_string = [&](int (*print)(cil_db_t*, char**, size_t*)) {
    char* text = nullptr;
    size_t size = 0;
    check(print(db, &text, &size));
    return std::string(text ? text : "", size);
  };
  built.file_contexts = to_string(cil_filecons_to_string);
  built.seusers = to_string(cil_selinuxusers_to_string);
  built.user_prefixes = to_string(cil_userprefixes_to_string);
  write_image(policydb, options.version, built);
  if (neverallows) neverallows->finish();
  built.cil = printed.finish().at(0);
  return built;
}

/// Throws for what the target cannot hold, or warns of it.
void judge_losses(const PolicyFeatures& features, const Built& built, const CompileOptions& options,
                  imagefmt::Reporter& reporter) {
  std::vector<Loss> losses = features.losses_at(options.version);
  if (losses.empty() && !built.remarks.empty()) {  // libsepol knows of a loss that we do not
    losses.push_back({fmt::format("policy version {} cannot hold all of the policy: {}",
                                  options.version, built.remarks),
                      !built.image.empty()});
  }
  if (options.kernel) {
    for (Loss& loss : features.losses_on(*options.kernel)) losses.push_back(std::move(loss));
    for (const std::string& warning : features.unknown_capabilities(*options.kernel)) {
      reporter.warn(warning);
    }
  }
  Faults faults;
  for (const Loss& loss : losses) {
    if (options.allow_lossy && loss.droppable) {
      reporter.warn(loss.message);
    } else {
      faults.add(loss.message);
    }
  }
  faults.throw_if_any();
  if (built.image.empty()) {
    throw Error(
        fmt::format("cannot write policy version {}: libsepol does not say why", options.version));
  }
}

void check_version(const CompileOptions& options) {
  const uint32_t version = options.version;
  if (version < oldest_policy_version() || version > newest_policy_version()) {
    throw Error(
        fmt::format("cannot write policy version {}: this libsepol writes versions {} to {}",
                    version, oldest_policy_version(), newest_policy_version()));
  }
  if (options.kernel) check_kernel_reads(*options.kernel, version);
}

}  // namespace

CompiledPolicy compile(std::vector<Module> modules, const CompileOptions& options,
                       imagefmt::Reporter& reporter) {
  check_version(options);
  if (modules.empty()) throw Error("cannot compile policy: there are no modules");
  std::vector<std::string> texts = convert_to_cil(modules, options.jobs, reporter);
  std::vector<CilSource> sources;
  for (size_t i = 0; i < modules.size(); ++i) {
    bool converted = modules[i].form == ModuleForm::kPackage;
    sources.push_back({modules[i].path + (converted ? " (as CIL)" : ""), texts[i]});
  }

  imagefmt::Stage stage(reporter, "compiling policy");
  std::vector<std::string> strings =
      run_isolated("cannot compile policy", kCompileLimits, [&]() -> std::vector<std::string> {
        Built done = build(sources, options);
        return {std::move(done.image),   std::move(done.remarks),
                std::move(done.cil),     std::move(done.file_contexts),
                std::move(done.seusers), std::move(done.user_prefixes)};
      });
  Built built{std::move(strings.at(0)), std::move(strings.at(1)), std::move(strings.at(2)),
              std::move(strings.at(3)), std::move(strings.at(4)), std::move(strings.at(5))};
  PolicyFeatures features(built.cil);
  judge_losses(features, built, options, reporter);
  return {options.version,
          features.mls(),
          std::move(built.image),
          std::move(built.file_contexts),
          std::move(built.seusers),
          std::move(built.user_prefixes),
          features.xattr_filesystems()};
}

}  // namespace policy
