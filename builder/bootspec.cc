// SPDX-License-Identifier: Apache-2.0
#include "builder/bootspec.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/input_file.h"
#include "builder/private_json.h"
#include "builder/resolve.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/tree.h"

namespace builder {

using imagefmt::Error;
using Json = nlohmann::json;

namespace {

constexpr uint64_t kMaxFileBytes = 16 << 20;
constexpr int kMaxNesting = 4;  // NixOS nests one specialisation into a system
constexpr const char* kBootspecKey = "org.nixos.bootspec.v1";
constexpr const char* kSpecialisationKey = "org.nixos.specialisation.v1";

/// One object of a document, with the keys that lead to it.
class Object {
 public:
  Object(const Json& json, std::string_view file, std::string path)
      : json_(json), file_(file), path_(std::move(path)) {
    if (!json.is_object()) throw wrong_type("", "an object", json);
  }

  bool has(const char* key) const { return json_.contains(key); }
  const Json& json() const { return json_; }

  Object object(const std::string& key) const { return {json_.at(key), file_, join(key)}; }

  std::string text(const char* key) const {
    if (!has(key)) throw fault(join(key), "it is missing");
    return as_text(join(key), json_.at(key));
  }

  /// Absent, or null as the type of initrd allows.
  std::optional<std::string> optional_text(const char* key) const {
    if (!has(key) || json_.at(key).is_null()) return std::nullopt;
    return text(key);
  }

  std::vector<std::string> texts(const char* key) const {
    if (!has(key)) throw fault(join(key), "it is missing");
    const Json& list = json_.at(key);
    if (!list.is_array()) throw wrong_type(key, "a list", list);
    std::vector<std::string> result;
    for (const Json& item : list) {
      result.push_back(as_text(fmt::format("{}[{}]", join(key), result.size()), item));
    }
    return result;
  }

  Error fault(const std::string& key_path, std::string_view reason) const {
    return Error(fmt::format("cannot read '{}': key {}: {}", file_, in_quotes(key_path), reason));
  }
  std::string join(const std::string& key) const {
    return path_.empty() || key.empty() ? path_ + key : path_ + "." + key;
  }

 private:
  Error wrong_type(const std::string& key, std::string_view expected, const Json& found) const {
    return fault(join(key), fmt::format("expected {}, found {}", expected, found.type_name()));
  }

  std::string as_text(const std::string& key_path, const Json& value) const {
    if (!value.is_string()) {
      throw fault(key_path, fmt::format("expected a string, found {}", value.type_name()));
    }
    std::string text = value.get<std::string>();
    // Paths end in system calls and parameters in one line of a boot loader.
    if (has_control_character(text)) {
      throw fault(key_path, fmt::format("a control character in {}", in_quotes(text)));
    }
    return text;
  }

  const Json& json_;
  std::string_view file_;
  std::string path_;
};

Bootspec parse_document(const Object& document, int nesting);

std::vector<Bootspec> parse_specialisations(const Object& parent, const char* key, int nesting) {
  std::vector<Bootspec> result;
  if (!parent.has(key)) return result;
  Object children = parent.object(key);
  for (const auto& item : children.json().items()) {  // sorted: nlohmann keeps a std::map
    const std::string& name = item.key();
    if (nesting == kMaxNesting) {
      throw children.fault(children.join(name),
                           fmt::format("more than {} specialisations in each other", kMaxNesting));
    }
    try {
      imagefmt::check_entry_name(name);
    } catch (const Error& error) {
      throw children.fault(children.join(name), error.what());
    }
    Bootspec child = parse_document(children.object(name), nesting + 1);
    child.name = name;
    result.push_back(std::move(child));
  }
  return result;
}

Bootspec parse_facts(const Object& facts) {
  Bootspec spec;
  spec.toplevel = facts.text("toplevel");
  spec.init = facts.text("init");
  spec.kernel = facts.text("kernel");
  spec.initrd = facts.optional_text("initrd");
  spec.kernel_params = facts.texts("kernelParams");
  spec.label = facts.text("label");
  spec.system = facts.optional_text("system").value_or("");
  return spec;
}

Bootspec parse_document(const Object& document, int nesting) {
  if (document.has(kBootspecKey)) {
    Bootspec spec = parse_facts(document.object(kBootspecKey));
    spec.specialisations = parse_specialisations(document, kSpecialisationKey, nesting);
    return spec;
  }
  if (document.has("v1") || document.has("kernel")) {
    Object facts = document.has("v1") ? document.object("v1") : document;
    Bootspec spec = parse_facts(facts);
    spec.specialisations = parse_specialisations(facts, "specialisation", nesting);
    return spec;
  }
  throw document.fault(document.join(kBootspecKey), "it is missing, and no older form is there");
}

/// The path that `path` leads to; a regular file of the closure.
std::string resolve_file(const Closure& closure, const std::string& path) {
  return file_in_store(closure, path).name();
}

/// A file of the toplevel; no value if it is not there.
std::optional<std::string> read_if_there(const Closure& closure, const std::string& path) {
  if (!find_in_store(closure, path)) return std::nullopt;
  return file_in_store(closure, path).read(kMaxFileBytes);
}

/// A file of the toplevel without the newline at its end; empty if there is none.
std::string read_line(const Closure& closure, const std::string& path) {
  std::string text = read_if_there(closure, path).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (has_control_character(text)) {
    throw Error(fmt::format("cannot read '{}': expected one line of text", path));
  }
  return text;
}

Bootspec spec_from_files(const Closure& closure, const std::string& toplevel) {
  Bootspec spec;
  spec.toplevel = toplevel;
  spec.init = toplevel + "/init";
  spec.kernel = toplevel + "/kernel";
  if (find_in_store(closure, toplevel + "/initrd")) spec.initrd = toplevel + "/initrd";
  if (!find_in_store(closure, toplevel + "/kernel-params")) {
    throw Error(
        fmt::format("cannot learn how '{}' boots: it has neither 'boot.json' nor "
                    "'kernel-params'",
                    toplevel));
  }
  spec.kernel_params = split_kernel_params(read_line(closure, toplevel + "/kernel-params"));
  spec.label = "NixOS " + read_line(closure, toplevel + "/nixos-version");
  return spec;
}

/// Follows the links of `spec` and of what it offers beside itself.
void settle(const Closure& closure, Bootspec& spec) {
  if (!find_store_path(closure.paths, spec.toplevel)) {
    throw Error(fmt::format("cannot boot {}: it is no store path of the closure",
                            in_quotes(spec.toplevel)));
  }
  imagefmt::with_context(fmt::format("'{}'", spec.toplevel), [&] {
    resolve_file(closure, spec.init);
    spec.kernel = resolve_file(closure, spec.kernel);
    if (spec.initrd) spec.initrd = resolve_file(closure, *spec.initrd);
    if (spec.system.empty()) spec.system = read_line(closure, spec.toplevel + "/system");
  });
  for (Bootspec& child : spec.specialisations) settle(closure, child);
}

Bootspec read_one(const Closure& closure, const std::string& toplevel) {
  const std::string path = toplevel + "/boot.json";
  std::optional<std::string> text = read_if_there(closure, path);
  if (!text) return spec_from_files(closure, toplevel);
  Bootspec spec = parse_bootspec(*text, path);
  if (spec.toplevel != toplevel) {
    throw Error(fmt::format("cannot use '{}': it describes {}", path, in_quotes(spec.toplevel)));
  }
  return spec;
}

}  // namespace

Bootspec parse_bootspec(std::string_view text, std::string_view name) {
  Json json = parse_json(text, name);
  return parse_document(Object(json, name, ""), 0);
}

std::vector<std::string> split_kernel_params(std::string_view text) {
  // As next_arg() of the kernel's lib/cmdline.c separates them.
  std::vector<std::string> params;
  bool in_param = false, inside_quotes = false;
  for (char c : text) {
    bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (blank && !inside_quotes) {
      in_param = false;
      continue;
    }
    if (c == '"') inside_quotes = !inside_quotes;
    if (!in_param) params.emplace_back();
    in_param = true;
    params.back() += c;
  }
  return params;
}

Bootspec read_bootspec(const Closure& closure) {
  Bootspec spec = read_one(closure, closure.toplevel);
  if (spec.specialisations.empty()) {
    for (const Specialisation& special : closure.specialisations) {
      spec.specialisations.push_back(read_one(closure, special.toplevel));
      spec.specialisations.back().name = special.name;
    }
  }
  settle(closure, spec);
  return spec;
}

}  // namespace builder
