// SPDX-License-Identifier: Apache-2.0
#include "policy/cil_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "imagefmt/base/error.h"

namespace policy {

namespace {

// The expression of a constraint nests once an operator; libsepol's own parser stops at 4096.
constexpr size_t kMostDepth = 1000;
constexpr size_t kMostSlots = size_t{1} << 24;
constexpr size_t kMostBytes = size_t{1} << 31;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool ends_symbol(char c) {
  return is_blank(c) || c == '(' || c == ')' || c == '"' || c == ';';
}

}  // namespace

CilNode CilNode::operator[](size_t index) const {
  assert(index < size());
  Iterator it = begin();
  while (index-- > 0) ++it;
  return *it;
}

void CilReader::refuse(std::string_view why) const {
  throw imagefmt::Error(fmt::format("line {}: {}", line_, why));
}

void CilReader::skip_blanks() {
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (c == '\n') {
      ++line_;
    } else if (c == ';') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      if (at_ == text_.size()) return;
      ++line_;
    } else if (!is_blank(c)) {
      return;
    }
  }
}

void CilReader::read_token() {
  if (slots_.size() >= kMostSlots) refuse("a statement of too many words");
  CilNode::Slot slot;
  slot.line = line_;
  char c = text_[at_];
  if (c == '(') {
    if (open_.size() >= kMostDepth) refuse(fmt::format("lists nest deeper than {}", kMostDepth));
    slot.list = true;
    open_.push_back(static_cast<uint32_t>(slots_.size()));
    ++at_;
  } else if (c == '"') {
    size_t end = text_.find_first_of("\"\n", at_ + 1);
    if (end == std::string_view::npos || text_[end] != '"') refuse("a string without its end");
    slot.text = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
  } else {
    size_t end = at_;
    while (end < text_.size() && !ends_symbol(text_[end])) ++end;
    slot.text = text_.substr(at_, end - at_);
    at_ = end;
  }
  slots_.push_back(slot);
}

// The rest of `(typetransition SOURCE TARGET CLASS NAME TYPE)` after the class: whatever stands
// before the last word of the line is the name.
void CilReader::read_maybe_bare_name() {
  size_t end = std::min(text_.find('\n', at_), text_.size());
  std::string_view rest = text_.substr(at_, end - at_);
  if (!rest.starts_with(' ') || !rest.ends_with(')')) {
    refuse("expected a name, a type and ')' in the line of a typetransition");
  }
  rest = rest.substr(1, rest.size() - 2);
  CilNode::Slot slot;
  slot.line = line_;
  if (size_t blank = rest.rfind(' '); blank != std::string_view::npos) {
    std::string_view name = rest.substr(0, blank);
    bool quoted = name.size() >= 2 && name.starts_with('"') && name.ends_with('"');
    slot.text = quoted ? name.substr(1, name.size() - 2) : name;
    slots_.push_back(slot);
    rest.remove_prefix(blank + 1);
  }
  slot.text = rest;
  slots_.push_back(slot);
  slots_.front().count = static_cast<uint32_t>(slots_.size()) - 1;
  at_ = end - 1;  // at the ')'
}

bool CilReader::next() {
  slots_.clear();
  open_.clear();
  if (text_.size() > kMostBytes) refuse("the text is larger than 2 GiB");
  skip_blanks();
  if (at_ == text_.size()) return false;
  if (text_[at_] != '(') refuse("expected '('");
  do {
    skip_blanks();
    if (at_ == text_.size()) {
      refuse(fmt::format("expected ')' for the '(' of line {}", slots_[open_.back()].line));
    }
    if (text_[at_] == ')') {
      CilNode::Slot& list = slots_[open_.back()];
      list.slots = static_cast<uint32_t>(slots_.size()) - open_.back();
      open_.pop_back();
      if (!open_.empty()) ++slots_[open_.back()].count;
      ++at_;
    } else {
      bool symbol = text_[at_] != '(';
      read_token();
      if (symbol) ++slots_[open_.back()].count;
      if (names_ == Names::kMaybeBare && open_.size() == 1 && slots_.size() == 5 &&
          slots_[1].text == "typetransition") {
        read_maybe_bare_name();
      }
    }
  } while (!open_.empty());
  return true;
}

}  // namespace policy
