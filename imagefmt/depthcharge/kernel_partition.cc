// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/depthcharge/kernel_partition.h"

#include <algorithm>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/depthcharge/keys.h"

namespace imagefmt::depthcharge {

namespace {

uint64_t whole_pages(uint64_t size_bytes) {
  return align_up(size_bytes, kPageBytes);
}

/// Of a body's parts, from its start.
struct Places {
  uint64_t command_line, parameters, boot_loader, vmlinuz_header, end;
};
Places places_of(const Body& body) {
  Places places{};
  places.command_line = whole_pages(body.kernel.size());
  places.parameters = places.command_line + kPageBytes;
  places.boot_loader = places.parameters + kPageBytes;
  places.vmlinuz_header =
      places.boot_loader + whole_pages(std::max<uint64_t>(body.boot_loader.size(), 1));
  places.end = whole_pages(places.vmlinuz_header + body.vmlinuz_header.size());
  return places;
}

void check(const Body& body, const Places& places) {
  Faults faults;
  if (body.command_line.size() > kMaxCommandLineBytes) {
    faults.add(fmt::format("the command line has {} bytes, at most {} are possible",
                           body.command_line.size(), kMaxCommandLineBytes));
  }
  if (body.command_line.find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
    faults.add("the command line holds a NUL or a line's end");
  }
  if (body.kernel.empty()) faults.add("there is no kernel");
  if (body.parameters.size() > kPageBytes) {
    faults.add(fmt::format("the parameters have {} bytes, at most {} are possible",
                           body.parameters.size(), kPageBytes));
  }
  if (places.end > UINT32_MAX) {
    faults.add(
        fmt::format("the body has {} bytes, at most {} are possible", places.end, UINT32_MAX));
  }
  faults.throw_if_any();
}

std::string serialize_body(const Body& body, const Places& places) {
  std::string bytes(places.end, '\0');
  auto put = [&](uint64_t place, const std::string& part) {
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<ptrdiff_t>(place));
  };
  put(0, body.kernel);
  put(places.command_line, body.command_line);
  put(places.parameters, body.parameters);
  put(places.boot_loader, body.boot_loader);
  put(places.vmlinuz_header, body.vmlinuz_header);
  return bytes;
}

/// All before the body: keyblock, preamble, and zeros.
std::string serialize_head(const Body& body, const Places& places, const std::string& bytes,
                           ByteView keyblock, const Key& key, uint32_t version) {
  const size_t signature_bytes = key.signature_bytes();
  const uint64_t needed = keyblock.size() + sizeof(Preamble) + 2 * signature_bytes;
  if (needed > kHeadBytes) {
    throw Error(
        fmt::format("the keyblock has {} bytes, with which the signatures take {}, at "
                    "most {} are possible",
                    keyblock.size(), needed, kHeadBytes));
  }
  Preamble preamble{};
  preamble.size = static_cast<uint32_t>(kHeadBytes - keyblock.size());
  preamble.major_version = kMajorVersion;
  preamble.minor_version = kPreambleMinorVersion;
  preamble.kernel_version = version;
  preamble.body_address = kBodyAddress;
  preamble.boot_loader_address = kBodyAddress + places.boot_loader;
  preamble.boot_loader_size = static_cast<uint32_t>(places.vmlinuz_header - places.boot_loader);
  if (!body.vmlinuz_header.empty()) {
    preamble.vmlinuz_header_address = kBodyAddress + places.vmlinuz_header;
    preamble.vmlinuz_header_size = static_cast<uint32_t>(body.vmlinuz_header.size());
  }
  preamble.body_signature.offset =
      static_cast<uint32_t>(sizeof(Preamble) - offsetof(Preamble, body_signature));
  preamble.body_signature.size = preamble.signature.size = static_cast<uint32_t>(signature_bytes);
  preamble.body_signature.data_size = static_cast<uint32_t>(bytes.size());
  const size_t signed_bytes = sizeof(Preamble) + signature_bytes;
  preamble.signature.offset = static_cast<uint32_t>(signed_bytes - offsetof(Preamble, signature));
  preamble.signature.data_size = static_cast<uint32_t>(signed_bytes);
  std::string head(as_text(keyblock));
  std::string part(as_text(bytes_of(preamble)));
  part += key.sign(as_bytes(bytes));
  head += part + key.sign(as_bytes(part));
  head.resize(kHeadBytes);
  return head;
}

/// Checked, and with its key's signatures of itself and of `body`, which begins where it ends.
struct Parts {
  Preamble preamble;
  ByteView body;
};
Parts check_preamble(ByteView bytes, const Key& key) {
  const auto preamble = Cursor(bytes, "the preamble").take_struct<Preamble>();
  if (preamble.major_version != kMajorVersion || preamble.minor_version < kPreambleMinorVersion) {
    throw Error(fmt::format("the preamble has version {}.{}, expected {}.{}",
                            uint32_t{preamble.major_version}, uint32_t{preamble.minor_version},
                            kMajorVersion, kPreambleMinorVersion));
  }
  if (preamble.size < sizeof preamble || preamble.size > bytes.size()) {
    throw Error(fmt::format("the preamble's header says {} bytes, and there are {}",
                            uint32_t{preamble.size}, bytes.size()));
  }
  const ByteView all = bytes.first(preamble.size), rest = bytes.subspan(preamble.size);
  const Signature &own = preamble.signature, &of_body = preamble.body_signature;
  const ByteView own_signature = pointed_at(all, offsetof(Preamble, signature), own.offset,
                                            own.size, "the preamble's signature");
  const ByteView body_signature = pointed_at(all, offsetof(Preamble, body_signature),
                                             of_body.offset, of_body.size, "the body's signature");
  const uint64_t body_signature_end =
      static_cast<uint64_t>(body_signature.data() - all.data()) + body_signature.size();
  if (own.data_size > all.size() || own.data_size < body_signature_end ||
      own.data_size < sizeof preamble) {
    throw Error(fmt::format("the preamble's signature is of {} bytes, which do not hold the body's",
                            uint32_t{own.data_size}));
  }
  if (!key.verifies(all.first(own.data_size), own_signature)) {
    throw Error("the preamble's signature is not by the keyblock's key");
  }
  if (of_body.data_size > rest.size()) {
    throw Error(fmt::format("a body of {} bytes, and there are {}", uint32_t{of_body.data_size},
                            rest.size()));
  }
  const ByteView body = rest.first(of_body.data_size);
  if (!key.verifies(body, body_signature)) {
    throw Error("the body's signature is not by the keyblock's key");
  }
  return {preamble, body};
}

Body parse_body(const Parts& parts) {
  const Preamble& preamble = parts.preamble;
  const uint64_t boot_loader = preamble.boot_loader_address - preamble.body_address;
  const uint64_t size = parts.body.size();
  if (preamble.boot_loader_address < preamble.body_address || boot_loader < 2 * kPageBytes ||
      boot_loader > size || preamble.boot_loader_size > size - boot_loader) {
    throw Error(fmt::format("the boot loader of {} bytes is at {:#x}, outside of the body",
                            uint32_t{preamble.boot_loader_size},
                            uint64_t{preamble.boot_loader_address}));
  }
  auto part = [&](uint64_t offset, uint64_t count) {
    return std::string(as_text(parts.body.subspan(offset, count)));
  };
  Body body;
  body.kernel = part(0, boot_loader - 2 * kPageBytes);
  body.command_line = part(boot_loader - 2 * kPageBytes, kPageBytes);
  body.command_line.resize(std::min(body.command_line.find('\0'), body.command_line.size()));
  body.parameters = part(boot_loader - kPageBytes, kPageBytes);
  body.boot_loader = part(boot_loader, preamble.boot_loader_size);
  if (preamble.vmlinuz_header_size != 0) {
    const uint64_t header = preamble.vmlinuz_header_address - preamble.body_address;
    if (preamble.vmlinuz_header_address < preamble.body_address || header > size ||
        preamble.vmlinuz_header_size > size - header) {
      throw Error(fmt::format("the vmlinuz header of {} bytes is at {:#x}, outside of the body",
                              uint32_t{preamble.vmlinuz_header_size},
                              uint64_t{preamble.vmlinuz_header_address}));
    }
    body.vmlinuz_header = part(header, preamble.vmlinuz_header_size);
  }
  return body;
}

}  // namespace

std::string serialize_kernel_partition(const Body& body, const SigningKeys& keys,
                                       uint32_t version) {
  return with_context("cannot make a kernel partition", [&] {
    const Places places = places_of(body);
    check(body, places);
    const CheckedKeyblock keyblock = check_keyblock(as_bytes(keys.keyblock));
    const Key key = with_context("the signing key",
                                 [&] { return Key::from_private(as_bytes(keys.private_key)); });
    if (!key.is_pair_of(keyblock.data_key)) {
      throw Error("the signing key is not the one that the keyblock names");
    }
    const std::string bytes = serialize_body(body, places);
    return serialize_head(body, places, bytes, keyblock.bytes, key, version) + bytes;
  });
}

KernelPartition parse_kernel_partition(ByteView bytes) {
  return with_context("cannot read the kernel partition", [&] {
    const CheckedKeyblock keyblock = check_keyblock(bytes);
    const Parts parts = check_preamble(bytes.subspan(keyblock.bytes.size()), keyblock.data_key);
    return KernelPartition{std::string(as_text(keyblock.bytes)), parts.preamble.kernel_version,
                           parse_body(parts)};
  });
}

}  // namespace imagefmt::depthcharge
