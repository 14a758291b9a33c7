// SPDX-License-Identifier: Apache-2.0
#include "policy/denial_causes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "imagefmt/base/error.h"
#include "policy/exact_contexts.h"
#include "policy/text_lines.h"

namespace policy {

namespace {

using Kind = Cause::Kind;

/// Domains that a process stays in when nothing says where it belongs.
constexpr std::array<std::string_view, 5> kCatchAllDomains = {
    "init_t", "initrc_t", "kernel_t", "unconfined_service_t", "unconfined_t"};
constexpr size_t kMostConstraintBytes = 400;
constexpr std::string_view kStore = "/nix/store/";

std::string quoted_settings(const std::vector<std::pair<std::string, bool>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    text += fmt::format("{}--boolean {}={}", text.empty() ? "" : " ", name, value ? "on" : "off");
  }
  return text;
}

/// Of `--label-rules` for a file of a store path; a filecon for what lies elsewhere.
std::string label_rule(const FoundFile& file, const std::string& type) {
  const std::string_view path = file.path;
  if (!path.starts_with(kStore)) {
    return fmt::format("(filecon \"{}\" file ({} object_r {} ((s0) (s0))))", escape_pattern(path),
                       split(file.label.text(), ':').at(0), type);
  }
  const std::string_view rest = path.substr(kStore.size());
  const std::string_view base = rest.substr(0, rest.find('/'));
  const std::string_view inner = rest.substr(base.size());
  return fmt::format("package {} {} {}", package_name(derivation_name(base)),
                     inner.empty() ? "." : inner, type);
}

std::string shortened(std::string text) {
  if (text.size() > kMostConstraintBytes) text = text.substr(0, kMostConstraintBytes) + " …";
  return text;
}

/// A rule that gives a label to a path, for a text.
std::string describe(const ContextRule& rule, const FileContexts& contexts) {
  return fmt::format("{} ({})", rule.pattern, contexts.place_of(rule));
}
std::string describe(const Explanation& explanation, const LabelInput& labels) {
  if (explanation.reason == Explanation::Reason::kLabelRule) {
    const LabelRule& rule = *explanation.label_rule;
    return fmt::format("{} ({})", rule.text, labels.label_rules.place_of(rule));
  }
  return explanation.rule ? describe(*explanation.rule, labels.contexts) : "its folder's label";
}

}  // namespace

std::string_view self_or(std::string_view source, std::string_view target) {
  return source == target ? "self" : target;
}

std::string allow_statement(std::string_view source, std::string_view target,
                            std::string_view object_class,
                            const std::vector<std::string>& permissions) {
  return fmt::format("(allow {} {} ({} ({})))", source, target, object_class,
                     fmt::join(permissions, " "));
}

CauseFinder::CauseFinder(const DenialInput& input)
    : input_(input), tables_(input.policy.tables()) {}

void CauseFinder::find(JudgedDenial& judged, const Decisions& decisions) {
  const AvcMessage& message = judged.denial.message;
  std::vector<Cause>& causes = judged.causes;
  const bool one_file =
      judged.object.kind == DeniedObject::Kind::kImage && judged.object.files.size() == 1;
  if (one_file) {
    judged.explanation = explanation_of(judged.object.files[0].path);
  }
  if (message.granted) {
    causes.push_back({Kind::kGranted,
                      message.permissions,
                      "an auditallow rule of the policy asks for this message",
                      {},
                      {}});
    return;
  }
  if (std::optional<Cause> cause = find_label_fault(judged)) causes.push_back(std::move(*cause));
  if (std::optional<Cause> cause = find_domain_fault(judged)) causes.push_back(std::move(*cause));
  if (!causes.empty()) return;  // a rule for a wrong label would mend nothing
  if (!decisions.unknown.empty()) {
    causes.push_back({Kind::kUnknown,
                      message.permissions,
                      decisions.unknown + ": the log is of another policy, or of a newer kernel",
                      {},
                      {}});
    return;
  }
  for (size_t i = 0; i < message.permissions.size(); ++i) {
    Cause cause = judge_permission(message, message.permissions[i], decisions.by_permission.at(i));
    auto same = std::ranges::find_if(causes, [&](const Cause& other) {
      return other.kind == cause.kind && other.text == cause.text &&
             (cause.kind == Kind::kRule || other.mends == cause.mends);
    });
    if (same == causes.end()) {
      causes.push_back(std::move(cause));
      continue;
    }
    same->permissions.push_back(message.permissions[i]);
    same->breaches.insert(same->breaches.end(), cause.breaches.begin(), cause.breaches.end());
  }
  for (Cause& cause : causes) {
    if (cause.kind != Kind::kRule) continue;
    const std::string source(type_in(message.source)), target(type_in(message.target));
    cause.mends = {
        allow_statement(source, self_or(source, target), message.object_class, cause.permissions)};
  }
}

const Explanation& CauseFinder::explanation_of(const std::string& path) {
  auto known = explanations_.find(path);
  if (known == explanations_.end()) {
    known = explanations_.emplace(path, explain(input_.tree, input_.labels, path)).first;
  }
  return known->second;
}

bool CauseFinder::is_unlabelled(const std::string& type) const {
  if (type == "default_t") return true;
  return std::ranges::any_of(tables_.initial_sids, [&](const InitialSid& sid) {
    return sid.name == "unlabeled" && sid.context.type == type;
  });
}

std::optional<Cause> CauseFinder::find_label_fault(JudgedDenial& judged) {
  const std::string type(type_in(judged.denial.message.target));
  std::optional<Cause> fault;
  if (judged.object.kind == DeniedObject::Kind::kImage) {
    fault = find_label_fault_of_image(judged, type);
  } else if (judged.object.kind == DeniedObject::Kind::kMadeLater) {
    fault = find_label_fault_at_run_time(judged, type);
  }
  const bool is_file = judged.object.kind != DeniedObject::Kind::kNoFile;
  if (!is_file || !is_unlabelled(type)) return fault;
  if (!fault) {
    fault = Cause{Kind::kLabel, judged.denial.message.permissions, "", {}, {}};
    fault->text = "no rule says what it is";
    fault->mends = {"a rule for its path, which the log does not tell"};
  }
  fault->kind = Kind::kUnlabelled;
  fault->text = fmt::format(
      "{} is the label of what has none, or one that the policy does not "
      "know; {}",
      type, fault->text);
  return fault;
}

std::optional<Cause> CauseFinder::find_label_fault_of_image(JudgedDenial& judged,
                                                            const std::string& type) {
  const std::vector<FoundFile>& files = judged.object.files;
  auto has_type = [&](const FoundFile& file) { return type_in(file.label.text()) == type; };
  // A name alone: the file is one of those that are labelled so, if there are any.
  if (files.size() > 1) {
    if (std::ranges::any_of(files, has_type)) {
      std::erase_if(judged.object.files, [&](const FoundFile& file) { return !has_type(file); });
      if (judged.object.files.size() == 1) {
        judged.explanation = explanation_of(judged.object.files[0].path);
      }
      return std::nullopt;
    }
  } else if (has_type(files[0])) {
    return std::nullopt;
  }
  std::set<std::string> types;
  for (const FoundFile& file : files) types.emplace(type_in(file.label.text()));
  // Files of one name that the rules label differently: which was meant nobody can tell.
  if (types.size() != 1) return std::nullopt;
  Cause cause{Kind::kLabel, judged.denial.message.permissions, "", {}, {}};
  cause.text = fmt::format("the object has {}, and the rules give it {}", type, *types.begin());
  if (judged.explanation) cause.text += ": " + describe(*judged.explanation, input_.labels);
  const imagefmt::Node* built = input_.image ? input_.image->tree.find(files[0].path) : nullptr;
  const bool is_of_image = built && type_in(built->label.text()) == type;
  cause.mends = {is_of_image ? "build the image anew: it was not labelled by these rules"
                             : "build the image anew: the log is of one with other labels"};
  return cause;
}

std::optional<Cause> CauseFinder::find_label_fault_at_run_time(const JudgedDenial& judged,
                                                               const std::string& type) const {
  const AvcMessage& message = judged.denial.message;
  if (!message.path.starts_with('/')) return std::nullopt;
  const ContextRule* rule = input_.labels.contexts.lookup(message.path, judged.object.type);
  if (!rule || rule->is_none()) return std::nullopt;
  const std::string expected(type_in(rule->context.text()));
  if (expected == type || is_unlabelled(expected)) return std::nullopt;
  Cause cause{Kind::kLabel, message.permissions, "", {}, {}};
  cause.text = fmt::format("the object has {}, and the rules give it {}: {}", type, expected,
                           describe(*rule, input_.labels.contexts));
  cause.mends = {
      fmt::format("let systemd-tmpfiles make {}, or `restorecon {}`", message.path, message.path)};
  return cause;
}

const std::vector<DomainEntry>& CauseFinder::domains_of(const std::string& exec_type) {
  auto [place, is_new] = domains_.try_emplace(exec_type);
  if (is_new && input_.policy.is_type(exec_type)) {
    place->second = input_.policy.domains_entered_by(exec_type);
  }
  return place->second;
}

/// Labels that would put a program into a domain of its own: what the policy has for its name.
std::set<std::string> CauseFinder::types_for_program(const FoundFile& program,
                                                     const std::string& source) {
  const std::string name = program.path.substr(program.path.rfind('/') + 1);
  std::set<std::string> types;
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/libexec/", "/usr/lib/systemd/"}) {
    const ContextRule* rule = input_.labels.contexts.lookup(folder + name, FileType::kRegular);
    if (rule && !rule->is_none()) types.emplace(type_in(rule->context.text()));
  }
  std::string stem = name;
  std::ranges::replace(stem, '-', '_');
  types.insert(stem + "_exec_t");
  std::erase_if(types, [&](const std::string& type) {
    return !type.ends_with("_exec_t") ||
           std::ranges::none_of(domains_of(type), [&](const DomainEntry& entry) {
             return entry.active && entry.source == source && entry.domain != source;
           });
  });
  return types;
}

std::optional<Cause> CauseFinder::find_domain_fault(const JudgedDenial& judged) {
  const AvcMessage& message = judged.denial.message;
  const std::string source(type_in(message.source));
  if (std::ranges::find(kCatchAllDomains, source) == kCatchAllDomains.end()) return std::nullopt;
  Cause cause{Kind::kDomain, message.permissions, "", {}, {}};
  for (const FoundFile& program : judged.programs) {
    const std::string label(type_in(program.label.text()));
    auto entry = std::ranges::find_if(domains_of(label), [&](const DomainEntry& e) {
      return e.active && e.source == source && e.domain != source;
    });
    if (entry != domains_of(label).end()) {
      if (message.exe.empty()) continue;  // another program can have taken its name
      cause.text = fmt::format("{} runs in {}, and by its label {} it would have entered {}",
                               program.path, source, label, entry->domain);
      cause.mends = {
          "build the image anew: the log is of one with other labels, or the process has "
          "no-new-privileges"};
      return cause;
    }
    for (const std::string& type : types_for_program(program, source)) {
      cause.text = fmt::format(
          "{} runs in {}, its starter's domain, since nothing enters a domain by its label {}",
          program.path, source, label);
      cause.mends.push_back(label_rule(program, type));
    }
  }
  if (cause.mends.empty()) return std::nullopt;
  return cause;
}

Cause CauseFinder::judge_permission(const AvcMessage& message, const std::string& permission,
                                    const Decision& decision) const {
  const std::string source(type_in(message.source)), target(type_in(message.target));
  if (decision.no_rule) return judge_missing_rule(message, permission);
  Cause cause{Kind::kAllowed, {permission}, "", {}, {}};
  if (decision.constrained) {
    cause.kind = Kind::kConstraint;
    cause.text = "a rule allows it, and a constraint forbids it";
    for (const std::string& constraint : decision.constraints) {
      cause.text += ": " + shortened(constraint);
    }
    cause.mends = {"another user, role or level, or an attribute that the constraint exempts"};
  } else if (decision.role_denied) {
    const std::string old_role(split(message.source, ':').at(1)),
        new_role(split(message.target, ':').at(1));
    cause.kind = Kind::kRole;
    cause.text = fmt::format("role {} may not change to {}", old_role, new_role);
    cause.mends = {fmt::format("(roleallow {} {})", old_role, new_role)};
  } else if (decision.out_of_bounds) {
    const std::optional<TypeId> bound = tables_.types[input_.policy.type_id(source)].bounded_by;
    cause.kind = Kind::kBounds;
    cause.text = "a rule allows it, and the type that bounds the source may not do it";
    if (bound) {
      const std::string& parent = tables_.types[*bound].name;
      cause.text =
          fmt::format("a rule allows it, and {}, which bounds {}, may not do it", parent, source);
      cause.mends = {allow_statement(parent, self_or(parent, target), message.object_class,
                                     cause.permissions)};
      add_breaches(cause, parent, target, message.object_class);
    }
  } else if (std::optional<Cause> xperm =
                 permission == "ioctl" ? find_xperm_fault(message) : std::nullopt) {
    cause = std::move(*xperm);
  } else {
    cause.text = message.permissive
                     ? "this policy allows it: the log is of another one"
                     : "this policy allows it: the log is of another one, or of other booleans";
  }
  return cause;
}

Cause CauseFinder::judge_missing_rule(const AvcMessage& message,
                                      const std::string& permission) const {
  const std::string source(type_in(message.source)), target(type_in(message.target));
  Cause cause{Kind::kRule, {permission}, "no rule allows it", {}, {}};
  std::set<std::string> settings;
  for (const Rule* rule :
       input_.policy.rules_for(source, target, message.object_class, permission)) {
    const std::string setting = quoted_settings(input_.policy.settings_for(*rule));
    if (!setting.empty()) settings.insert(setting);
  }
  if (!settings.empty()) {
    cause.kind = Kind::kBoolean;
    cause.text = "a rule would allow it, were a boolean of the policy set otherwise";
    cause.mends.assign(settings.begin(), settings.end());
    return cause;
  }
  add_breaches(cause, source, target, message.object_class);
  return cause;
}

/// With an allowxperm for two types and a class, ioctl is allowed for the commands of such rules
/// alone.
std::optional<Cause> CauseFinder::find_xperm_fault(const AvcMessage& message) const {
  if (!message.ioctl_command) return std::nullopt;
  const std::string source(type_in(message.source)), target(type_in(message.target));
  auto with_attributes = [&](const std::string& type) {
    const TypeId id = input_.policy.type_id(type);
    std::set<TypeId> ids(tables_.types[id].related.begin(), tables_.types[id].related.end());
    ids.insert(id);
    return ids;
  };
  const std::set<TypeId> sources = with_attributes(source), targets = with_attributes(target);
  const ClassId object_class = input_.policy.class_id(message.object_class);
  const uint32_t command = *message.ioctl_command;
  bool restricted = false;
  for (const Rule& rule : tables_.rules) {
    if (rule.kind != RuleKind::kAllowXperm || rule.object_class != object_class ||
        !sources.contains(rule.source) || !targets.contains(rule.target)) {
      continue;
    }
    const ExtendedPermissions& xperms = tables_.xperms[rule.value];
    if (xperms.what != "ioctl") continue;
    restricted = true;
    const bool covers = std::ranges::any_of(xperms.runs, [&](const NumberRun& run) {
      return run.first <= command && command <= run.second;
    });
    if (covers) return std::nullopt;
  }
  if (!restricted) return std::nullopt;
  Cause cause{Kind::kXperm, {"ioctl"}, "", {}, {}};
  cause.text = fmt::format("ioctl is allowed, and its command {:#x} is not", command);
  cause.mends = {fmt::format("(allowx {} {} (ioctl {} ({:#x})))", source, self_or(source, target),
                             message.object_class, command)};
  return cause;
}

void CauseFinder::add_breaches(Cause& cause, const std::string& source, const std::string& target,
                               const std::string& object_class) const {
  for (const std::string& permission : cause.permissions) {
    std::vector<Neverallow> found =
        input_.neverallows.forbidding(source, target, object_class, permission);
    cause.breaches.insert(cause.breaches.end(), found.begin(), found.end());
  }
}

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool may_have(const Role& role, std::string_view type, const PolicyRules& policy) {
  const TypeId id = policy.type_id(type);
  return std::ranges::any_of(role.types, [&](TypeId given) {
    const TypeSymbol& symbol = policy.tables().types[given];
    return given == id ||
           (symbol.attribute && std::ranges::find(symbol.related, id) != symbol.related.end());
  });
}

/// What of a context the policy does not accept.
void judge_context(const std::string& context, const PolicyRules& policy, JudgedError& judged) {
  const PolicyTables& tables = policy.tables();
  const std::vector<std::string_view> parts = split(context, ':', 4);
  if (parts.size() < 3) {
    judged.text = fmt::format("'{}' is no context", context);
    return;
  }
  const std::string_view user = parts[0], role = parts[1], type = parts[2];
  auto known_user = std::ranges::find(tables.users, user, &User::name);
  auto known_role = std::ranges::find(tables.roles, role, &Role::name);
  if (known_user == tables.users.end()) {
    judged.text = fmt::format("the policy has no user '{}'", user);
  } else if (known_role == tables.roles.end()) {
    judged.text = fmt::format("the policy has no role '{}'", role);
  } else if (!policy.is_type(type)) {
    judged.text = fmt::format("the policy has no type '{}'", type);
  } else if (role != "object_r" && !contains(known_user->roles, role)) {
    judged.text = fmt::format("user '{}' has no role '{}'", user, role);
    judged.mends = {fmt::format("(userrole {} {})", user, role)};
  } else if (role != "object_r" && !may_have(*known_role, type, policy)) {
    judged.text = fmt::format("role '{}' has no type '{}'", role, type);
    judged.mends = {fmt::format("(roletype {} {})", role, type)};
  } else {
    judged.text = fmt::format("the parts of '{}' are known; is its range the user's?", context);
  }
}

}  // namespace

JudgedError judge_error(const SelinuxError& error, const PolicyRules& policy) {
  JudgedError judged{error, 0, 0, "", {}};
  if (error.operation == "security_bounded_transition" &&
      std::ranges::count(error.old_context, ':') >= 2 &&
      std::ranges::count(error.new_context, ':') >= 2) {
    const std::string old_type(type_in(error.old_context)), new_type(type_in(error.new_context));
    judged.text = fmt::format(
        "{} may not become {} with no-new-privileges or from a file system that is nosuid: {} does "
        "not bound it, and no rule allows nnp_transition",
        old_type, new_type, old_type);
    const bool has_permission = policy.tables().class_ids.contains("process2") &&
                                policy.is_type(old_type) && policy.is_type(new_type);
    if (has_permission) {
      judged.mends = {allow_statement(old_type, new_type, "process2", {"nnp_transition"})};
    }
  } else if (!error.invalid_context.empty()) {
    judge_context(error.invalid_context, policy, judged);
  } else {
    judged.text = "the kernel did not accept a context";
  }
  return judged;
}

}  // namespace policy
