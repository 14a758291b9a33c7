// SPDX-License-Identifier: Apache-2.0
#include "builder/report.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "builder/private_labels_json.h"
#include "imagefmt/dump.h"

namespace builder {

using Json = nlohmann::ordered_json;

namespace {

/// JSON is UTF-8, and file names need not be: they stand as `inspect` prints them.
Json escape_names(const SplitFile& file) {
  Json by_label = Json::object();
  for (const auto& [label, names] : file.names_by_label) {
    for (const std::string& name : names) by_label[label].push_back(imagefmt::escape(name));
  }
  return by_label;
}

Json splits_json(const Splits& splits) {
  Json files = Json::array();
  for (const SplitFile& file : splits.files) {
    files.push_back({{"size_bytes", file.size_bytes}, {"names_by_label", escape_names(file)}});
  }
  return {{"count", splits.files.size()},
          {"extra_inodes", splits.extra_inodes},
          {"extra_bytes", splits.extra_bytes},
          {"files", std::move(files)}};
}

Json table_json(const std::vector<NamedSizes>& rows) {
  Json table = Json::array();
  for (const NamedSizes& row : rows) {
    table.push_back({{"name", row.name.empty() ? Json() : Json(imagefmt::escape(row.name))},
                     {"files", row.sizes.files},
                     {"bytes", row.sizes.bytes},
                     {"stored_bytes", row.sizes.stored_bytes}});
  }
  return table;
}

Json sizes_json(const ImageSizes& sizes) {
  Json parts = Json::object();
  for (const Part& part : parts_of(sizes)) parts[std::string(part.name)] = part.bytes;
  return {{"image_bytes", sizes.image_bytes},
          {"parts", std::move(parts)},
          {"files",
           {{"count", sizes.files.all.files},
            {"bytes", sizes.files.all.bytes},
            {"stored_bytes", sizes.files.all.stored_bytes},
            {"padding_bytes", sizes.written.file_padding}}},
          {"equal_files",
           {{"count", sizes.written.equal_files}, {"saved_bytes", sizes.written.saved_bytes}}},
          {"by_store_path", table_json(sizes.files.by_store_path)},
          {"by_package", table_json(sizes.files.by_package)},
          {"by_label", table_json(sizes.files.by_label)}};
}

Json stage_json(const StageTime& stage, double total_seconds) {
  Json json = {{"name", stage.name},
               {"seconds", stage.seconds},
               {"share", total_seconds > 0 ? stage.seconds / total_seconds : 0},
               {"cpu_seconds", stage.cpu_seconds},
               {"amount", stage.amount},
               {"unit", stage.unit}};
  for (const imagefmt::Work work : kWorks) {
    const uint64_t bytes = stage.bytes_of(work);
    if (bytes == 0) continue;
    json[to_text(work)] = {
        {"bytes", bytes},
        {"bytes_per_second", stage.seconds > 0 ? static_cast<double>(bytes) / stage.seconds : 0}};
  }
  return json;
}

Json run_json(const TerminalReporter& reporter, const Report& report) {
  const double seconds = reporter.seconds();
  Json stages = Json::array();
  for (const StageTime& stage : reporter.stages()) stages.push_back(stage_json(stage, seconds));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Json run = {{"seconds", seconds},
              {"cpu_seconds", reporter.cpu_seconds()},
              {"peak_memory_bytes", static_cast<uint64_t>(usage.ru_maxrss) * 1024},
              {"reused_bytes", report.sizes.written.reused_bytes},
              {"warnings", reporter.warnings()},
              {"stages", std::move(stages)}};
  if (report.splits) run["splits"] = splits_json(*report.splits);
  return run;
}

}  // namespace

std::string serialize_report(const TerminalReporter& reporter, const Report& report) {
  Json json;
  json["intaglio"] = INTAGLIO_VERSION;
  json["sizes"] = sizes_json(report.sizes);
  if (report.labels) json["labels"] = labels_json(*report.labels);
  json["run"] = run_json(reporter, report);
  // Warnings may quote bytes that are no UTF-8; they show as U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace builder
