// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/ext4/plan.h"

namespace imagefmt::ext4 {

/// Writes an inode of the plan. `into` is zeroed and has the size of an inode.
void serialize_inode(const Plan& plan, const PlannedInode& planned, uint32_t number,
                     std::span<uint8_t> into);

/// The 60 bytes of Inode::block that mean a device.
void serialize_device(const Device& device, std::span<uint8_t> into);
Device parse_device(Device::Kind kind, ByteView block);

}  // namespace imagefmt::ext4
