// SPDX-License-Identifier: Apache-2.0
//
// How C resources are owned: a unique_ptr whose deleter is a function, an adaptor for
// out-parameters, and a file descriptor.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace imagefmt {

template <auto fn>
struct Deleter {
  void operator()(auto* pointer) const noexcept { (void)fn(pointer); }
};

/// `using Archive = Handle<archive, archive_read_free>;`
template <class T, auto fn>
using Handle = std::unique_ptr<T, Deleter<fn>>;

/// Passes a Handle to a C function that fills a `T**`. A temporary: the handle takes the pointer
/// at the end of the full expression, also when that expression throws.
template <class H>
class Out {
 public:
  explicit Out(H& handle) : handle_(handle) {}
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  ~Out() { handle_.reset(pointer_); }
  operator typename H::pointer *() { return &pointer_; }  // NOLINT: implicit by purpose

 private:
  H& handle_;
  typename H::pointer pointer_ = nullptr;
};
template <class H>
Out(H&) -> Out<H>;

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  /// The descriptor, which is the caller's to close from now on.
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace imagefmt
