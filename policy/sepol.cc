// SPDX-License-Identifier: Apache-2.0
#include "policy/sepol.h"

namespace policy::sepol {

using imagefmt::Error;
using imagefmt::Out;

Policydb read_policydb(std::string_view image, std::string_view action) {
  Messages messages;
  Policydb policydb;
  PolicyFile file;
  if (sepol_policydb_create(Out(policydb)) != 0 || sepol_policy_file_create(Out(file)) != 0) {
    throw Error(fmt::format("{}: out of memory", action));
  }
  // Not sepol_policydb_from_image: where it fails it frees what the handle frees again. libsepol
  // only reads through this pointer.
  sepol_policy_file_set_mem(file.get(), const_cast<char*>(image.data()), image.size());
  sepol_policy_file_set_handle(file.get(), messages.handle());
  if (sepol_policydb_read(policydb.get(), file.get()) != 0) {
    throw Error(fmt::format("{}: {}", action, messages.reason()));
  }
  return policydb;
}

}  // namespace policy::sepol
