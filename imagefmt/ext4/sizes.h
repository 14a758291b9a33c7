// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/ext4/plan.h"
#include "imagefmt/written_image.h"

namespace imagefmt::ext4 {

/// Where the bytes of the image go that is written by `plan`.
WrittenImage written_image(const Plan& plan);

}  // namespace imagefmt::ext4
