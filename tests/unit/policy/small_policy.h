// SPDX-License-Identifier: Apache-2.0
//
// A policy of a few lines, compiled in the test.
#pragma once

#include <sepol/cil/cil.h>
#include <sepol/policydb.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace tests {

/// Users admin_u (s0 - s0:c0.c3), guest_u (s0) and system_u; roles admin_r, guest_r; types home_t,
/// run_t. The text goes on in `more`.
inline std::string small_policy_cil(bool mls, const std::string& more = "") {
  const std::string low = "((s0) (s0))", all = "((s0) (s0 (range c0 c3)))";
  return std::string("(mls ") + (mls ? "true" : "false") + ")\n" + R"(
(handleunknown allow)
(class file (read))
(class process (fork))
(classorder (file process))
(sensitivity s0)
(sensitivityorder (s0))
(category c0) (category c1) (category c2) (category c3)
(categoryorder (c0 c1 c2 c3))
(sensitivitycategory s0 (range c0 c3))
(type home_t) (type run_t)
(role admin_r) (role guest_r) (role object_r)
(roletype object_r home_t) (roletype object_r run_t)
(roletype admin_r home_t) (roletype guest_r run_t)
(user system_u) (user admin_u) (user guest_u)
(userrole system_u object_r)
(userrole admin_u admin_r) (userrole guest_u guest_r)
(userrole admin_u object_r) (userrole guest_u object_r)
(userlevel system_u (s0)) (userlevel admin_u (s0)) (userlevel guest_u (s0))
(userrange system_u )" +
         all + R"()
(userrange admin_u )" +
         all + R"()
(userrange guest_u )" +
         low + R"()
(userprefix admin_u admin_r)
(userprefix guest_u guest)
(selinuxuser root admin_u )" +
         all + R"()
(selinuxuserdefault guest_u )" +
         low + R"()
(sid kernel)
(sidorder (kernel))
(sidcontext kernel (system_u object_r home_t )" +
         low + R"())
(allow home_t run_t (file (read)))
)" + more;
}

struct SmallPolicy {
  std::string binary, file_contexts, seusers, user_prefixes;
};

inline SmallPolicy compile_small_policy(const std::string& cil, unsigned version = 31) {
  cil_set_log_level(CIL_ERR);
  cil_db* db = nullptr;
  cil_db_init(&db);
  cil_set_policy_version(db, static_cast<int>(version));
  sepol_policydb_t* policy = nullptr;
  std::string text = cil;
  if (cil_add_file(db, "small", text.data(), text.size()) || cil_compile(db) ||
      cil_build_policydb(db, &policy)) {
    throw std::runtime_error("the small policy does not compile");
  }
  SmallPolicy result;
  auto take = [](std::string& into, char* bytes, size_t size) {
    if (bytes) into.assign(bytes, size);
    free(bytes);
  };
  char* out = nullptr;
  size_t size = 0;
  cil_filecons_to_string(db, &out, &size);
  take(result.file_contexts, out, size);
  cil_selinuxusers_to_string(db, &out, &size);
  take(result.seusers, out, size);
  cil_userprefixes_to_string(db, &out, &size);
  take(result.user_prefixes, out, size);
  void* image = nullptr;
  if (sepol_policydb_to_image(nullptr, policy, &image, &size)) {
    throw std::runtime_error("the small policy cannot be written");
  }
  take(result.binary, static_cast<char*>(image), size);
  sepol_policydb_free(policy);
  cil_db_destroy(&db);
  return result;
}

}  // namespace tests
