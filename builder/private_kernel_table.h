// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "builder/kernel_requirements.h"
#include "imagefmt/base/error.h"

namespace builder {

/// One file of kernel-configs/. Mistakes become faults.
KernelTable::Group parse_requirement_group(const imagefmt::EmbeddedFile& file,
                                           imagefmt::Faults& faults);

}  // namespace builder
