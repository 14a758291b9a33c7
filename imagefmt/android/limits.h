// SPDX-License-Identifier: Apache-2.0
//
// What the formats can hold of a boot image's value.
#pragma once

#include "imagefmt/android/boot_image.h"

namespace imagefmt::android {

/// Throws an Error with a line for each limit that `image` exceeds.
void check_limits(const BootImage& image);
void check_limits(const VendorBootImage& image);

bool is_page_size(uint32_t page_size);

}  // namespace imagefmt::android
