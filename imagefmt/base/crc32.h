// SPDX-License-Identifier: Apache-2.0
//
// CRC-32 of IEEE 802.3, which GPT and Android's sparse images carry.
#pragma once

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// The sum of some bytes, continued from that of those before them (of none: 0).
uint32_t crc32(uint32_t sum, ByteView bytes);

}  // namespace imagefmt
