// SPDX-License-Identifier: Apache-2.0
#include "policy/binary_policy.h"

#include <sepol/context.h>
#include <sepol/context_record.h>
#include <sepol/debug.h>
#include <sepol/handle.h>
#include <sepol/policydb.h>
#include <sepol/user_record.h>
#include <sepol/users.h>

#include <algorithm>
#include <cstdlib>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/handle.h"

namespace policy {

using imagefmt::Cursor;
using imagefmt::Error;
using imagefmt::Handle;
using imagefmt::le32;
using imagefmt::Out;

namespace {

// The header of a kernel policy: security/selinux/ss/policydb.c, policydb_read().
constexpr uint32_t kMagic = 0xf97cff8c;
constexpr std::string_view kTarget = "SE Linux";
constexpr uint32_t kConfigMls = 1;

struct Header {
  uint32_t version;
  bool mls;
};

Header parse_header(std::string_view binary) {
  Cursor cursor(imagefmt::as_bytes(binary), "header");
  const uint32_t magic = cursor.take_struct<le32>();
  if (magic != kMagic) {
    throw Error(fmt::format("expected magic {:#x}, found {:#x}", kMagic, magic));
  }
  const uint32_t length = cursor.take_struct<le32>();
  if (length != kTarget.size() || imagefmt::as_text(cursor.take(length)) != kTarget) {
    throw Error("it is not for SELinux");
  }
  const uint32_t version = cursor.take_struct<le32>();
  const uint32_t config = cursor.take_struct<le32>();
  return {version, (config & kConfigMls) != 0};
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

}  // namespace

struct BinaryPolicy::Database {
  Handle<sepol_handle_t, sepol_handle_destroy> handle{sepol_handle_create()};
  Handle<sepol_policydb_t, sepol_policydb_free> policy;
};

BinaryPolicy::BinaryPolicy(std::string_view binary) : database_(std::make_unique<Database>()) {
  imagefmt::with_context("cannot read the compiled policy", [&] {
    const Header header = parse_header(binary);
    version_ = header.version;
    mls_ = header.mls;
    sepol_handle_t* handle = database_->handle.get();
    if (!handle || sepol_policydb_create(Out(database_->policy)) < 0) throw std::bad_alloc();
    // Questions whose answer is "no" are no errors: libsepol shall not print them.
    sepol_msg_set_callback(handle, nullptr, nullptr);
    // Not sepol_policydb_from_image: where it fails it leaves a policy that cannot be freed.
    Handle<sepol_policy_file_t, sepol_policy_file_free> file;
    if (sepol_policy_file_create(Out(file)) < 0) throw std::bad_alloc();
    sepol_policy_file_set_handle(file.get(), handle);
    // libsepol only reads the bytes, though its declaration does not say so.
    sepol_policy_file_set_mem(file.get(), const_cast<char*>(binary.data()), binary.size());
    if (sepol_policydb_read(database_->policy.get(), file.get()) < 0) {
      throw Error(fmt::format("libsepol does not take it as a policy of version {}", version_));
    }
    if (sepol_user_iterate(handle, database_->policy.get(), take_user, &users_) < 0) {
      throw Error("libsepol cannot list its users");
    }
  });
  std::sort(users_.begin(), users_.end(),
            [](const SelinuxUser& a, const SelinuxUser& b) { return a.name < b.name; });
}

BinaryPolicy::BinaryPolicy(BinaryPolicy&&) noexcept = default;
BinaryPolicy& BinaryPolicy::operator=(BinaryPolicy&&) noexcept = default;
BinaryPolicy::~BinaryPolicy() = default;

const SelinuxUser* BinaryPolicy::find_user(std::string_view name) const {
  for (const SelinuxUser& user : users_) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

bool BinaryPolicy::is_valid(const std::string& context) const {
  Handle<sepol_context_t, sepol_context_free> record;
  sepol_handle_t* handle = database_->handle.get();
  const int status = sepol_context_from_string(handle, context.c_str(), Out(record));
  return status >= 0 && record &&
         sepol_context_check(handle, database_->policy.get(), record.get()) >= 0;
}

bool BinaryPolicy::range_contains(const std::string& outer, const std::string& inner) const {
  int contains = 0;
  return sepol_mls_contains(database_->handle.get(), database_->policy.get(), outer.c_str(),
                            inner.c_str(), &contains) >= 0 &&
         contains != 0;
}

}  // namespace policy
