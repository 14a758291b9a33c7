// SPDX-License-Identifier: Apache-2.0
//
// NAR, the archive that Nix makes of a store path (libutil/archive.cc; Dolstra, The Purely Functional
// Software Deployment Model, figure 5.2). It is made of strings: a length of 64 bits, little-endian,
// so many bytes, and zeros up to the next multiple of 8. There is one NAR of a tree: names are sorted,
// and of metadata it has but whether a file may be executed. Nix hashes store paths by it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "imagefmt/base/digest.h"
#include "imagefmt/byte_stream.h"
#include "imagefmt/spool.h"
#include "imagefmt/tree.h"
#include "imagefmt/unfolding.h"

namespace imagefmt {

struct NarSum {
  Digest sha256{};
  uint64_t size_bytes = 0;
};
struct Nar {
  Node node;  // metadata as a scan with Metadata::kCanonical gives it
  NarSum sum;
};

struct NarLimits {
  size_t depth = 0;                  // in the tree that the node is for
  uint64_t size_bytes = UINT64_MAX;  // what the NAR is said to have: more is not read
};

/// NARs in a stream, and what stands between them. All throw what is wrong with its offset:
/// `offset N: …`, and in a NAR also the path in it: `'/bin/sh': offset N: …`.
class NarStream {
 public:
  /// Data of files go to `spool`. What a tree takes of memory is charged to `unfolding`.
  NarStream(ByteStream& input, Spool& spool, Unfolding& unfolding)
      : input_(input), spool_(&spool), unfolding_(&unfolding) {}
  /// The same of what is not compressed, and so is about as large as its tree.
  NarStream(ByteStream& input, Spool& spool) : input_(input), spool_(&spool) {}
  /// Data of files stay where they are: `input` reads `file` from its begin to its end.
  NarStream(ByteStream& input, DataFile file) : input_(input), file_(std::move(file)) {}

  /// The next NAR. Its files can be read once the spool is flushed.
  Nar read_nar(const NarLimits& limits);

  uint64_t read_number();
  /// A string. Throws if it has more than `most` bytes; `what` is a word for it.
  std::string read_string(uint64_t most, std::string_view what);
  bool at_end() { return !refill(); }
  uint64_t offset() const { return offset_; }

 private:
  Node read_node(size_t depth);
  Node read_regular();
  Node read_symlink();
  Node read_directory(size_t depth);
  Content read_content(uint64_t size_bytes);
  void expect(std::string_view word);
  void check_room(uint64_t size_bytes);
  void skip_padding(uint64_t size_bytes);
  bool refill();
  void hash_taken();
  ByteView take_some(uint64_t most);
  void take(std::span<uint8_t> into);
  void charge(uint64_t bytes) {
    if (unfolding_) unfolding_->charge(bytes);
  }
  [[noreturn]] void fail(uint64_t offset, std::string_view reason) const;

  ByteStream& input_;
  Spool* spool_ = nullptr;  // null: data stay in file_
  DataFile file_;
  Unfolding* unfolding_ = nullptr;
  ByteView chunk_;                // what is left of the bytes at hand
  ByteView taken_;                // of them, what was taken and is not hashed yet
  uint64_t offset_ = 0;           // of chunk_ in the stream
  std::optional<Sha256> hash_;    // of the NAR that is being read
  uint64_t end_ = 0, limit_ = 0;  // where that NAR ends at most, and its size
  std::string path_;              // in it
};

using NarSink = std::function<void(ByteView)>;

/// Gives the NAR of a node, in parts. Throws `'<path>': …` for what a NAR cannot hold.
void write_nar(const Node& node, const NarSink& sink);
NarSum sum_nar(const Node& node);

}  // namespace imagefmt
