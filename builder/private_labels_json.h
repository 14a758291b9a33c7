// SPDX-License-Identifier: Apache-2.0
//
// Private to the .cc files that write JSON: it includes nlohmann's header.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "builder/labels_report.h"

namespace builder {

/// What labels_json_text() writes.
nlohmann::ordered_json labels_json(const LabelsReport& report);

}  // namespace builder
