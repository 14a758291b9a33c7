// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/depthcharge/keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "imagefmt/base/handle.h"
#include "imagefmt/base/struct_bytes.h"

namespace imagefmt::depthcharge {

namespace {

using PKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using PKeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using Number = Handle<BIGNUM, BN_free>;
using ParamBuilder = Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Handle<OSSL_PARAM, OSSL_PARAM_free>;

/// vboot's algorithms are the pairs of these, the digests within the sizes.
constexpr std::array<unsigned, 4> kKeyBits = {1024, 2048, 4096, 8192};
using MakeDigest = const EVP_MD* (*)();
constexpr std::array<MakeDigest, 3> kDigests = {EVP_sha1, EVP_sha256, EVP_sha512};
constexpr unsigned long kExponent = 65537;

void require(bool good, std::string_view what) {
  if (!good) throw Error(fmt::format("OpenSSL cannot {}", what));
}

void check_algorithm(uint64_t algorithm) {
  constexpr uint64_t kCount = kKeyBits.size() * kDigests.size();
  if (algorithm >= kCount) {
    throw Error(fmt::format("a key of algorithm {}, expected one below {}", algorithm, kCount));
  }
}

PKey make_public_key(ByteView modulus_little_endian) {
  const Number modulus(BN_lebin2bn(modulus_little_endian.data(),
                                   static_cast<int>(modulus_little_endian.size()), nullptr));
  const Number exponent(BN_new());
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  require(modulus && exponent && builder && BN_set_word(exponent.get(), kExponent) &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()),
          "hold a public key");
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  PKey key;
  require(params && context && EVP_PKEY_fromdata_init(context.get()) > 0 &&
              EVP_PKEY_fromdata(context.get(), Out(key), EVP_PKEY_PUBLIC_KEY, params.get()) > 0,
          "take the public key");
  return key;
}

}  // namespace

struct Key::State {
  uint32_t algorithm = 0;
  PKey key;

  unsigned bits() const { return kKeyBits[algorithm / kDigests.size()]; }
  const EVP_MD* digest() const { return kDigests[algorithm % kDigests.size()](); }
};

Key::Key(std::unique_ptr<State> state) : state_(std::move(state)) {}
Key::Key(Key&&) noexcept = default;
Key::~Key() = default;

Key Key::from_packed(uint32_t algorithm, ByteView data) {
  check_algorithm(algorithm);
  auto state = std::make_unique<State>();
  state->algorithm = algorithm;
  // The number of words, a value that speeds up a reader's arithmetic, the modulus, and another such value.
  const size_t modulus_bytes = state->bits() / 8;
  Cursor cursor(data, "the public key");
  const auto words = cursor.take_struct<le32>();
  if (words != modulus_bytes / 4) {
    throw Error(
        fmt::format("a public key of {} words, expected {}", uint32_t{words}, modulus_bytes / 4));
  }
  cursor.take(sizeof(le32));
  state->key = make_public_key(cursor.take(modulus_bytes));
  return Key(std::move(state));
}

Key Key::from_private(ByteView bytes) {
  Cursor cursor(bytes, "the private key");
  const uint64_t algorithm = cursor.take_struct<le64>();
  check_algorithm(algorithm);
  auto state = std::make_unique<State>();
  state->algorithm = static_cast<uint32_t>(algorithm);
  const ByteView der = cursor.take(cursor.remaining());
  const unsigned char* next = der.data();
  state->key.reset(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &next, static_cast<long>(der.size())));
  if (!state->key) throw Error("the private key is no RSA key in DER");
  const int bits = EVP_PKEY_get_bits(state->key.get());
  if (bits != static_cast<int>(state->bits())) {
    throw Error(
        fmt::format("the private key has {} bits, and its algorithm {}", bits, state->bits()));
  }
  return Key(std::move(state));
}

bool Key::is_pair_of(const Key& other) const {
  return state_->algorithm == other.state_->algorithm &&
         EVP_PKEY_eq(state_->key.get(), other.state_->key.get()) == 1;
}

size_t Key::signature_bytes() const {
  return state_->bits() / 8;
}

std::string Key::sign(ByteView data) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(signature_bytes(), '\0');
  size_t size = signature.size();
  require(context &&
              EVP_DigestSignInit(context.get(), nullptr, state_->digest(), nullptr,
                                 state_->key.get()) > 0 &&
              EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                             &size, data.data(), data.size()) > 0 &&
              size == signature.size(),
          "sign with the private key");
  return signature;
}

bool Key::verifies(ByteView data, ByteView signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestVerifyInit(context.get(), nullptr, state_->digest(), nullptr,
                                          state_->key.get()) > 0,
          "verify with the public key");
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                          data.size()) == 1;
}

ByteView pointed_at(ByteView whole, uint64_t base, uint32_t offset, uint32_t size,
                    std::string_view what) {
  const uint64_t start = base + offset;
  if (start > whole.size() || size > whole.size() - start) {
    throw Error(fmt::format("{} of {} bytes at offset {} reaches beyond {} bytes", what, size,
                            start, whole.size()));
  }
  return whole.subspan(start, size);
}

CheckedKeyblock check_keyblock(ByteView bytes) {
  return with_context("the keyblock", [&] {
    const auto header = Cursor(bytes, "it").take_struct<Keyblock>();
    if (std::string_view(header.magic, sizeof header.magic) != kKeyblockMagic) {
      throw Error("it does not begin with CHROMEOS");
    }
    if (header.major_version != kMajorVersion) {
      throw Error(fmt::format("version {}.{}, expected {}.x", uint32_t{header.major_version},
                              uint32_t{header.minor_version}, kMajorVersion));
    }
    if (header.size < sizeof header || header.size > bytes.size()) {
      throw Error(fmt::format("its header says {} bytes, and there are {}", uint32_t{header.size},
                              bytes.size()));
    }
    const ByteView all = bytes.first(header.size);
    const ByteView digest = pointed_at(all, offsetof(Keyblock, digest), header.digest.offset,
                                       header.digest.size, "its digest");
    const PackedKey& key = header.data_key;
    const ByteView data =
        pointed_at(all, offsetof(Keyblock, data_key), key.offset, key.size, "its key");
    // What the digest does not cover is anybody's.
    const uint64_t key_end = static_cast<uint64_t>(data.data() - all.data()) + data.size();
    if (header.digest.data_size > all.size() || header.digest.data_size < key_end) {
      throw Error(fmt::format("its digest is of {} bytes, which do not hold its key",
                              uint32_t{header.digest.data_size}));
    }
    std::array<uint8_t, EVP_MAX_MD_SIZE> expected;
    unsigned size = 0;
    require(EVP_Digest(all.data(), header.digest.data_size, expected.data(), &size, EVP_sha512(),
                       nullptr),
            "digest the keyblock");
    if (!std::ranges::equal(digest, ByteView(expected).first(size))) {
      throw Error("its digest is not that of its bytes");
    }
    return CheckedKeyblock{all, Key::from_packed(key.algorithm, data)};
  });
}

}  // namespace imagefmt::depthcharge
