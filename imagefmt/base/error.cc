// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace imagefmt {

void Error::add_context(std::string_view frame) {
  std::string framed;
  size_t start = 0;
  while (true) {
    size_t end = message_.find('\n', start);
    framed += fmt::format("{}: {}", frame,
                          std::string_view(message_).substr(
                              start, end == std::string::npos ? std::string::npos : end - start));
    if (end == std::string::npos) break;
    framed += '\n';
    start = end + 1;
  }
  message_ = std::move(framed);
}

void throw_errno(std::string_view action) {
  throw_errno(action, errno);
}

void throw_errno(std::string_view action, int error_number) {
  // strerrordesc_np: the text in English whatever the locale is, and safe in threads.
  const char* reason = strerrordesc_np(error_number);
  throw Error(fmt::format("cannot {}: {}", action, reason ? reason : "unknown error"));
}

void Faults::throw_if_any(size_t most) const {
  if (messages_.empty()) return;
  std::string text;
  for (size_t i = 0; i < messages_.size() && i < most; ++i) {
    if (i) text += '\n';
    text += messages_[i];
  }
  if (messages_.size() > most) text += fmt::format("\nand {} more", messages_.size() - most);
  throw Error(std::move(text));
}

}  // namespace imagefmt
