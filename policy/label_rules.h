// SPDX-License-Identifier: Apache-2.0
//
// Label rules: how the files of store paths are seen, or which label they get. Ours are data,
// policy/nixos/store.rules, which also says what a line looks like and which rule wins; a user's
// own are tried before them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/contexts.h"
#include "policy/store_path.h"

namespace policy {

constexpr size_t kMaxLabelRules = 4096;  // of one file
constexpr size_t kMaxPlaces = 8;         // of one rule

/// One line.
struct LabelRule {
  enum class Selects : uint8_t { kAny, kRole, kName, kPackage, kFile };
  Selects selects = Selects::kAny;
  StorePathRole role = StorePathRole::kPackage;  // of kRole
  std::string selector;                          // a glob of kName and kFile, the name of kPackage
  bool is_top = false;                           // `.`: the store path itself, and nothing in it
  std::string inner;  // else this and what lies in it; no slash before it, empty: all
  FileType type = FileType::kAny;
  bool is_executable = false;  // `-x`

  std::vector<std::string> places;  // after `as`; of kFile, the one other name
  bool is_skeleton = false;
  bool is_guess = false;
  std::string context;  // of a rule that labels: a type alone, or user:role:type[:range]

  std::string text;   // the line's words with a blank between them
  uint32_t line = 0;  // from 1
  uint16_t file = 0;  // index into LabelRules::files()

  bool labels() const { return !context.empty(); }
};

/// Immutable; copies share. Every function may be called from several threads.
class LabelRules {
 public:
  /// Ours alone.
  LabelRules();

  /// The user's, then ours. Throws with a line a mistake: `cannot read 'NAME' line N: …`.
  static LabelRules parse(std::span<const NamedText> user);
  /// Reads the user's from `path`; ours alone if that is empty.
  static LabelRules load(const std::string& path);

  /// In the order in which they are tried.
  std::span<const LabelRule> rules() const;
  size_t index_of(const LabelRule& rule) const { return &rule - rules().data(); }
  /// The first ones of rules() are the user's.
  size_t count_of_user() const;
  /// `NAME:LINE`; ours are in `nixos/store.rules`.
  std::string place_of(const LabelRule& rule) const;

 private:
  struct Data;
  explicit LabelRules(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

/// Whether a rule speaks of a store path at all. False for kFile.
bool selects(const LabelRule& rule, const StorePath& path);

/// Whether a rule that selects a store path fits what lies at `inner` in it (empty: itself).
bool fits(const LabelRule& rule, std::string_view inner, FileType type, bool is_executable);

/// What the first `*` of a glob stands for where it matches `text`, as short as it can be; empty if
/// the glob has none. A `*` stands for any bytes, and nothing else is special.
std::optional<std::string_view> match_glob(std::string_view glob, std::string_view text);

}  // namespace policy
