// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_image.h"

#include <algorithm>
#include <array>
#include <functional>

#include "builder/unpack.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::as_text;
using imagefmt::ByteView;
using imagefmt::Error;
using imagefmt::le16;
using imagefmt::le32;

namespace {

constexpr size_t kMaxRelease = 64;                    // __NEW_UTS_LEN
constexpr size_t kMaxPackedConfig = size_t{4} << 20;  // 70 KiB in a kernel that has it all
constexpr size_t kMaxConfig = size_t{16} << 20;
constexpr uint64_t kMaxUnpacked = uint64_t{512} << 20;  // of one image, all attempts together
constexpr uint64_t kLeastKernel = uint64_t{1} << 20;    // less unpacked is not a kernel
constexpr size_t kMaxAttempts = 256;
constexpr int kMaxConfigAttempts = 16;

/// The field at `offset`, or no value past the end.
template <class T>
std::optional<T> field_at(ByteView bytes, uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// What lies between two offsets, cut at the end of the bytes.
std::string_view text_at(ByteView bytes, uint64_t offset, uint64_t length) {
  if (offset > bytes.size()) return {};
  return as_text(bytes).substr(offset, length);
}

/// The release that `text` begins with and that a blank ends, as in the banner.
std::optional<std::string> leading_release(std::string_view text) {
  size_t length = text.substr(0, kMaxRelease + 1).find(' ');
  if (length == text.npos || length == 0) return std::nullopt;
  std::string_view release = text.substr(0, length);
  bool legal = std::all_of(release.begin(), release.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._+~-").find(c) != std::string_view::npos;
  });
  bool numbered = release[0] >= '0' && release[0] <= '9' && release.find('.') != release.npos;
  return legal && numbered ? std::optional<std::string>(release) : std::nullopt;
}

/// Looks for a marker in bytes that come in parts, and shows what follows it. Keeps no more than a
/// part and what it has to show.
class MarkerSearch {
 public:
  /// `visit` gets up to `shown` bytes behind each marker, and returns whether to stop.
  MarkerSearch(std::string_view marker, size_t shown, std::function<bool(std::string_view)> visit)
      : marker_(marker), shown_(shown), visit_(std::move(visit)) {}

  bool feed(ByteView part) {
    window_ += as_text(part);
    return search(false);
  }
  /// No more bytes come.
  bool finish() { return search(true); }

 private:
  bool search(bool last) {
    size_t at = 0;
    while (!found_) {
      size_t marker = window_.find(marker_, at);
      if (marker == window_.npos) {
        at = std::max(at, window_.size() - std::min(window_.size(), marker_.size() - 1));
        break;
      }
      size_t begin = marker + marker_.size();
      at = marker;
      if (!last && window_.size() - begin < shown_) break;
      found_ = visit_(std::string_view(window_).substr(begin, shown_));
      at = marker + 1;
    }
    window_.erase(0, at);
    return found_;
  }

  std::string_view marker_;
  size_t shown_;
  std::function<bool(std::string_view)> visit_;
  std::string window_;
  bool found_ = false;
};

bool is_x86_image(ByteView image) {
  return text_at(image, 0x202, 4) == "HdrS" &&
         field_at<le16>(image, 0x1fe) == std::optional<le16>(0xaa55);
}

/// Documentation/arch/x86/boot.rst: setup_sects, of which 0 means 4, follow the boot sector.
uint64_t x86_setup_size(ByteView image) {
  unsigned sectors = field_at<uint8_t>(image, 0x1f1).value_or(0);
  return ((sectors ? sectors : 4) + 1) * uint64_t{512};
}

std::optional<std::string> x86_release(ByteView image) {
  if (!is_x86_image(image)) return std::nullopt;
  uint16_t pointer = field_at<le16>(image, 0x20e).value_or(0);
  uint64_t begin = uint64_t{pointer} + 0x200, end = x86_setup_size(image);
  if (pointer == 0 || begin >= end) return std::nullopt;
  return leading_release(text_at(image, begin, end - begin));
}

/// The compressed payload that a header tells of; empty if none does.
ByteView announced_payload(ByteView image) {
  uint64_t offset = 0, length = 0;
  if (text_at(image, 0, 2) == "MZ" && text_at(image, 4, 4) == "zimg") {
    offset = field_at<le32>(image, 8).value_or(0);
    length = field_at<le32>(image, 12).value_or(0);
  } else if (is_x86_image(image) && field_at<le16>(image, 0x206).value_or(0) >= 0x208) {
    offset = x86_setup_size(image) + field_at<le32>(image, 0x248).value_or(0);
    length = field_at<le32>(image, 0x24c).value_or(0);
    // The kernel's build appends the unpacked size to all but gzip (scripts/Makefile.lib), which
    // zboot does not count and x86 does. Some decoders give up at it, and the last block of data
    // with them.
    if (offset < image.size() && compression_of(image.subspan(offset)) != "gzip")
      length -= std::min<uint64_t>(length, 4);
  }
  if (offset >= image.size()) return {};
  return image.subspan(offset, std::min<uint64_t>(length, image.size() - offset));
}

/// Each place that looks like the beginning of compressed data.
std::vector<ByteView> likely_payloads(ByteView image) {
  std::vector<ByteView> payloads;
  std::string_view text = as_text(image);
  for (const Compression& compression : compressions()) {
    // Three bytes of little order: not a thing to look for anywhere.
    if (compression.name == "lzma") continue;
    for (size_t at = text.find(compression.magic);
         at != text.npos && payloads.size() < kMaxAttempts;
         at = text.find(compression.magic, at + 1)) {
      payloads.push_back(image.subspan(at));
    }
  }
  return payloads;
}

/// Shows `make_search()` the image as it is, then what is packed in it, until something is found or
/// what must have been the kernel is unpacked. Places that no header tells of are tried last.
void search_image(ByteView image, const std::function<MarkerSearch()>& make_search) {
  constexpr size_t kStep = size_t{1} << 20;
  MarkerSearch plain = make_search();
  for (size_t at = 0; at < image.size(); at += kStep) {
    if (plain.feed(image.subspan(at, std::min(kStep, image.size() - at)))) return;
  }
  if (plain.finish()) return;

  uint64_t budget = kMaxUnpacked;
  bool ended = false;
  auto search_in = [&](const std::vector<ByteView>& payloads) {
    for (size_t i = 0; i < payloads.size() && !ended; ++i) {
      MarkerSearch search = make_search();
      unpack(payloads[i], budget, [&](ByteView bytes) { return ended = search.feed(bytes); });
      if (!ended) ended = search.finish() || kMaxUnpacked - budget >= kLeastKernel;
    }
  };
  search_in({image, announced_payload(image)});
  if (!ended) search_in(likely_payloads(image));
}

}  // namespace

std::string kernel_release(ByteView image, std::string_view name) {
  std::optional<std::string> release = x86_release(image);
  if (release) return *release;
  search_image(image, [&] {
    return MarkerSearch("Linux version ", kMaxRelease + 1, [&](std::string_view text) {
      release = leading_release(text);
      return release.has_value();
    });
  });
  if (release) return *release;
  throw Error(fmt::format(
      "cannot read kernel image '{}': it tells no release, neither in an x86 header nor "
      "in a banner 'Linux version …'",
      name));
}

std::string vmlinux_of(ByteView image, std::string_view name) {
  constexpr std::string_view kElfMagic =
      "\x7f"
      "ELF";
  if (as_text(image).starts_with(kElfMagic)) return std::string(as_text(image));
  uint64_t budget = kMaxUnpacked;
  for (const ByteView payload : {image, announced_payload(image)}) {
    std::string elf;
    const Unpacked unpacked = unpack(payload, budget, [&](ByteView part) {
      elf += as_text(part);
      return elf.size() >= kElfMagic.size() && !elf.starts_with(kElfMagic);
    });
    if (unpacked.whole && elf.starts_with(kElfMagic)) return elf;
  }
  throw Error(fmt::format("cannot read kernel image '{}': it is no vmlinux, and holds none", name));
}

std::optional<std::string> kernel_config(ByteView image) {
  std::optional<std::string> config;
  int attempts = 0;
  // kernel/configs.c puts the gzipped text between the two markers.
  search_image(image, [&] {
    return MarkerSearch("IKCFG_ST", kMaxPackedConfig, [&](std::string_view packed) {
      std::string text;
      uint64_t budget = kMaxConfig;
      unpack(imagefmt::as_bytes(packed.substr(0, packed.find("IKCFG_ED"))), budget,
             [&](ByteView part) {
               text += as_text(part);
               return false;
             });
      if (text.find("CONFIG_") != text.npos) config = std::move(text);
      return config.has_value() || ++attempts == kMaxConfigAttempts;
    });
  });
  return config;
}

}  // namespace builder
