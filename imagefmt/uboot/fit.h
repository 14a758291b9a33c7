// SPDX-License-Identifier: Apache-2.0
//
// FIT images: kernels, device trees and ramdisks in one flattened device tree, and which of them go
// together (U-Boot's doc/usage/fit/source_file_format.rst). All functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt::uboot {

/// One of the nodes below /images. The words are those of U-Boot: `kernel`, `kernel_noload`, `flat_dt`,
/// `ramdisk`; `arm64`, `x86_64`; `none`, `gzip`, `lzma`, `lz4`.
struct FitImage {
  std::string name;  // of the node
  std::string description, type, arch;
  std::string os = {};  // empty: none is named
  std::string compression = "none";
  std::string data = {};
  std::optional<uint32_t> load = {}, entry = {};  // addresses

  friend bool operator==(const FitImage&, const FitImage&) = default;
};

/// One of the nodes below /configurations. The parts are names of images; empty: there is none.
struct FitConfiguration {
  std::string name;  // of the node
  std::string kernel;
  std::string device_tree = {};
  std::string ramdisk = {};
  std::vector<std::string> compatible = {};  // machines that it is for, the exact one first

  friend bool operator==(const FitConfiguration&, const FitConfiguration&) = default;
};

struct Fit {
  std::string description;
  uint32_t time = 1;  // seconds since 1970
  std::vector<FitImage> images;
  std::vector<FitConfiguration> configurations;
  std::string default_configuration;

  friend bool operator==(const Fit&, const Fit&) = default;
};

/// Each image with its SHA-256. Throws, as one Error, all that stands against it: `cannot make a FIT
/// image: …` for names that are none or are there twice, for configurations of images that are not
/// there or of another type, texts with a NUL, and more than 2 GiB.
std::string serialize_fit(const Fit& fit);

/// Takes nothing on trust; every hash must be right. Nodes and properties that are not among those above
/// are ignored, as are bytes behind the image. Throws `cannot read the FIT image: …`; so for data that
/// lies outside of the tree, and for hashes other than sha256 and crc32.
Fit parse_fit(ByteView bytes);

/// `compatible` of a device tree's root, the exact machine first. Throws `cannot read the device tree:
/// …`; a tree without any is refused.
std::vector<std::string> compatible_of_device_tree(ByteView bytes);

}  // namespace imagefmt::uboot
