// SPDX-License-Identifier: Apache-2.0
//
// The build's proof of what each inode is labelled, as a file_contexts. (What the image itself
// carries is in etc_selinux.h.)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "imagefmt/tree.h"
#include "policy/contexts.h"

namespace policy {

/// A pattern that matches `path` and nothing else, as libselinux 3.4 reads it: metacharacters
/// behind a backslash, blanks and bytes outside ASCII as `[\xhh]`.
std::string escape_pattern(std::string_view path);

/// An exact rule for each node of a labelled tree, with its type, sorted by the bytes of the paths.
/// FileContexts answers each node from it with the node's own label.
std::string serialize_exact_contexts(const imagefmt::FileTree& tree);

struct ExactRule {
  std::string_view path;
  std::string_view pattern;  // what the text has for it
  imagefmt::Label context;   // one text for all rules of that context
  uint32_t line = 0;         // from 1
  FileType type = FileType::kAny;
};

/// What serialize_exact_contexts() writes, read back: a rule for each inode of one image. As
/// FileContexts it would answer the same, but take ten times as long to make. Immutable.
class ExactContexts {
 public:
  /// No value if `text` holds anything else: a pattern for more than one path, a rule without a
  /// type, two rules for a path, no rule at all. `name` is what messages call it.
  static std::optional<ExactContexts> parse(std::string text, std::string name);
  ExactContexts(ExactContexts&&) noexcept;
  ExactContexts& operator=(ExactContexts&&) noexcept;
  ~ExactContexts();

  const ExactRule* find(std::string_view path) const;
  /// In the order of the text.
  std::span<const ExactRule> rules() const;
  size_t index_of(const ExactRule& rule) const { return &rule - rules().data(); }
  const std::string& name() const;

 private:
  struct Data;
  explicit ExactContexts(std::unique_ptr<const Data> data);
  std::unique_ptr<const Data> data_;
};

}  // namespace policy
