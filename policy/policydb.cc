// SPDX-License-Identifier: Apache-2.0
#include "policy/policydb.h"

#include <fmt/format.h>

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

sepol::Policydb read_image(std::string_view image, std::string_view name) {
  sepol::Messages messages;
  sepol::Policydb policydb = sepol::make_policydb();
  // libsepol only reads through this pointer.
  if (sepol_policydb_from_image(messages.handle(), const_cast<char*>(image.data()), image.size(),
                                policydb.get()) != 0) {
    std::string reason = messages.take();
    throw Error(fmt::format("{}: {}", describe(name),
                            reason.empty() ? "libsepol does not say why" : reason));
  }
  return policydb;
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
  auto refuse = [&](const std::string& reason) {
    throw Error(fmt::format("{}: {}", describe(name), reason));
  };
  return imagefmt::with_context(describe(name), [&] {
    imagefmt::Cursor cursor(imagefmt::as_bytes(image), "the header");
    uint32_t magic = cursor.take_struct<le32>();
    if (magic != kMagic) {
      refuse(fmt::format("not a binary policy: expected magic {:#x}, found {:#x}", kMagic, magic));
    }
    uint32_t length = cursor.take_struct<le32>();
    if (length != kTarget.size() || imagefmt::as_text(cursor.take(length)) != kTarget) {
      refuse(fmt::format("not a policy for a Linux kernel: expected '{}' in the header", kTarget));
    }
    uint32_t version = cursor.take_struct<le32>();
    if (version < oldest_policy_version() || version > newest_policy_version()) {
      refuse(fmt::format("policy version {}: this libsepol reads versions {} to {}", version,
                         oldest_policy_version(), newest_policy_version()));
    }
    return version;
  });
}

KernelPolicyText kernel_policy_text(std::string_view image, std::string_view name) {
  parse_policy_version(image, name);
  std::vector<std::string> texts =
      run_isolated(describe(name), {}, [&]() -> std::vector<std::string> {
        sepol::Policydb policydb = read_image(image, name);
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
};

PolicyDb::PolicyDb(std::unique_ptr<State> state, uint32_t version)
    : state_(std::move(state)), version_(version) {}
PolicyDb::PolicyDb(PolicyDb&&) noexcept = default;
PolicyDb& PolicyDb::operator=(PolicyDb&&) noexcept = default;
PolicyDb::~PolicyDb() = default;

PolicyDb PolicyDb::from_image(std::string_view bytes, std::string_view name) {
  uint32_t version = parse_policy_version(bytes, name);
  // libsepol may crash on a damaged policy; what a child has read it reads again.
  run_isolated(describe(name), {}, [&]() -> std::vector<std::string> {
    read_image(bytes, name).release();
    return {};
  });
  auto state = std::make_unique<State>();
  state->image = bytes;
  state->name = name;
  state->policydb = read_image(bytes, name);
  return {std::move(state), version};
}

bool PolicyDb::mls() const {
  return sepol_policydb_mls_enabled(state_->policydb.get()) != 0;
}

bool PolicyDb::accepts(std::string_view context) const {
  if (context.find('\0') != std::string_view::npos) return false;
  std::string text(context);
  sepol::Messages messages;
  sepol::ContextRecord record;
  return sepol_context_from_string(messages.handle(), text.c_str(), imagefmt::Out(record)) == 0 &&
         sepol_context_check(messages.handle(), state_->policydb.get(), record.get()) == 0;
}

std::vector<std::string> PolicyDb::xattr_filesystems() const {
  return PolicyFeatures(kernel_policy_to_cil(state_->image, state_->name)).xattr_filesystems();
}

}  // namespace policy
