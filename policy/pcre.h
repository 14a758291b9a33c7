// SPDX-License-Identifier: Apache-2.0
//
// Private: PCRE2 as libselinux calls it.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <new>
#include <string>
#include <string_view>

#include "imagefmt/base/error.h"
#include "imagefmt/base/handle.h"

namespace policy {

using PcreCode = imagefmt::Handle<pcre2_code, pcre2_code_free_8>;
using PcreMatch = imagefmt::Handle<pcre2_match_data, pcre2_match_data_free_8>;

inline std::string pcre_error(int code) {
  char text[256];
  pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
  return text;
}

/// `^pattern$`. Throws what is wrong with the pattern, without naming it.
inline PcreCode compile_pcre(std::string_view pattern, uint32_t more_options = 0) {
  std::string anchored = fmt::format("^{}$", pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  PcreCode code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(anchored.data()), anchored.size(),
                              PCRE2_DOTALL | more_options, &error, &offset, nullptr));
  if (!code) {
    // The offset counts the `^` that the user did not write.
    throw imagefmt::Error(fmt::format("{} (byte {})", pcre_error(error), offset ? offset - 1 : 0));
  }
  return code;
}

/// Throws where PCRE2 gives up.
inline bool matches(const pcre2_code& code, std::string_view subject) {
  const PcreMatch match(pcre2_match_data_create(1, nullptr));
  if (!match) throw std::bad_alloc();
  int result = pcre2_match(&code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), 0,
                           0, match.get(), nullptr);
  if (result >= 0) return true;  // 0: more groups than the one that is kept
  if (result == PCRE2_ERROR_NOMATCH) return false;
  throw imagefmt::Error(pcre_error(result));
}

}  // namespace policy
