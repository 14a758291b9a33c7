// SPDX-License-Identifier: Apache-2.0
//
// Unified kernel images: one executable of the firmware that holds kernel, initrd and command line
// (specification: UAPI.5), made from systemd's stub as ukify makes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt::uefi {

/// A part of what goes into an image, and what messages call it. Good while its owner lives.
struct NamedBytes {
  std::string name;
  ByteView bytes;
};

struct Uki {
  NamedBytes stub;    // linux<machine>.efi.stub
  NamedBytes kernel;  // with an EFI stub of its own: a PE executable
  std::vector<NamedBytes> initrds;
  std::string command_line;
  std::string os_release;                // the text of os-release(5)
  std::string kernel_release;            // as uname -r prints it; empty: unknown
  std::optional<NamedBytes> devicetree;  // for machines whose firmware gives none
  std::string sbat;                      // in place of the stub's own; empty: that one
};

/// The same sections in the same order whatever the host. Throws `cannot make a unified kernel image:
/// …` if stub and kernel are for different machines or are no executables, or if something does not
/// fit.
Bytes serialize_uki(const Uki& uki);

struct UkiSections {
  uint16_t machine = 0;
  ByteView kernel, initrd, devicetree;  // empty if there is none; good while the image lives
  std::string command_line, os_release, kernel_release, sbat;
};

/// Throws `cannot read '<name>': …` unless it is an executable with a section `.linux`, none of what
/// is read here twice.
UkiSections parse_uki(ByteView bytes, std::string_view name);

}  // namespace imagefmt::uefi
