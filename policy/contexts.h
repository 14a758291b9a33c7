// SPDX-License-Identifier: Apache-2.0
//
// file_contexts: which label a path gets. The answer is that of libselinux's selabel_lookup_raw(3),
// found in one automaton over all rules instead of one regular expression after the other.
//
// The algorithm is libselinux 3.4's (label_file.c): the last rule of the text that fits wins, a
// rule that is plain text before any regular expression; a rule whose first component is plain text
// is tried for paths below that component only; a pattern stands between `^` and `$` without a
// group, so that `/a|/b` matches `/axyz` and `/x/b`. libselinux 3.8 rebuilt its database; for the
// rules that policies hold it answers the same. Where the two differ, this follows 3.4:
//   - a plain rule with an escaped letter or digit (`/a\d`): a regular expression that wins like
//     plain text (3.8: an ordinary regular expression);
//   - an escape in the first component (`/a\-b/c`): never matches (3.8: matches `/a-b/c`);
//   - a top-level `|` behind two or more plain components (`/usr/lib/x|y`): tried for all of `/usr`
//     (3.8: below `/usr/lib` only).
// Where PCRE2 gives up (its match limit), libselinux 3.4 reports "no match"; this throws.
// Compiled files (`file_contexts.bin`) are not read: the text that they are made from is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"

namespace policy {

/// Of a rule: kAny stands for no type field. Of a question: kAny fits every rule.
enum class FileType : uint8_t {
  kAny,
  kRegular,    // --
  kDirectory,  // -d
  kSymlink,    // -l
  kCharacter,  // -c
  kBlock,      // -b
  kFifo,       // -p
  kSocket,     // -s
};
FileType type_of(const imagefmt::Node& node);
/// `--`, `-d` …; empty for kAny.
std::string_view type_field(FileType type);
/// `file`, `directory` …; empty for kAny.
std::string_view type_name(FileType type);

/// The type of a context, `user:role:type[:range]`; empty where there are fewer fields.
std::string_view type_in(std::string_view context);

/// One rule of a file_contexts.
struct ContextRule {
  std::string pattern;
  imagefmt::Label context;    // one text for all rules of that context; may be `<<none>>`
  uint32_t line = 0;          // from 1
  uint32_t prefix_bytes = 0;  // of the pattern, up to its first metacharacter
  uint16_t file = 0;          // index into FileContexts::files()
  FileType type = FileType::kAny;
  bool is_literal = false;  // no metacharacter: preferred to every regular expression

  /// The rule says that what it matches is not to be labelled.
  bool is_none() const { return context.text() == "<<none>>"; }
};

struct NamedText {
  std::string name;  // as messages and ContextRule::file give it
  std::string text;
};

struct FileContextsText {
  /// file_contexts, then .homedirs, then .local.
  std::vector<NamedText> rules;
  /// .subs, then .subs_dist: each is applied once, to what the one before gave.
  std::vector<NamedText> substitutions;
};

/// What two rules of one pattern, overlapping types and different contexts are. libselinux counts
/// them as an error where it validates (setfiles, restorecon) and else takes the last. As there,
/// only the first file is looked through.
enum class Contradictions { kRefuse, kLastWins };

/// Immutable; copies share. Every function may be called from several threads.
class FileContexts {
 public:
  /// No rules.
  FileContexts();

  /// Throws with a line a mistake: `cannot read 'NAME' line N: …`.
  static FileContexts parse(const FileContextsText& text,
                            Contradictions contradictions = Contradictions::kRefuse);

  /// Reads `path` and, where they exist, its `.homedirs` and `.local`, and `.subs` and
  /// `.subs_dist`; then each of `more_substitutions` that is not one of these is a pass of its own.
  static FileContexts load(const std::string& path,
                           std::span<const std::string> more_substitutions = {},
                           Contradictions contradictions = Contradictions::kRefuse);

  /// The rule for `path`, null if none matches. A rule whose context is `<<none>>` is returned, and
  /// not null. Repeated and trailing slashes are dropped first, then the substitutions are applied.
  const ContextRule* lookup(std::string_view path, FileType type) const;

  /// All rules that match `path`, of any file type, the best first: lookup() returns the first of
  /// them that fits its type. Takes as long as libselinux does.
  std::vector<const ContextRule*> matches(std::string_view path) const;

  /// What lookup() matches the rules against.
  std::string substituted(std::string_view path) const;

  /// In the order of the text, files one after the other.
  std::span<const ContextRule> rules() const;
  size_t index_of(const ContextRule& rule) const { return &rule - rules().data(); }
  const std::vector<std::string>& files() const;
  /// `NAME:LINE`.
  std::string place_of(const ContextRule& rule) const;
  /// Rules that are there twice, and with kLastWins those that contradict each other.
  const std::vector<std::string>& warnings() const;

 private:
  struct Data;
  explicit FileContexts(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

}  // namespace policy
