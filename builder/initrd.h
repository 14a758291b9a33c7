// SPDX-License-Identifier: Apache-2.0
//
// What an initrd says of itself, read as the kernel does (init/initramfs.c): cpio archives one
// after another, each plain or compressed, with zeros between. Hostile input: what is unpacked is
// bounded.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace builder {

struct Initrd {
  std::set<std::string, std::less<>> compressions;  // as RD_… have them (unpack.h): gzip, zstd …
  std::set<std::string, std::less<>> modules;       // as lsmod has them: virtio_blk

  /// '-' and '_' are one in a module's name.
  bool carries(std::string_view module) const;
};

/// Throws `cannot read initrd '<name>': …` for what is neither cpio nor compressed, for damage, and
/// for more than 1 GiB unpacked. xz data with something other than zeros behind them count as
/// damaged, for want of a decoder that tells where they end.
Initrd read_initrd(imagefmt::ByteView bytes, std::string_view name);

}  // namespace builder
