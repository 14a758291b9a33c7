// SPDX-License-Identifier: Apache-2.0
//
// Private to policy/: CIL text, statement by statement. The text may be hostile.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// A symbol, a string or a list of a statement. Views the reader's nodes and the text.
class CilNode {
 public:
  bool is_list() const { return slot_->list; }
  /// Of a symbol, or of a string without its quotes; empty for a list.
  std::string_view text() const { return slot_->text; }
  /// Where it begins, counted from 1.
  size_t line() const { return slot_->line; }
  /// The elements of a list.
  size_t size() const { return slot_->count; }
  /// REQUIRES: index < size(). Linear in the index.
  CilNode operator[](size_t index) const;

  struct Slot {
    std::string_view text;
    uint32_t line = 0, count = 0;
    uint32_t slots = 1;  // of this node and all below it, which follow it
    bool list = false;
  };
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = CilNode;
    explicit Iterator(const Slot* slot) : slot_(slot) {}
    CilNode operator*() const { return CilNode(slot_); }
    Iterator& operator++() {
      slot_ += slot_->slots;
      return *this;
    }
    bool operator==(const Iterator& other) const { return slot_ == other.slot_; }

   private:
    const Slot* slot_;
  };
  Iterator begin() const { return Iterator(slot_ + 1); }
  Iterator end() const { return Iterator(slot_ + slot_->slots); }

  explicit CilNode(const Slot* slot) : slot_(slot) {}

 private:
  const Slot* slot_;
};

class CilReader {
 public:
  /// kMaybeBare is for what libsepol prints of a kernel policy: the file name of a typetransition
  /// may hold anything but a newline, and releases before 3.5 print it without quotes.
  enum class Names { kQuoted, kMaybeBare };

  /// `text` must outlive the reader.
  explicit CilReader(std::string_view text, Names names = Names::kQuoted)
      : text_(text), names_(names) {}

  /// The next top statement, always a list; false at the end. A node is valid until the next call.
  /// Throws `line N: …`.
  bool next();
  CilNode statement() const { return CilNode(slots_.data()); }

 private:
  void skip_blanks();
  void read_token();
  void read_maybe_bare_name();
  [[noreturn]] void refuse(std::string_view why) const;

  std::string_view text_;
  Names names_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  std::vector<CilNode::Slot> slots_;
  std::vector<uint32_t> open_;  // the lists that are not closed yet
};

}  // namespace policy
