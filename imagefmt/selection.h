// SPDX-License-Identifier: Apache-2.0
//
// Which paths of a tree are taken, and whose they are: rules by pattern. Of all rules that match a
// path the last one holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "imagefmt/path_pattern.h"
#include "imagefmt/tree.h"

namespace imagefmt {

/// Leaves paths out. What no rule matches is taken; with a folder that is left out goes all that is
/// in it, whatever the rules say of that: so nobody need look into it.
class Selection {
 public:
  /// Throws for a pattern that is none, and for leaving the root out.
  void exclude(std::string_view pattern) { add(pattern, false); }
  void include(std::string_view pattern) { add(pattern, true); }
  /// The lines of a file as .gitignore has them: patterns to exclude, `!` before one to include;
  /// blank lines and those that begin with `#` say nothing. Throws every mistake, with `name` and
  /// line.
  void add_lines(std::string_view text, std::string_view name);

  bool takes_all() const { return rules_.empty(); }
  /// `path` as PathPattern::matches() takes it; the folders above it are taken.
  bool takes(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    PathPattern pattern;
    bool takes;
  };
  void add(std::string_view pattern, bool takes);

  std::vector<Rule> rules_;
};

/// Removes from the tree what the selection leaves out.
void prune(FileTree& tree, const Selection& selection);

/// Lets the files that a pattern matches be stored uncompressed. Gives the patterns that matched none.
std::vector<const PathPattern*> set_uncompressed(FileTree& tree,
                                                 const std::vector<PathPattern>& patterns);

/// What the nodes get that a pattern matches; what is not given is kept.
struct OwnerRule {
  PathPattern pattern;
  std::optional<uint32_t> uid, gid;
  std::optional<uint16_t> mode;
};

/// `PATTERN=uid:gid:mode`, numbers, the mode octal; each of the three may be empty, but not all.
/// Throws `bad owner '…': …`.
OwnerRule parse_owner_rule(std::string_view text);

/// Applies the rules in their order. The mode of a symlink stays, which is always 0777. Gives the
/// rules that matched nothing.
std::vector<const OwnerRule*> set_owners(FileTree& tree, const std::vector<OwnerRule>& rules);

}  // namespace imagefmt
