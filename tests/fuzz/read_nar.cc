// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "imagefmt/nar/nar.h"
#include "tests/fuzz/any_image.h"

using namespace imagefmt;

namespace {

class Parts : public ByteStream {
 public:
  explicit Parts(ByteView bytes) : rest_(bytes) {}
  ByteView read() override {
    const ByteView part = rest_.first(std::min<size_t>(7, rest_.size()));
    rest_ = rest_.subspan(part.size());
    return part;
  }

 private:
  ByteView rest_;
};

/// There is one NAR of a tree, so what was read is what would be written.
FileTree checked(const Nar& nar) {
  const NarSum sum = sum_nar(nar.node);
  if (sum.sha256 != nar.sum.sha256 || sum.size_bytes != nar.sum.size_bytes) abort();
  FileTree tree;
  tree.insert("/nar", nar.node.clone());
  return tree;
}

}  // namespace

/// With data left where they are, and with data copied: which gives the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bool in_place = false, copied = false;
  fuzz::read_any_image(data, size, [&](const std::shared_ptr<const File>& file, auto) {
    FileByteStream bytes(file);
    NarStream stream(bytes, DataFile{file, std::nullopt});
    FileTree tree = checked(stream.read_nar({}));
    in_place = true;
    return tree;
  });
  try {
    Parts parts({data, size});
    Spool spool("/tmp");
    Unfolding unfolding(size);
    NarStream stream(parts, spool, unfolding);
    const Nar nar = stream.read_nar({.depth = 1, .size_bytes = size});
    spool.flush();
    checked(nar);
    copied = true;
  } catch (const Error&) {
  }
  if (copied && !in_place) abort();
  return 0;
}
