// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an image: a reader gives a tree or an Error, and so does reading what its files hold.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <memory>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"

namespace fuzz {

/// The image of that name.
template <class Read>
void read_open_image(const std::string& path, Read read) {
  using namespace imagefmt;
  try {
    FileTree tree = read(std::make_shared<const File>(File::open_for_reading(path)), nullptr);
    dump(tree);
    // Files may be sparse and of any size: enough of them to meet each kind of block.
    uint64_t left = 4 << 20;
    Bytes part(100000);
    walk(tree, [&](const std::string&, const Node& node) {
      if (!node.regular()) return;
      uint64_t rest = std::min(left, node.regular()->content.size_bytes());
      left -= rest;
      try {
        for (std::unique_ptr<ContentReader> reader = node.regular()->content.open(); rest != 0;) {
          size_t step = static_cast<size_t>(std::min<uint64_t>(rest, part.size()));
          reader->read({part.data(), step});
          rest -= step;
        }
      } catch (const Error&) {
        // One file is broken; the next may be whole.
      }
    });
  } catch (const Error&) {
  }
}

template <class Read>
void read_any_image(const uint8_t* data, size_t size, Read read) {
  imagefmt::UniqueFd memory(memfd_create("image", MFD_CLOEXEC));
  if (!memory) imagefmt::throw_errno("make a file in memory");
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  imagefmt::write_file(path, imagefmt::as_text({data, size}));
  read_open_image(path, std::move(read));
}

}  // namespace fuzz
