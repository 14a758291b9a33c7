// SPDX-License-Identifier: Apache-2.0
//
// Executables of UEFI firmware: PE32+ as Microsoft's "PE Format" defines it, as far as a unified
// kernel image needs it: what its sections are, and one with more of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt::uefi {

constexpr uint16_t kMachineX86_64 = 0x8664;
constexpr uint16_t kMachineAarch64 = 0xaa64;

struct PeSection {
  std::string name;
  uint32_t address = 0;  // in memory, from the image's start
  /// In memory. The file may hold less, zeros follow then; `bytes` is never longer.
  uint32_t size_bytes = 0;
  ByteView bytes;  // good while what was parsed lives
};

struct Pe {
  uint16_t machine = 0;
  uint32_t memory_bytes = 0;  // SizeOfImage: what a loader sets aside
  bool is_signed = false;
  std::vector<PeSection> sections;  // in the order of the headers
};

/// Takes nothing on trust: every header and section must lie in `bytes`. Throws `cannot read '<name>':
/// …`.
Pe parse_pe(ByteView bytes, std::string_view name);

/// Null if there is no section of that name.
const PeSection* find_section(const Pe& pe, std::string_view name);

struct NewSection {
  std::string name;  // 1 to 8 bytes
  ByteView bytes;
  uint32_t size_bytes = 0;  // in memory, at least that of `bytes`; 0: as many
  bool is_code = false;
};

/// The executable with more sections behind its own, in memory and in the file. What is in no section
/// (symbols, a debugger's strings) is left out. A section that is there already is replaced where it
/// stands, if there is room for it.
///
/// Throws `cannot add sections to '<name>': …` for a signed executable, for one whose headers have no
/// room for more sections, for names and sizes out of range; and what parse_pe() throws.
Bytes add_sections(ByteView executable, std::string_view name,
                   const std::vector<NewSection>& sections);

}  // namespace imagefmt::uefi
