// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "imagefmt/base/endian.h"
#include "imagefmt/nar/nar.h"

namespace imagefmt {

namespace {

constexpr uint64_t kAlignment = 8;
constexpr uint64_t kMaxWord = 16;  // the longest is "nix-archive-1"
constexpr uint64_t kMaxName = 255;
constexpr uint64_t kNodeBytes = 256;              // of memory, about
constexpr uint64_t kMaxFile = uint64_t{1} << 44;  // the largest that ext4 holds

uint64_t padding_of(uint64_t size_bytes) {
  return (kAlignment - size_bytes % kAlignment) % kAlignment;
}

}  // namespace

void NarStream::fail(uint64_t offset, std::string_view reason) const {
  const std::string where = fmt::format("offset {}: {}", offset, reason);
  throw Error(hash_ ? fmt::format("'{}': {}", path_.empty() ? "/" : path_, where) : where);
}

/// Whether there is more; what was taken of the bytes at hand is hashed before they go.
bool NarStream::refill() {
  if (!chunk_.empty()) return true;
  hash_taken();
  chunk_ = input_.read();
  taken_ = chunk_.first(0);
  return !chunk_.empty();
}

void NarStream::hash_taken() {
  if (hash_ && !taken_.empty()) hash_->update(taken_);
  taken_ = chunk_.first(0);
}

/// Some bytes, at least one; none at the end.
ByteView NarStream::take_some(uint64_t most) {
  if (!refill()) return {};
  const ByteView part = chunk_.first(std::min<uint64_t>(most, chunk_.size()));
  chunk_ = chunk_.subspan(part.size());
  taken_ = {taken_.data(), taken_.size() + part.size()};
  offset_ += part.size();
  return part;
}

void NarStream::take(std::span<uint8_t> into) {
  while (!into.empty()) {
    const ByteView part = take_some(into.size());
    if (part.empty()) fail(offset_, fmt::format("it ends, expected {} more bytes", into.size()));
    std::copy(part.begin(), part.end(), into.begin());
    into = into.subspan(part.size());
  }
}

/// In a NAR: that it may have so many more bytes.
void NarStream::check_room(uint64_t size_bytes) {
  if (hash_ && size_bytes > end_ - offset_) {
    fail(offset_,
         fmt::format("{} more bytes, where the NAR is said to have {} in all", size_bytes, limit_));
  }
}

uint64_t NarStream::read_number() {
  check_room(sizeof(le64));
  std::array<uint8_t, sizeof(le64)> bytes{};
  take(bytes);
  le64 number;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(&number));
  return number;
}

void NarStream::skip_padding(uint64_t size_bytes) {
  std::array<uint8_t, kAlignment> bytes{};
  const uint64_t start = offset_;
  take(std::span(bytes).first(padding_of(size_bytes)));
  if (std::ranges::any_of(bytes, [](uint8_t byte) { return byte != 0; })) {
    fail(start, "padding that is not zero");
  }
}

std::string NarStream::read_string(uint64_t most, std::string_view what) {
  const uint64_t start = offset_, size = read_number();
  if (size > most) {
    fail(start, fmt::format("{} of {} bytes, expected at most {}", what, size, most));
  }
  check_room(size + padding_of(size));
  std::string text(size, '\0');
  take({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  skip_padding(size);
  return text;
}

void NarStream::expect(std::string_view word) {
  const uint64_t start = offset_;
  const std::string found = read_string(kMaxWord, "a word");
  if (found != word) fail(start, fmt::format("expected '{}', found '{}'", word, found));
}

Nar NarStream::read_nar(const NarLimits& limits) {
  hash_taken();
  hash_.emplace();
  const uint64_t start = offset_;
  limit_ = limits.size_bytes;
  end_ = limit_ > UINT64_MAX - start ? UINT64_MAX : start + limit_;
  path_.clear();
  expect("nix-archive-1");
  Node node = read_node(limits.depth);
  hash_taken();
  const Digest digest = hash_->finish();
  hash_.reset();
  return {std::move(node), {digest, offset_ - start}};
}

Node NarStream::read_node(size_t depth) {
  expect("(");
  expect("type");
  const uint64_t start = offset_;
  const std::string type = read_string(kMaxWord, "a word");
  charge(kNodeBytes);
  if (type == "regular") return read_regular();
  if (type == "symlink") return read_symlink();
  if (type == "directory") {
    if (depth > kMaxDepth) fail(start, fmt::format("deeper than {} folders", kMaxDepth));
    return read_directory(depth);
  }
  fail(start, fmt::format("expected 'regular', 'symlink' or 'directory', found '{}'", type));
}

Node NarStream::read_regular() {
  uint64_t start = offset_;
  std::string word = read_string(kMaxWord, "a word");
  const bool executable = word == "executable";
  if (executable) {
    expect("");
    start = offset_;
    word = read_string(kMaxWord, "a word");
  }
  if (word != "contents") {
    fail(start, fmt::format("expected {}'contents', found '{}'",
                            executable ? "" : "'executable' or ", word));
  }
  start = offset_;
  const uint64_t size = read_number();
  if (size > kMaxFile) {
    fail(start, fmt::format("a file of {} bytes, expected at most {}", size, kMaxFile));
  }
  check_room(size + padding_of(size));
  Content content = read_content(size);
  skip_padding(size);
  expect(")");
  return make_regular(std::move(content), executable ? 0555 : 0444);
}

Content NarStream::read_content(uint64_t size_bytes) {
  if (size_bytes == 0) return {};
  uint64_t place = offset_;
  for (uint64_t left = size_bytes; left != 0;) {
    const ByteView part = take_some(left);
    if (part.empty()) fail(offset_, fmt::format("it ends, expected {} more bytes", left));
    if (spool_) {
      const uint64_t put = spool_->append(part);
      if (left == size_bytes) place = put;
    }
    left -= part.size();
  }
  return content_in_pieces(spool_ ? spool_->file() : file_, {{0, size_bytes, place}}, size_bytes);
}

Node NarStream::read_symlink() {
  expect("target");
  const uint64_t start = offset_;
  std::string target = read_string(kMaxSymlinkTarget, "a symlink's target");
  if (target.empty() || target.find('\0') != target.npos) {
    fail(start, target.empty() ? "a symlink without a target" : "a NUL in a symlink's target");
  }
  charge(target.size());
  expect(")");
  Node node = make_symlink(std::move(target));
  return node;
}

Node NarStream::read_directory(size_t depth) {
  Directory directory;
  const size_t path_size = path_.size();
  for (;;) {
    uint64_t start = offset_;
    const std::string word = read_string(kMaxWord, "a word");
    if (word == ")") break;
    if (word != "entry") fail(start, fmt::format("expected 'entry' or ')', found '{}'", word));
    expect("(");
    expect("name");
    start = offset_;
    std::string name = read_string(kMaxName, "a name");
    try {
      check_entry_name(name);
    } catch (const Error& error) {
      fail(start, error.what());
    }
    if (!directory.entries.empty() && directory.entries.back().name >= name) {
      const std::string& last = directory.entries.back().name;
      fail(start, last == name ? fmt::format("'{}' is there twice", name)
                               : fmt::format("'{}' after '{}', expected names sorted", name, last));
    }
    charge(name.size());
    path_ += '/' + name;
    expect("node");
    Node node = read_node(depth + 1);
    expect(")");
    path_.resize(path_size);
    directory.entries.push_back({std::move(name), std::move(node)});
  }
  return {std::move(directory), 0555};
}

}  // namespace imagefmt
