// SPDX-License-Identifier: Apache-2.0
#include "policy/policydb.h"

#include <fmt/format.h>
#include <sepol/policydb/avtab.h>
#include <sepol/policydb/policydb.h>
#include <sepol/policydb/services.h>
#include <sepol/user_record.h>
#include <sepol/users.h>

#include <algorithm>
#include <set>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/endian.h"
#include "policy/features.h"
#include "policy/isolated.h"
#include "policy/kernel_version.h"
#include "policy/sepol.h"

namespace policy {

using imagefmt::Error;
using imagefmt::le32;

namespace {

// libsepol's POLICYDB_MAGIC and POLICYDB_STRING; the header of a policy file is
// magic, length of the string, the string, version, configuration, two table sizes.
constexpr uint32_t kMagic = 0xf97cff8c;
constexpr std::string_view kTarget = "SE Linux";

std::string describe(std::string_view name) {
  return fmt::format("cannot read policy '{}'", name);
}

/// A sepol_user_iterate callback: no exception may pass it, so a lack of memory ends the iteration.
int take_user(const sepol_user_t* record, void* argument) noexcept {
  const char** roles = nullptr;
  try {
    SelinuxUser user;
    user.name = sepol_user_get_name(record);
    if (const char* level = sepol_user_get_mlslevel(record)) user.level = level;
    if (const char* range = sepol_user_get_mlsrange(record)) user.range = range;
    unsigned int count = 0;
    if (sepol_user_get_roles(nullptr, record, &roles, &count) < 0) return -1;
    user.roles.assign(roles, roles + count);
    free(static_cast<void*>(roles));
    roles = nullptr;
    static_cast<std::vector<SelinuxUser>*>(argument)->push_back(std::move(user));
    return 0;
  } catch (...) {
    free(static_cast<void*>(roles));
    return -1;
  }
}

std::vector<SelinuxUser> list_users(const sepol::Policydb& policydb, std::string_view name) {
  sepol::Messages messages;
  std::vector<SelinuxUser> users;
  if (sepol_user_iterate(messages.handle(), policydb.get(), take_user, &users) < 0) {
    throw Error(fmt::format("{}: cannot list its users: {}", describe(name), messages.reason()));
  }
  std::sort(users.begin(), users.end(),
            [](const SelinuxUser& a, const SelinuxUser& b) { return a.name < b.name; });
  return users;
}

// libsepol exports no function for what follows, so its tables are walked.

/// The number of a name, from 1; 0 if there is none. Numbers may have gaps.
uint32_t find_symbol(const policydb_t& policy, int table, std::string_view name) {
  for (uint32_t i = 0; i < policy.symtab[table].nprim; ++i) {
    const char* known = policy.sym_val_to_name[table][i];
    if (known && name == known) return i + 1;
  }
  return 0;
}

bool is_attribute(const policydb_t& policy, uint32_t type) {
  const type_datum_t* datum = policy.type_val_to_struct[type - 1];
  return datum && datum->flavor == TYPE_ATTRIB;
}

/// Calls `body` with each number of a set, from 1.
template <class Body>
void for_each_in(const ebitmap_t& set, Body&& body) {
  ebitmap_node_t* node = nullptr;
  uint32_t bit = 0;
  ebitmap_for_each_positive_bit(&set, node, bit) {
    body(bit + 1);
  }
}

void add_types_of(const policydb_t& policy, uint32_t type_or_attribute,
                  std::set<std::string>& names) {
  for_each_in(policy.attr_type_map[type_or_attribute - 1], [&](uint32_t type) {
    const char* name = policy.p_type_val_to_name[type - 1];
    if (name && !is_attribute(policy, type)) names.insert(name);
  });
}

/// The bit of a permission in access vectors; 0 if the class does not have it.
uint32_t find_permission(const class_datum_t& object_class, std::string_view name) {
  auto find_in = [&](const symtab_t& permissions) -> uint32_t {
    const hashtab_val_t* table = permissions.table;
    for (unsigned slot = 0; table && slot < table->size; ++slot) {
      for (const hashtab_node_t* node = table->htable[slot]; node; node = node->next) {
        if (name != node->key) continue;
        return uint32_t{1} << (static_cast<const perm_datum_t*>(node->datum)->s.value - 1);
      }
    }
    return 0;
  };
  const uint32_t own = find_in(object_class.permissions);
  return own || !object_class.comdatum ? own : find_in(object_class.comdatum->permissions);
}

std::string type_order(const policydb_t& policy) {
  std::string names;
  auto add = [&](const char* name) {
    if (name) names.append(name).append(1, '\n');
  };
  for (uint32_t i = 0; i < policy.symtab[SYM_TYPES].nprim; ++i) {
    add(policy.sym_val_to_name[SYM_TYPES][i]);
  }
  hashtab_t table = policy.symtab[SYM_TYPES].table;
  for (unsigned bucket = 0; bucket < table->size; ++bucket) {
    for (hashtab_ptr_t node = table->htable[bucket]; node; node = node->next) {
      auto type = static_cast<const type_datum_t*>(node->datum);
      bool alias = type->flavor == TYPE_ALIAS || (type->flavor == TYPE_TYPE && !type->primary);
      if (alias) add(node->key);
    }
  }
  return names;
}

std::string object_types(const policydb_t& policy) {
  std::string names;
  for (uint32_t i = 0; i < policy.symtab[SYM_ROLES].nprim; ++i) {
    const char* role = policy.sym_val_to_name[SYM_ROLES][i];
    if (!role || std::string_view(role) != "object_r") continue;
    const ebitmap_t* types = &policy.role_val_to_struct[i]->types.types;
    ebitmap_node_t* node = nullptr;
    unsigned bit = 0;
    ebitmap_for_each_positive_bit(types, node, bit) {
      names.append(policy.sym_val_to_name[SYM_TYPES][bit]).append(1, '\n');
    }
  }
  return names;
}

}  // namespace

uint32_t parse_policy_version(std::string_view image, std::string_view name) {
  return imagefmt::with_context(describe(name), [&] {
    imagefmt::Cursor cursor(imagefmt::as_bytes(image), "the header");
    uint32_t magic = cursor.take_struct<le32>();
    if (magic != kMagic) {
      throw Error(
          fmt::format("not a binary policy: expected magic {:#x}, found {:#x}", kMagic, magic));
    }
    uint32_t length = cursor.take_struct<le32>();
    if (length != kTarget.size() || imagefmt::as_text(cursor.take(length)) != kTarget) {
      throw Error(
          fmt::format("not a policy for a Linux kernel: expected '{}' in the header", kTarget));
    }
    uint32_t version = cursor.take_struct<le32>();
    if (version < oldest_policy_version() || version > newest_policy_version()) {
      throw Error(fmt::format("policy version {}: this libsepol reads versions {} to {}", version,
                              oldest_policy_version(), newest_policy_version()));
    }
    return version;
  });
}

KernelPolicyText kernel_policy_text(std::string_view image, std::string_view name) {
  parse_policy_version(image, name);
  std::vector<std::string> texts = run_isolated(
      describe(name), limits_for_reading(image.size()), [&]() -> std::vector<std::string> {
        sepol::Policydb policydb = sepol::read_policydb(image, describe(name));
        std::optional<std::string> cil = sepol::written_by(
            [&](FILE* out) { return sepol_kernel_policydb_to_cil(out, &policydb->p); });
        if (!cil) {
          throw Error(fmt::format("cannot write policy '{}' as CIL: {}", name, take_printed()));
        }
        return {std::move(*cil), type_order(policydb->p), object_types(policydb->p)};
      });
  return {std::move(texts.at(0)), std::move(texts.at(1)), std::move(texts.at(2))};
}

std::string kernel_policy_to_cil(std::string_view image, std::string_view name) {
  return kernel_policy_text(image, name).cil;
}

struct PolicyDb::State {
  std::string image;
  std::string name;
  sepol::Policydb policydb;
  std::vector<SelinuxUser> users;
};

PolicyDb::PolicyDb(std::unique_ptr<State> state, uint32_t version)
    : state_(std::move(state)), version_(version) {}
PolicyDb::PolicyDb(PolicyDb&&) noexcept = default;
PolicyDb& PolicyDb::operator=(PolicyDb&&) noexcept = default;
PolicyDb::~PolicyDb() = default;

PolicyDb PolicyDb::from_image(std::string_view bytes, std::string_view name) {
  uint32_t version = parse_policy_version(bytes, name);
  // libsepol may crash on a damaged policy; what a child has read it reads again.
  run_isolated(describe(name), limits_for_reading(bytes.size()), [&]() -> std::vector<std::string> {
    sepol::read_policydb(bytes, describe(name)).release();
    return {};
  });
  auto state = std::make_unique<State>();
  state->image = bytes;
  state->name = name;
  state->policydb = sepol::read_policydb(bytes, describe(name));
  state->users = list_users(state->policydb, name);
  return {std::move(state), version};
}

const std::vector<SelinuxUser>& PolicyDb::users() const {
  return state_->users;
}

const SelinuxUser* PolicyDb::find_user(std::string_view name) const {
  for (const SelinuxUser& user : state_->users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

bool PolicyDb::range_contains(const std::string& outer, const std::string& inner) const {
  sepol::Messages messages;
  int contains = 0;
  return sepol_mls_contains(messages.handle(), state_->policydb.get(), outer.c_str(), inner.c_str(),
                            &contains) >= 0 &&
         contains != 0;
}

bool PolicyDb::mls() const {
  return sepol_policydb_mls_enabled(state_->policydb.get()) != 0;
}

bool PolicyDb::accepts(std::string_view context) const {
  if (context.find('\0') != std::string_view::npos) return false;
  std::string text(context);
  sepol::Messages messages;
  sepol::ContextRecord record;
  sepol_context_from_string(messages.handle(), text.c_str(), imagefmt::Out(record));
  if (!record) return false;  // not of the form; or `<<none>>`, which succeeds
  return sepol_context_check(messages.handle(), state_->policydb.get(), record.get()) == 0;
}

std::vector<std::string> PolicyDb::xattr_filesystems() const {
  return PolicyFeatures(kernel_policy_to_cil(state_->image, state_->name)).xattr_filesystems();
}

std::optional<std::string> PolicyDb::find_xattr_filesystem_type(std::string_view filesystem) const {
  const policydb_t& policy = state_->policydb->p;
  for (const ocontext_t* use = policy.ocontexts[OCON_FSUSE]; use; use = use->next) {
    if (use->v.behavior == SECURITY_FS_USE_XATTR && filesystem == use->u.name) {
      return policy.p_type_val_to_name[use->context[0].type - 1];
    }
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> PolicyDb::find_types_of(std::string_view attribute) const {
  const policydb_t& policy = state_->policydb->p;
  const uint32_t number = find_symbol(policy, SYM_TYPES, attribute);
  if (number == 0 || !is_attribute(policy, number)) return std::nullopt;
  std::set<std::string> names;
  add_types_of(policy, number, names);
  return std::vector<std::string>(names.begin(), names.end());
}

std::vector<std::string> PolicyDb::types_that_may(std::string_view object_class,
                                                  std::string_view permission,
                                                  std::string_view target) const {
  const policydb_t& policy = state_->policydb->p;
  const uint32_t class_number = find_symbol(policy, SYM_CLASSES, object_class);
  const uint32_t target_number = find_symbol(policy, SYM_TYPES, target);
  if (class_number == 0 || target_number == 0) return {};
  const uint32_t bit = find_permission(*policy.class_val_to_struct[class_number - 1], permission);
  std::set<uint32_t> targets;  // itself, and its attributes
  for_each_in(policy.type_attr_map[target_number - 1],
              [&](uint32_t number) { targets.insert(number); });
  std::set<std::string> names;
  for (uint32_t slot = 0; slot < policy.te_avtab.nslot; ++slot) {
    for (const avtab_node* rule = policy.te_avtab.htable[slot]; rule; rule = rule->next) {
      const avtab_key_t& key = rule->key;
      if (key.target_class == class_number && (key.specified & AVTAB_ALLOWED) != 0 &&
          (rule->datum.data & bit) != 0 && targets.contains(key.target_type)) {
        add_types_of(policy, key.source_type, names);
      }
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace policy
