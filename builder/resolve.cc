// SPDX-License-Identifier: Apache-2.0
#include "builder/resolve.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

namespace {

/// Components still to walk, the next one last.
void push_components(std::vector<std::string>& pending, std::string_view path) {
  size_t end = path.size();
  while (end > 0) {
    size_t slash = path.rfind('/', end - 1);
    size_t begin = slash == path.npos ? 0 : slash + 1;
    if (begin < end) pending.emplace_back(path.substr(begin, end - begin));
    end = slash == path.npos ? 0 : slash;
  }
}

/// Ends a walk at `walked` with what was still to come after it.
Resolution ended(Resolution::End end, std::string walked, std::vector<std::string> pending,
                 std::vector<std::string> links) {
  std::reverse(pending.begin(), pending.end());
  for (const std::string& rest : pending) walked += '/' + rest;
  return {end, std::move(walked), std::move(links)};
}

Error resolve_error(std::string_view path, const Resolution& resolution) {
  switch (resolution.end) {
    case Resolution::End::kMissing:
      if (resolution.path == path) break;
      return Error(fmt::format("cannot resolve {}: it leads to {}, and nothing stands there",
                               in_quotes(path), in_quotes(resolution.path)));
    case Resolution::End::kOutside:
      return Error(fmt::format("cannot resolve {}: it leads to {}, outside of the closure",
                               in_quotes(path), in_quotes(resolution.path)));
    case Resolution::End::kEndless:
      return Error(
          fmt::format("cannot resolve {}: more than {} symlinks", in_quotes(path), kMaxLinks));
    case Resolution::End::kFound:
      break;
  }
  return Error(fmt::format("cannot resolve {}: nothing stands there", in_quotes(path)));
}

}  // namespace

Resolution resolve(const Closure& closure, std::string_view path) {
  using End = Resolution::End;
  std::vector<std::string> pending, links;
  push_components(pending, path);
  std::string walked;  // has no link in it
  while (!pending.empty()) {
    std::string name = std::move(pending.back());
    pending.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      walked.resize(walked.empty() ? 0 : walked.rfind('/'));
      continue;
    }
    walked += '/' + name;
    if (walked == "/nix" || walked == kStoreFolder) continue;
    if (!find_store_path(closure.paths, store_path_of(walked))) {
      return ended(End::kOutside, std::move(walked), std::move(pending), std::move(links));
    }
    const imagefmt::Node* node = closure.store.find(walked);
    if (!node) return ended(End::kMissing, std::move(walked), std::move(pending), std::move(links));
    const imagefmt::Symlink* link = node->symlink();
    if (!link) continue;
    if (links.size() == kMaxLinks) {
      return ended(End::kEndless, std::move(walked), {}, std::move(links));
    }
    links.push_back(walked);
    walked.resize(link->target.starts_with('/') ? 0 : walked.rfind('/'));
    push_components(pending, link->target);
  }
  End end = store_path_of(walked).empty() ? End::kOutside : End::kFound;
  return ended(end, std::move(walked), {}, std::move(links));
}

std::string resolve_in_store(const Closure& closure, std::string_view path) {
  Resolution resolution = resolve(closure, path);
  if (resolution.end != Resolution::End::kFound) throw resolve_error(path, resolution);
  return std::move(resolution.path);
}

std::optional<std::string> find_in_store(const Closure& closure, std::string_view path) {
  Resolution resolution = resolve(closure, path);
  if (resolution.end == Resolution::End::kMissing) return std::nullopt;
  if (resolution.end != Resolution::End::kFound) throw resolve_error(path, resolution);
  return std::move(resolution.path);
}

}  // namespace builder
