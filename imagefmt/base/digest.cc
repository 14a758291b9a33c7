// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <new>

#include "imagefmt/base/handle.h"

namespace imagefmt {

struct Sha256::State {
  // OpenSSL makes its own state when it is first used; without memory for that it crashes later.
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{OSSL_LIB_CTX_get0_global_default() ? EVP_MD_CTX_new()
                                                                                 : nullptr};
};

namespace {
/// Every OpenSSL has SHA-256: what it has not is memory. It does not always say so: a table that it
/// could not make is an algorithm that it does not find.
void check(int ok) {
  if (ok != 1) throw std::bad_alloc();
}
}  // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(ByteView bytes) {
  check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr));
  return digest;
}

Digest sha256(std::string_view text) {
  return Sha256().update(text).finish();
}

std::string to_hex(ByteView bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace imagefmt
