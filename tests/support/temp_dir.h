// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tests {

/// A fresh folder, removed with all it holds at the end of the scope.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

/// The message of the Error that `body` throws, or `(no error)`.
template <class Body>
std::string error_of(Body body);

}  // namespace tests

#include "imagefmt/base/error.h"

template <class Body>
std::string tests::error_of(Body body) {
  try {
    body();
  } catch (const imagefmt::Error& error) {
    return error.what();
  }
  return "(no error)";
}
