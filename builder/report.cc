// SPDX-License-Identifier: Apache-2.0
#include "builder/report.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "builder/private_labels_json.h"
#include "imagefmt/dump.h"

namespace builder {

namespace {

/// JSON is UTF-8, and file names need not be: they stand as `inspect` prints them.
nlohmann::ordered_json escape_names(const SplitFile& file) {
  nlohmann::ordered_json by_label = nlohmann::ordered_json::object();
  for (const auto& [label, names] : file.names_by_label) {
    for (const std::string& name : names) by_label[label].push_back(imagefmt::escape(name));
  }
  return by_label;
}

}  // namespace

std::string serialize_report(const TerminalReporter& reporter, const BuildResult& result) {
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
  if (result.splits) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const SplitFile& file : result.splits->files) {
      files.push_back({{"size_bytes", file.size_bytes}, {"names_by_label", escape_names(file)}});
    }
    json["splits"] = {{"count", result.splits->files.size()},
                      {"extra_inodes", result.splits->extra_inodes},
                      {"extra_bytes", result.splits->extra_bytes},
                      {"files", std::move(files)}};
  }
  if (result.labels) json["labels"] = labels_json(*result.labels);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  json["peak_memory_bytes"] = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  return json.dump(2) + '\n';
}

}  // namespace builder
