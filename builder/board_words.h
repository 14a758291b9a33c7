// SPDX-License-Identifier: Apache-2.0
//
// The words of boards: how the values of enums are spelled.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "builder/board.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

template <class Enum>
using Spelling = std::pair<std::string_view, Enum>;

/// All spellings of an enum, in the order of messages.
template <class Enum>
constexpr std::array<Spelling<Enum>, 0> kSpellings = {};
template <>
inline constexpr std::array kSpellings<Arch> = {Spelling<Arch>{"x86_64", Arch::kX86_64},
                                                Spelling<Arch>{"aarch64", Arch::kAarch64}};
template <>
inline constexpr std::array kSpellings<BootKind> = {
    Spelling<BootKind>{"direct", BootKind::kDirect},
    Spelling<BootKind>{"android", BootKind::kAndroid},
    Spelling<BootKind>{"extlinux", BootKind::kExtlinux},
    Spelling<BootKind>{"boot-script", BootKind::kBootScript},
    Spelling<BootKind>{"depthcharge", BootKind::kDepthcharge},
    Spelling<BootKind>{"uki", BootKind::kUki},
    Spelling<BootKind>{"bls", BootKind::kBls}};
template <>
inline constexpr std::array kSpellings<Loader> = {Spelling<Loader>{"firmware", Loader::kFirmware},
                                                  Spelling<Loader>{"lk2nd", Loader::kLk2nd},
                                                  Spelling<Loader>{"u-boot", Loader::kUBoot}};
template <>
inline constexpr std::array kSpellings<KernelImage> = {
    Spelling<KernelImage>{"as-built", KernelImage::kAsBuilt},
    Spelling<KernelImage>{"bzImage", KernelImage::kBzImage},
    Spelling<KernelImage>{"Image", KernelImage::kImage},
    Spelling<KernelImage>{"Image.gz", KernelImage::kImageGz},
    Spelling<KernelImage>{"vmlinux", KernelImage::kVmlinux}};
template <>
inline constexpr std::array kSpellings<DtbPlace> = {
    Spelling<DtbPlace>{"none", DtbPlace::kNone},
    Spelling<DtbPlace>{"appended", DtbPlace::kAppended},
    Spelling<DtbPlace>{"header", DtbPlace::kHeader},
    Spelling<DtbPlace>{"header-and-appended", DtbPlace::kHeaderAndAppended},
    Spelling<DtbPlace>{"vendor-boot", DtbPlace::kVendorBoot},
    Spelling<DtbPlace>{"file", DtbPlace::kFile},
    Spelling<DtbPlace>{"folder", DtbPlace::kFolder},
    Spelling<DtbPlace>{"fit", DtbPlace::kFit},
    Spelling<DtbPlace>{"uki", DtbPlace::kUki},
    Spelling<DtbPlace>{"firmware", DtbPlace::kFirmware}};
template <>
inline constexpr std::array kSpellings<RootFormat> = {
    Spelling<RootFormat>{"squashfs", RootFormat::kSquashfs},
    Spelling<RootFormat>{"ext4", RootFormat::kExt4},
    Spelling<RootFormat>{"erofs", RootFormat::kErofs}};
template <>
inline constexpr std::array kSpellings<PartitionTable> = {
    Spelling<PartitionTable>{"gpt", PartitionTable::kGpt},
    Spelling<PartitionTable>{"msdos", PartitionTable::kMsdos}};
template <>
inline constexpr std::array kSpellings<FlashMethod> = {
    Spelling<FlashMethod>{"fastboot", FlashMethod::kFastboot},
    Spelling<FlashMethod>{"fastboot-of-lk2nd", FlashMethod::kFastbootOfLk2nd},
    Spelling<FlashMethod>{"lk2nd", FlashMethod::kLk2nd},
    Spelling<FlashMethod>{"heimdall", FlashMethod::kHeimdall},
    Spelling<FlashMethod>{"disk", FlashMethod::kDisk},
    Spelling<FlashMethod>{"uuu", FlashMethod::kUuu},
    Spelling<FlashMethod>{"hypervisor", FlashMethod::kHypervisor}};
template <>
inline constexpr std::array kSpellings<Slots> = {
    Spelling<Slots>{"unknown", Slots::kUnknown}, Spelling<Slots>{"none", Slots::kNone},
    Spelling<Slots>{"a-b", Slots::kAb},
    Spelling<Slots>{"kernel-partitions", Slots::kKernelPartitions},
    Spelling<Slots>{"stock", Slots::kStock}};

template <class Enum>
std::string_view spell(Enum value) {
  return std::find_if(kSpellings<Enum>.begin(), kSpellings<Enum>.end(),
                      [&](const Spelling<Enum>& spelling) { return spelling.second == value; })
      ->first;
}

/// Throws `unknown <what> '…', expected …`.
template <class Enum>
Enum parse_word(std::string_view what, std::string_view word) {
  std::vector<std::string> words;
  for (const Spelling<Enum>& spelling : kSpellings<Enum>) {
    if (spelling.first == word) return spelling.second;
    words.emplace_back(spelling.first);
  }
  throw imagefmt::Error(
      fmt::format("unknown {} {}, expected {}", what, in_quotes(word), one_of(words)));
}

/// `<stem>.toml`.
std::string_view stem_of(const imagefmt::EmbeddedFile& file);
const imagefmt::EmbeddedFile* find_board_file(std::span<const imagefmt::EmbeddedFile> files,
                                              std::string_view name);
imagefmt::Error unknown_board(std::string_view name, std::span<const imagefmt::EmbeddedFile> files);

}  // namespace builder
