// SPDX-License-Identifier: Apache-2.0
//
// Symlinks of a closure: a link leads neither into the host nor to a store path that is not of the
// closure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/closure.h"

namespace builder {

/// How many links one look-up follows, as Linux (MAXSYMLINKS).
constexpr size_t kMaxLinks = 40;

struct Resolution {
  enum class End {
    kFound,
    kMissing,  // nothing stands at `path`
    kOutside,  // a link leads to `path`, outside of the closure
    kEndless,  // more than kMaxLinks links
  };
  End end = End::kFound;
  /// In the closure's own words (`/nix/store/…`), without links, '.' or '..' as far as the walk
  /// came.
  std::string path;
  /// The links that were followed, in order, each by a path that has no other link in it.
  std::vector<std::string> links;
};

/// Follows `path`, an absolute path of the closure. All of these may run on several
/// threads.
Resolution resolve(const Closure& closure, std::string_view path);

/// The path that `path` leads to. Throws `cannot resolve '<path>': …` unless it is found.
std::string resolve_in_store(const Closure& closure, std::string_view path);

/// The same, but no value if nothing stands there. A link that leads out of the closure
/// still throws.
std::optional<std::string> find_in_store(const Closure& closure, std::string_view path);

}  // namespace builder
