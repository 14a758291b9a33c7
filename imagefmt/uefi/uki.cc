// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uefi/uki.h"

#include <algorithm>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/uefi/pe.h"

namespace imagefmt::uefi {

namespace {

constexpr size_t kInitrdAlignment = 4;  // where the kernel looks for the next archive

/// One behind the other, as the kernel unpacks them.
Bytes join(const std::vector<NamedBytes>& initrds) {
  Bytes joined;
  for (const NamedBytes& initrd : initrds) {
    joined.resize(align_up(joined.size(), kInitrdAlignment));
    append(joined, initrd.bytes);
  }
  return joined;
}

}  // namespace

Bytes serialize_uki(const Uki& uki) {
  return with_context("cannot make a unified kernel image", [&] {
    const Pe stub = parse_pe(uki.stub.bytes, uki.stub.name);
    const Pe kernel = parse_pe(uki.kernel.bytes, uki.kernel.name);
    if (kernel.machine != stub.machine) {
      throw Error(fmt::format("'{}' is for machine {:#06x}, '{}' for {:#06x}", uki.kernel.name,
                              kernel.machine, uki.stub.name, stub.machine));
    }
    const Bytes initrd = join(uki.initrds);
    std::vector<NewSection> sections;
    auto add = [&](const char* name, ByteView bytes) {
      if (!bytes.empty()) sections.push_back({name, bytes});
    };
    add(".osrel", as_bytes(uki.os_release));
    add(".cmdline", as_bytes(uki.command_line));
    if (uki.devicetree) add(".dtb", uki.devicetree->bytes);
    add(".uname", as_bytes(uki.kernel_release));
    add(".initrd", initrd);
    // Last: a kernel that the stub starts where it lies may unpack itself past its end.
    sections.push_back({".linux", uki.kernel.bytes, kernel.memory_bytes, true});
    add(".sbat", as_bytes(uki.sbat));
    return add_sections(uki.stub.bytes, uki.stub.name, sections);
  });
}

UkiSections parse_uki(ByteView bytes, std::string_view name) {
  const Pe pe = parse_pe(bytes, name);
  auto section = [&](const char* wanted) -> ByteView {
    if (std::ranges::count(pe.sections, wanted, &PeSection::name) > 1) {
      throw Error(fmt::format("cannot read '{}': it has section '{}' twice", name, wanted));
    }
    const PeSection* found = find_section(pe, wanted);
    return found ? found->bytes : ByteView();
  };
  auto text = [&](const char* wanted) { return std::string(as_text(section(wanted))); };
  UkiSections uki;
  uki.machine = pe.machine;
  uki.kernel = section(".linux");
  if (uki.kernel.empty()) {
    throw Error(fmt::format("cannot read '{}': it has no section '.linux'", name));
  }
  uki.initrd = section(".initrd");
  uki.devicetree = section(".dtb");
  uki.command_line = text(".cmdline");
  uki.os_release = text(".osrel");
  uki.kernel_release = text(".uname");
  uki.sbat = text(".sbat");
  return uki;
}

}  // namespace imagefmt::uefi
