// SPDX-License-Identifier: Apache-2.0
//
// What is read as an executable is one with a section more, too.
#include <cstdlib>

#include "imagefmt/uefi/pe.h"
#include "imagefmt/uefi/uki.h"

using namespace imagefmt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    uefi::parse_uki(bytes, "uki");
  } catch (const Error&) {
  }
  try {
    const uefi::Pe pe = uefi::parse_pe(bytes, "pe");
    const bool is_new = !uefi::find_section(pe, ".fuzz");
    const Bytes extended = uefi::add_sections(bytes, "pe", {{".fuzz", as_bytes("more"), 0, false}});
    const uefi::Pe again = uefi::parse_pe(extended, "extended");
    const uefi::PeSection* added = uefi::find_section(again, ".fuzz");
    if (!added || !as_text(added->bytes).starts_with("more")) abort();
    if (again.sections.size() != pe.sections.size() + (is_new ? 1 : 0)) abort();
  } catch (const Error&) {
  }
  return 0;
}
