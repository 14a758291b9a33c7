// SPDX-License-Identifier: Apache-2.0
//
// The one exception of the program. Libraries throw it and never print; `main` renders it.
// A message reads `cannot <verb> '<name>': <reason>`; context frames name what the thrower
// could not know, outermost first: `image 'root': '/etc/shadow': cannot set label: …`.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imagefmt {

class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}

  /// The whole text. Several independent mistakes stand on lines of their own.
  const char* what() const noexcept override { return message_.c_str(); }

  /// Puts `frame: ` before the text (before each line of it).
  void add_context(std::string_view frame);

 private:
  std::string message_;
};

/// The command line is wrong: exit status 2 instead of 1.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Throws `cannot <action>: <text of errno>`; `action` is `open '/etc/x'`. Reads errno first.
[[noreturn]] void throw_errno(std::string_view action);
/// The same for an errno value kept by the caller.
[[noreturn]] void throw_errno(std::string_view action, int error_number);

/// Runs `body` and names `frame` in any Error that leaves it.
template <class Body>
decltype(auto) with_context(std::string_view frame, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.add_context(frame);
    throw;
  }
}

/// Collects independent mistakes, so that a user sees all of them at once.
class Faults {
 public:
  void add(std::string message) { messages_.push_back(std::move(message)); }
  bool empty() const { return messages_.empty(); }
  const std::vector<std::string>& messages() const { return messages_; }
  /// Throws one Error with a line a fault, in the order of add(); at most `most` lines, then
  /// `and N more`. Does nothing if there is no fault.
  void throw_if_any(size_t most = 50) const;

 private:
  std::vector<std::string> messages_;
};

}  // namespace imagefmt
