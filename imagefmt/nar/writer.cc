// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/nar/nar.h"

namespace imagefmt {

namespace {

constexpr size_t kStep = 1 << 18;

class Writer {
 public:
  explicit Writer(const NarSink& sink) : sink_(sink) { buffer_.reserve(kStep); }

  void write(const Node& node) {
    put("nix-archive-1");
    put_node(node);
    flush();
  }

 private:
  void put_node(const Node& node) {
    put("(");
    put("type");
    if (const Regular* file = node.regular()) {
      put("regular");
      if ((node.mode & 0100) != 0) {
        put("executable");
        put("");
      }
      put("contents");
      put_content(file->content);
    } else if (const Symlink* link = node.symlink()) {
      put("symlink");
      put("target");
      put(link->target);
    } else if (const Directory* directory = node.directory()) {
      put("directory");
      for (const Entry& entry : directory->entries) put_entry(entry);
    } else {
      throw Error(
          fmt::format("'{}': expected a file, a folder or a symlink", path_.empty() ? "/" : path_));
    }
    put(")");
  }

  void put_entry(const Entry& entry) {
    const size_t size = path_.size();
    path_ += '/' + entry.name;
    put("entry");
    put("(");
    put("name");
    put(entry.name);
    put("node");
    put_node(entry.node);
    put(")");
    path_.resize(size);
  }

  void put_content(const Content& content) {
    put_number(content.size_bytes());
    flush();
    std::unique_ptr<ContentReader> reader = content.open();
    for (uint64_t left = content.size_bytes(); left != 0;) {
      const size_t step = static_cast<size_t>(std::min<uint64_t>(left, kStep));
      buffer_.resize(step);
      reader->read(buffer_);
      flush();
      left -= step;
    }
    reader->finish();
    pad(content.size_bytes());
  }

  void put(std::string_view text) {
    put_number(text.size());
    append(as_bytes(text));
    pad(text.size());
  }
  void put_number(uint64_t number) {
    const le64 bytes = number;
    append(bytes_of(bytes));
  }
  void pad(uint64_t size_bytes) {
    constexpr std::array<uint8_t, 8> kZeros{};
    append(ByteView(kZeros).first((8 - size_bytes % 8) % 8));
  }
  void append(ByteView bytes) {
    imagefmt::append(buffer_, bytes);
    if (buffer_.size() >= kStep) flush();
  }
  void flush() {
    if (!buffer_.empty()) sink_(buffer_);
    buffer_.clear();
  }

  const NarSink& sink_;
  Bytes buffer_;
  std::string path_;
};

}  // namespace

void write_nar(const Node& node, const NarSink& sink) {
  Writer(sink).write(node);
}

NarSum sum_nar(const Node& node) {
  Sha256 hash;
  uint64_t size_bytes = 0;
  write_nar(node, [&](ByteView part) {
    hash.update(part);
    size_bytes += part.size();
  });
  return {hash.finish(), size_bytes};
}

}  // namespace imagefmt
