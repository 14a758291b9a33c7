// SPDX-License-Identifier: Apache-2.0
#include "builder/narinfo.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/tree.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;

namespace {

/// Throws unless `url` names a file below the cache.
std::string checked_url(std::string_view url) {
  for (size_t start = 0; start <= url.size();) {
    const size_t end = std::min(url.find('/', start), url.size());
    imagefmt::with_context(fmt::format("bad URL {}", in_quotes(url)),
                           [&] { imagefmt::check_entry_name(url.substr(start, end - start)); });
    start = end + 1;
  }
  return std::string(url);
}

std::string checked_store_path(std::string path) {
  if (std::string fault = store_path_fault(path); !fault.empty()) {
    throw Error(fmt::format("bad store path {}: {}", in_quotes(path), fault));
  }
  return path;
}

std::vector<std::string> parse_references(std::string_view text) {
  std::vector<std::string> references;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    references.push_back(
        checked_store_path(fmt::format("{}/{}", kStoreFolder, text.substr(0, end))));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  std::sort(references.begin(), references.end());
  references.erase(std::unique(references.begin(), references.end()), references.end());
  return references;
}

class NarInfoParser {
 public:
  NarInfoParser(std::string_view text, std::string_view name) : lines_(text), name_(name) {}

  NarInfo parse() {
    for (std::string_view line; lines_.next(line);) {
      try {
        take(line);
      } catch (const Error& error) {
        faults_.add(fmt::format("{}:{}: {}", name_, lines_.number(), error.what()));
      }
    }
    for (std::string_view key : {"StorePath", "URL", "NarHash", "NarSize"}) {
      if (!seen_.contains(key)) faults_.add(fmt::format("{}: it has no '{}'", name_, key));
    }
    faults_.throw_if_any();
    return std::move(narinfo_);
  }

 private:
  void take(std::string_view line) {
    const size_t colon = line.find(": ");
    const size_t end = colon == line.npos && line.ends_with(':') ? line.size() - 1 : colon;
    if (end == line.npos) {
      throw Error(fmt::format("expected 'Key: value', found {}", in_quotes(line)));
    }
    const std::string_view key = line.substr(0, end),
                           value = line.substr(std::min(line.size(), end + 2));
    if (key == "Sig") {
      narinfo_.signatures.emplace_back(value);
      return;
    }
    const auto [first, is_new] = seen_.try_emplace(std::string(key), lines_.number());
    if (!is_new) {
      throw Error(fmt::format("{} is there already, in line {}", in_quotes(key), first->second));
    }
    set(key, value);
  }

  void set(std::string_view key, std::string_view value) {
    StorePathInfo& info = narinfo_.info;
    if (key == "StorePath") info.path = checked_store_path(std::string(value));
    if (key == "URL") narinfo_.url = checked_url(value);
    if (key == "Compression") narinfo_.compression = value;
    if (key == "FileHash") narinfo_.file_hash = parse_nar_hash(value);
    if (key == "FileSize") narinfo_.file_size_bytes = parse_decimal(value, "FileSize");
    if (key == "NarHash") info.nar_hash = parse_nar_hash(value);
    if (key == "NarSize") info.nar_size_bytes = parse_decimal(value, "NarSize");
    if (key == "References") info.references = parse_references(value);
  }

  LineReader lines_;
  std::string_view name_;
  Faults faults_;
  std::map<std::string, size_t, std::less<>> seen_;  // keys, and their lines
  NarInfo narinfo_{.info = {},
                   .url = {},
                   .compression = "bzip2",
                   .file_hash = {},
                   .file_size_bytes = {},
                   .signatures = {}};  // as Nix takes it, if nothing is said
};

}  // namespace

NarInfo parse_narinfo(std::string_view text, std::string_view name) {
  return NarInfoParser(text, name).parse();
}

std::string fingerprint(const StorePathInfo& info) {
  return fmt::format("1;{};sha256:{};{};{}", info.path, to_base32(info.nar_hash),
                     info.nar_size_bytes, fmt::join(info.references, ","));
}

TrustedKey parse_trusted_key(std::string_view text) {
  const size_t colon = text.find(':');
  try {
    if (colon == text.npos || colon == 0) throw Error("expected NAME:BASE64");
    const imagefmt::Bytes bytes = decode_base64(text.substr(colon + 1));
    TrustedKey key{std::string(text.substr(0, colon)), {}};
    if (bytes.size() != key.key.size()) {
      throw Error(fmt::format("a key of {} bytes, expected {}", bytes.size(), key.key.size()));
    }
    std::copy(bytes.begin(), bytes.end(), key.key.begin());
    return key;
  } catch (const Error& error) {
    throw imagefmt::UsageError(
        fmt::format("--trusted-public-key {}: {}", in_quotes(text), error.what()));
  }
}

void check_signed(const NarInfo& narinfo, const std::vector<TrustedKey>& keys) {
  const std::string message = fingerprint(narinfo.info);
  std::string faults;
  for (const std::string& signature : narinfo.signatures) {
    const std::string_view text = signature, name = text.substr(0, text.find(':'));
    for (const TrustedKey& key : keys) {
      if (key.name != name || name.size() == text.size()) continue;
      try {
        if (imagefmt::is_ed25519_signature(decode_base64(text.substr(name.size() + 1)), message,
                                           key.key)) {
          return;
        }
        faults += fmt::format("; that of {} does not match", in_quotes(name));
      } catch (const Error& error) {
        faults += fmt::format("; that of {}: {}", in_quotes(name), error.what());
      }
    }
  }
  throw Error(fmt::format("cannot trust {}: none of its {} signatures is by a trusted key{}",
                          in_quotes(narinfo.info.path), narinfo.signatures.size(), faults));
}

}  // namespace builder
