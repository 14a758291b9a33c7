// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/ed25519.h"

#include <openssl/evp.h>

#include <new>

#include "imagefmt/base/handle.h"

namespace imagefmt {

bool is_ed25519_signature(ByteView signature, std::string_view message, const Ed25519Key& key) {
  if (signature.size() != kEd25519SignatureBytes) return false;
  const Handle<EVP_PKEY, EVP_PKEY_free> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  if (!public_key || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) != 1) {
    throw std::bad_alloc();  // any 32 bytes are taken for a key
  }
  const ByteView bytes = as_bytes(message);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                          bytes.size()) == 1;
}

}  // namespace imagefmt
