// SPDX-License-Identifier: Apache-2.0
#include "builder/manifest.h"

#include <nlohmann/json.hpp>

#include "builder/kernel_params.h"
#include "imagefmt/base/file.h"
#include "imagefmt/content.h"

namespace builder {

using Json = nlohmann::ordered_json;

Artifact make_artifact(const std::string& folder, std::string name, std::string kind) {
  imagefmt::Content content = imagefmt::Content::from_host_file(folder + '/' + name);
  return {std::move(name), std::move(kind), content.size_bytes(),
          imagefmt::to_hex(imagefmt::digest(content))};
}

std::string serialize_manifest(const Manifest& manifest) {
  Json json;
  json["intaglio"] = INTAGLIO_VERSION;
  auto add = [&json](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  add("board", manifest.board);
  add("boot", manifest.boot);
  add("toplevel", manifest.toplevel);
  add("kernel_version", manifest.kernel_version);
  if (manifest.policy_version) json["policy_version"] = manifest.policy_version;
  add("policy_sha256", manifest.policy_sha256);
  add("mode", manifest.mode);
  add("cmdline", manifest.cmdline);
  if (!manifest.needed_params.empty()) json["needed_params"] = manifest.needed_params;
  json["artifacts"] = Json::array();
  for (const Artifact& artifact : manifest.artifacts) {
    json["artifacts"].push_back({{"name", artifact.name},
                                 {"kind", artifact.kind},
                                 {"size_bytes", artifact.size_bytes},
                                 {"sha256", artifact.sha256}});
  }
  if (manifest.inodes) {
    json["labels"] = {{"inodes", manifest.inodes},
                      {"contexts", manifest.inodes_by_context},
                      {"by_rule", manifest.inodes_by_rule}};
  }
  // Rules may hold bytes that are no UTF-8; the manifest shows them as U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::vector<Artifact> parse_artifacts(std::string_view text, const std::string& name) {
  try {
    const Json manifest = Json::parse(text);
    std::vector<Artifact> artifacts;
    for (const Json& artifact : manifest.at("artifacts")) {
      artifacts.push_back({artifact.at("name"), artifact.at("kind"), artifact.at("size_bytes"),
                           artifact.at("sha256")});
    }
    return artifacts;
  } catch (const Json::exception&) {
    throw imagefmt::Error(fmt::format(
        "cannot read '{}': expected artifacts with name, kind, size_bytes and sha256", name));
  }
}

ManifestSummary parse_manifest(std::string_view text, const std::string& name) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("board") || !json["board"].is_string()) {
    throw imagefmt::Error(
        fmt::format("cannot read '{}': not a manifest of intaglio (no key 'board')", name));
  }
  const auto text_of = [](const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string()
               ? object[key].get<std::string>()
               : std::string();
  };
  ManifestSummary summary;
  summary.board = text_of(json, "board");
  if (json.contains("boot")) summary.boot = parse_boot_kind(text_of(json, "boot"));
  summary.toplevel = text_of(json, "toplevel");
  summary.kernel_version = text_of(json, "kernel_version");
  summary.cmdline = text_of(json, "cmdline");
  for (const Json& artifact : json.value("artifacts", Json::array())) {
    std::string file = text_of(artifact, "name");
    if (file.empty() || file.find('/') != std::string::npos) continue;
    summary.files[text_of(artifact, "kind")] = std::move(file);
  }
  if (!summary.files.contains("root")) {
    throw imagefmt::Error(fmt::format("cannot read '{}': it names no root image", name));
  }
  for (const KernelParam& param : parse_kernel_params(summary.cmdline).params) {
    if (param.text == "rw" || param.text == "ro") summary.writes_root = param.text == "rw";
  }
  return summary;
}

std::string manifest_file(const std::string& folder) {
  return folder + "/manifest.json";
}

std::string read_manifest_text(const std::string& folder) {
  return imagefmt::read_file(manifest_file(folder), 64 << 20);
}

ManifestSummary read_manifest(const std::string& folder) {
  return parse_manifest(read_manifest_text(folder), manifest_file(folder));
}

std::string read_command_line(const std::string& folder) {
  std::string line = imagefmt::read_file(folder + "/cmdline", 1 << 16);
  while (line.ends_with('\n')) line.pop_back();
  return line;
}

}  // namespace builder
