// SPDX-License-Identifier: Apache-2.0
//
// U-Boot's scripts (boot.scr): commands in a legacy image, as U-Boot's include/image.h lays it out and
// `mkimage -C none -T script` makes it. All functions are pure.
#pragma once

#include <cstdint>
#include <string>

#include "imagefmt/base/bytes.h"

namespace imagefmt::uboot {

/// Of include/image.h. U-Boot takes a script of any.
constexpr uint8_t kArchArm64 = 22, kArchX86_64 = 24;

struct Script {
  std::string text;  // commands, a line each
  std::string name = {};
  uint8_t arch = kArchArm64;
  uint32_t time = 1;  // seconds since 1970

  friend bool operator==(const Script&, const Script&) = default;
};

/// The bytes that mkimage makes of it. Throws `cannot make a U-Boot script: …` for a name of more than 32
/// bytes or with a NUL, for an empty text and for one that is no text.
std::string serialize_script(const Script& script);

/// Takes nothing on trust: what is wrong with checksums, sizes and kinds is thrown as `cannot read the
/// U-Boot script: …`. Bytes behind the image are ignored.
Script parse_script(ByteView bytes);

}  // namespace imagefmt::uboot
