// SPDX-License-Identifier: Apache-2.0
#include "builder/manifest.h"

#include <nlohmann/json.hpp>

#include "builder/kernel_params.h"
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
  ManifestSummary summary{text_of(json, "board"), {}, false};
  for (const Json& artifact : json.value("artifacts", Json::array())) {
    if (text_of(artifact, "kind") == "root") summary.root_image = text_of(artifact, "name");
  }
  if (summary.root_image.empty() || summary.root_image.find('/') != std::string::npos) {
    throw imagefmt::Error(fmt::format("cannot read '{}': it names no root image", name));
  }
  for (const KernelParam& param : parse_kernel_params(text_of(json, "cmdline")).params) {
    if (param.text == "rw" || param.text == "ro") summary.writes_root = param.text == "rw";
  }
  return summary;
}

}  // namespace builder
