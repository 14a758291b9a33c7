// SPDX-License-Identifier: Apache-2.0
#include "builder/report.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

namespace builder {

std::string serialize_report(const TerminalReporter& reporter) {
  nlohmann::ordered_json json;
  json["intaglio"] = INTAGLIO_VERSION;
  json["stages"] = nlohmann::ordered_json::array();
  for (const StageTime& stage : reporter.stages()) {
    json["stages"].push_back({{"name", stage.name},
                              {"seconds", stage.seconds},
                              {"amount", stage.amount},
                              {"unit", stage.unit}});
  }
  json["warnings"] = reporter.warnings();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  json["peak_memory_bytes"] = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  return json.dump(2) + '\n';
}

}  // namespace builder
