// SPDX-License-Identifier: Apache-2.0
#include "builder/store_name.h"

#include <algorithm>

#include "builder/text.h"
#include "imagefmt/base/digest.h"

namespace builder {

using imagefmt::Digest;
using imagefmt::Error;

namespace {

constexpr std::string_view kBase16 = "0123456789abcdef";
constexpr std::string_view kBase32 = "0123456789abcdfghijklmnpqrsvwxyz";  // Nix's: no e, o, t, u
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("+-._?=").find(c) != std::string_view::npos;
}

unsigned digit(std::string_view alphabet, char c) {
  size_t value = alphabet.find(c);
  if (value == alphabet.npos) throw Error(fmt::format("{} is no digit", in_quotes({&c, 1})));
  return static_cast<unsigned>(value);
}

Digest decode_base16(std::string_view text) {
  Digest digest{};
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] =
        static_cast<uint8_t>(digit(kBase16, text[2 * i]) << 4 | digit(kBase16, text[2 * i + 1]));
  }
  return digest;
}

/// The number whose most significant digit comes first, its bytes in little-endian order.
Digest decode_base32(std::string_view text) {
  Digest digest{};
  for (size_t n = 0; n < text.size(); ++n) {
    unsigned value = digit(kBase32, text[text.size() - 1 - n]);
    size_t byte = n * 5 / 8, shift = n * 5 % 8;
    digest[byte] = static_cast<uint8_t>(digest[byte] | value << shift);
    unsigned carry = value >> (8 - shift);
    if (byte + 1 < digest.size()) {
      digest[byte + 1] = static_cast<uint8_t>(digest[byte + 1] | carry);
    } else if (carry) {
      throw Error("more than 256 bits");
    }
  }
  return digest;
}

}  // namespace

std::string store_path_fault(std::string_view path) {
  if (path.substr(0, kStoreFolder.size()) != kStoreFolder ||
      path.substr(kStoreFolder.size(), 1) != "/") {
    return fmt::format("not in {}", kStoreFolder);
  }
  std::string_view base = path.substr(kStoreFolder.size() + 1);
  if (base.find('/') != base.npos) return "lies below a store path";
  for (char c : base.substr(0, kStoreHashLength)) {
    if (kBase32.find(c) == kBase32.npos) {
      return fmt::format("{} in its hash, which has 32 of {}", in_quotes({&c, 1}), kBase32);
    }
  }
  if (base.size() <= kStoreHashLength || base[kStoreHashLength] != '-') {
    return "no '-' after a hash of 32 characters";
  }
  std::string_view name = base.substr(kStoreHashLength + 1);
  if (name.empty()) return "no name after its hash";
  if (name.size() > kMaxStoreName) {
    return fmt::format("a name of {} bytes, longer than {}", name.size(), kMaxStoreName);
  }
  for (char c : name) {
    if (!is_name_character(c)) {
      return fmt::format("{} in its name, which has letters, digits and +-._?= only",
                         in_quotes({&c, 1}));
    }
  }
  std::string_view first = name.substr(0, name.find('-'));
  if (first == "." || first == "..") return fmt::format("a name may not begin with '{}'", first);
  return {};
}

std::string_view base_name_of(std::string_view store_path) {
  return store_path.substr(kStoreFolder.size() + 1);
}

std::string_view package_name_of(std::string_view store_path) {
  return base_name_of(store_path).substr(kStoreHashLength + 1);
}

std::string_view store_path_of(std::string_view path) {
  size_t begin = kStoreFolder.size() + 1;
  if (path.size() <= begin || path.substr(0, kStoreFolder.size()) != kStoreFolder ||
      path[begin - 1] != '/') {
    return {};
  }
  return path.substr(0, path.find('/', begin));
}

imagefmt::Bytes decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) throw Error(fmt::format("{} digits of base64", text.size()));
  imagefmt::Bytes bytes;
  unsigned bits = 0, held = 0;
  const size_t digits = text.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
  for (char c : text.substr(0, digits)) {
    bits = (bits << 6 | digit(kBase64, c)) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<uint8_t>(bits >> held));
    }
  }
  if ((bits & ((1u << held) - 1)) != 0) throw Error("bad base64 padding");
  return bytes;
}

std::string to_base32(std::string_view nar_hash) {
  const Digest digest = decode_base16(nar_hash);
  constexpr size_t kDigits = (sizeof(Digest) * 8 + 4) / 5;
  std::string text;
  for (size_t n = kDigits; n-- != 0;) {
    const size_t byte = n * 5 / 8, shift = n * 5 % 8;
    const unsigned next = byte + 1 < digest.size() ? digest[byte + 1] : 0;
    text += kBase32[(digest[byte] >> shift | next << (8 - shift)) & 0x1f];
  }
  return text;
}

std::string parse_nar_hash(std::string_view text) {
  return imagefmt::with_context(fmt::format("bad hash {}", in_quotes(text)), [&] {
    std::string_view digits = text;
    size_t mark = digits.find_first_of(":-");
    bool sri = mark != digits.npos && digits[mark] == '-';
    if (mark != digits.npos) {
      if (digits.substr(0, mark) != "sha256") {
        throw Error(fmt::format("expected sha256, found {}", in_quotes(digits.substr(0, mark))));
      }
      digits.remove_prefix(mark + 1);
    }
    if (digits.size() == 44) {
      const imagefmt::Bytes bytes = decode_base64(digits);
      if (bytes.size() != sizeof(Digest)) throw Error("bad base64 padding");
      return imagefmt::to_hex(bytes);
    }
    if (digits.size() == 64 && !sri) return imagefmt::to_hex(decode_base16(digits));
    if (digits.size() == 52 && !sri) return imagefmt::to_hex(decode_base32(digits));
    throw Error(fmt::format("expected {} digits, found {}",
                            sri ? "44 base64" : "64 base16, 52 base32 or 44 base64",
                            digits.size()));
  });
}

}  // namespace builder
