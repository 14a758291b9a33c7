// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/squashfs/data_blocks.h"
#include "imagefmt/written_image.h"

namespace imagefmt::squashfs {

/// Counts in `written` what `files` take, told from where `data` has them.
void count_files(const std::vector<SourceFile>& files, const PlacedData& data, uint32_t block_size,
                 WrittenImage& written);

}  // namespace imagefmt::squashfs
