// SPDX-License-Identifier: Apache-2.0
//
// Private to the .cc files that call libsepol: its handles, and its messages kept instead of
// printed.
#pragma once

#include <sepol/boolean_record.h>
#include <sepol/booleans.h>
#include <sepol/cil/cil.h>
#include <sepol/context.h>
#include <sepol/context_record.h>
#include <sepol/debug.h>
#include <sepol/handle.h>
#include <sepol/module.h>
#include <sepol/policydb.h>
extern "C" {  // These two lack it themselves.
#include <sepol/kernel_to_cil.h>
#include <sepol/module_to_cil.h>
}

#include <fmt/format.h>
#include <stdio_ext.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/error.h"
#include "imagefmt/base/handle.h"

namespace policy::sepol {

using Policydb = imagefmt::Handle<sepol_policydb_t, sepol_policydb_free>;
using PolicyFile = imagefmt::Handle<sepol_policy_file_t, sepol_policy_file_free>;
using ModulePackage = imagefmt::Handle<sepol_module_package_t, sepol_module_package_free>;
using BoolKey = imagefmt::Handle<sepol_bool_key_t, sepol_bool_key_free>;
using Bool = imagefmt::Handle<sepol_bool_t, sepol_bool_free>;
using ContextRecord = imagefmt::Handle<sepol_context_t, sepol_context_free>;
using Malloced = imagefmt::Handle<char, free>;

/// A sepol_handle_t that keeps libsepol's messages. Not to be moved: libsepol has its address.
class Messages {
 public:
  Messages() : handle_(sepol_handle_create()) {
    if (!handle_) throw imagefmt::Error("cannot make a libsepol handle: out of memory");
    sepol_msg_set_callback(handle_.get(), &Messages::append, this);
  }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  sepol_handle_t* handle() { return handle_.get(); }
  const std::vector<std::string>& all() const { return all_; }
  /// Joined by `; `, or what libsepol should have said.
  std::string reason() const {
    return all_.empty() ? "libsepol does not say why" : fmt::format("{}", fmt::join(all_, "; "));
  }

 private:
  __attribute__((format(printf, 3, 4))) static void append(void* self, sepol_handle_t*,
                                                           const char* format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    static_cast<Messages*>(self)->all_.emplace_back(line);
  }

  imagefmt::Handle<sepol_handle_t, sepol_handle_destroy> handle_;
  std::vector<std::string> all_;
};

/// Reads a binary policy. Throws Error `<action>: <libsepol's reason>`. Damaged ones may crash it.
Policydb read_policydb(std::string_view image, std::string_view action);

/// What `write(FILE*)` writes, or nothing if it does not return 0.
template <class Write>
std::optional<std::string> written_by(Write write) {
  char* text = nullptr;
  size_t size = 0;
  FILE* file = open_memstream(&text, &size);
  if (!file) imagefmt::throw_errno("open a stream in memory");
  __fsetlocking(file, FSETLOCKING_BYCALLER);  // libsepol prints word by word
  int failed = write(file);
  failed |= fclose(file);
  Malloced owned(text);
  if (failed) return std::nullopt;
  return std::string(text, size);
}

}  // namespace policy::sepol
