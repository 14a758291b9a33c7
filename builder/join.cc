// SPDX-License-Identifier: Apache-2.0
#include "builder/join.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "builder/kernel_params.h"
#include "builder/manifest.h"
#include "imagefmt/base/file.h"

namespace builder {

using imagefmt::Error;
using Json = nlohmann::ordered_json;

namespace {

/// As serialize_manifest() orders them; `needed_params` is for joining alone.
constexpr const char* kKeys[] = {"intaglio",       "board",          "boot",          "toplevel",
                                 "kernel_version", "policy_version", "policy_sha256", "mode",
                                 "cmdline",        "artifacts",      "labels"};

struct Part {
  const std::string& name;
  Json json;
};

Part parse_part(const NamedManifest& manifest) {
  Part part{manifest.name, Json::parse(manifest.text, nullptr, false)};
  auto is_text = [&](const char* key) {
    return !part.json.contains(key) || part.json[key].is_string();
  };
  auto is_artifact = [](const Json& artifact) {
    return artifact.is_object() && artifact.contains("name") && artifact["name"].is_string();
  };
  const bool is_manifest = part.json.is_object() && part.json.contains("intaglio") &&
                           part.json.contains("artifacts") && part.json["artifacts"].is_array() &&
                           std::ranges::all_of(part.json["artifacts"], is_artifact) &&
                           is_text("cmdline");
  if (!is_manifest) throw Error(fmt::format("cannot join '{}': it has no manifest", part.name));
  return part;
}

std::string show(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The one value of `key`; null where no part has it.
Json join_value(const std::vector<Part>& parts, const char* key) {
  const Part* first = nullptr;
  for (const Part& part : parts) {
    if (!part.json.contains(key)) continue;
    if (!first) {
      first = &part;
    } else if (first->json[key] != part.json[key]) {
      throw Error(fmt::format("cannot join '{}' and '{}': their {} is '{}' and '{}'", first->name,
                              part.name, key, show(first->json[key]), show(part.json[key])));
    }
  }
  return first ? first->json[key] : Json();
}

Json join_artifacts(const std::vector<Part>& parts) {
  std::map<std::string, std::pair<const Part*, Json>> by_name;
  for (const Part& part : parts) {
    for (const Json& artifact : part.json["artifacts"]) {
      auto [known, is_new] =
          by_name.try_emplace(artifact["name"].get<std::string>(), &part, artifact);
      if (is_new) continue;
      throw Error(fmt::format("cannot join '{}' and '{}': both hold '{}'",
                              known->second.first->name, part.name, known->first));
    }
  }
  Json artifacts = Json::array();
  for (const auto& [name, found] : by_name) artifacts.push_back(found.second);
  return artifacts;
}

/// A root that its kernel were not told of would not boot, or boot otherwise.
void check_needed_params(const Part& root, const std::vector<Part>& parts) {
  if (!root.json.contains("needed_params")) return;
  for (const Part& boot : parts) {
    if (!boot.json.contains("cmdline")) continue;
    std::set<std::string> given;
    for (KernelParam& param : parse_kernel_params(boot.json["cmdline"].get<std::string>()).params) {
      given.insert(std::move(param.text));
    }
    imagefmt::Faults faults;
    for (const Json& param : root.json["needed_params"]) {
      if (given.contains(show(param))) continue;
      faults.add(fmt::format(
          "cannot join '{}' and '{}': the root needs kernel parameter '{}', and the command line "
          "lacks it",
          root.name, boot.name, show(param)));
    }
    faults.throw_if_any();
  }
}

/// The entries of an output folder that its artifacts lie in.
std::set<std::string> entries_of(const std::string& manifest) {
  std::set<std::string> entries;
  const Json json = Json::parse(manifest);
  for (const Json& artifact : json["artifacts"]) {
    const std::string name = artifact["name"].get<std::string>();
    entries.insert(name.substr(0, name.find('/')));
  }
  return entries;
}

}  // namespace

std::string join_manifests(const std::vector<NamedManifest>& manifests) {
  std::vector<Part> parts;
  for (const NamedManifest& manifest : manifests) parts.push_back(parse_part(manifest));
  Json joined;
  for (const char* key : kKeys) {
    Json value =
        std::string_view(key) == "artifacts" ? join_artifacts(parts) : join_value(parts, key);
    if (!value.is_null()) joined[key] = std::move(value);
  }
  for (const Part& part : parts) check_needed_params(part, parts);
  return joined.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

void join_parts(const std::vector<std::string>& parts, const std::string& output) {
  std::vector<NamedManifest> manifests;
  for (const std::string& part : parts) {
    manifests.push_back({part, read_manifest_text(part)});
  }
  const std::string joined = join_manifests(manifests);
  imagefmt::OutputFolder folder(output);
  for (size_t i = 0; i < parts.size(); ++i) {
    for (const std::string& entry : entries_of(manifests[i].text)) {
      const std::string file =
          std::filesystem::absolute(std::filesystem::path(parts[i]) / entry).lexically_normal();
      std::error_code failure;
      if (!std::filesystem::exists(file, failure)) {
        throw Error(fmt::format("cannot join '{}': it lacks '{}'", parts[i], entry));
      }
      std::filesystem::create_symlink(file, folder.partial() + '/' + entry, failure);
      if (failure) {
        imagefmt::throw_errno(fmt::format("link '{}'", entry), failure.value());
      }
    }
  }
  imagefmt::write_file(manifest_file(folder.partial()), joined);
  folder.commit();
}

}  // namespace builder
