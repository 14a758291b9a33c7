// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/android/limits.h"

#include <algorithm>

#include "imagefmt/android/format.h"

namespace imagefmt {

size_t max_boot_cmdline_bytes(uint32_t header_version) {
  // Two fields, each with a NUL, up to version 2; one from there on.
  const size_t nuls = header_version <= 2 ? 2 : 1;
  return android::kCmdlineSize + android::kExtraCmdlineSize - nuls;
}

size_t max_vendor_cmdline_bytes() {
  return android::kVendorCmdlineSize - 1;
}

namespace android {

namespace {

class Limits {
 public:
  explicit Limits(uint32_t header_version) : header_version_(header_version) {}

  void text(std::string_view what, std::string_view text, size_t most) {
    if (text.size() > most) {
      faults_.add(fmt::format("{} has {} bytes, header version {} takes at most {}", what,
                              text.size(), header_version_, most));
    }
    if (text.find('\0') != text.npos) faults_.add(fmt::format("{} holds a NUL", what));
  }
  void size(std::string_view what, uint64_t bytes) {
    if (bytes > UINT32_MAX) {
      faults_.add(fmt::format("{} has {} bytes, at most {} are possible", what, bytes, UINT32_MAX));
    }
  }
  void absent(std::string_view what, bool present) {
    if (present) {
      faults_.add(fmt::format("header version {} has no place for {}", header_version_, what));
    }
  }
  void unless(bool good, std::string fault) {
    if (!good) faults_.add(std::move(fault));
  }

  /// Memory that the loader fills, up to an end that has to lie within `most`. A size of 0: nothing.
  void loads(std::string_view what, uint64_t address, uint64_t size_bytes, uint64_t most) {
    if (size_bytes == 0) return;
    if (address > most || size_bytes - 1 > most - address) {
      faults_.add(fmt::format("{} would be loaded to {:#010x} with {} bytes, beyond {:#x}", what,
                              address, size_bytes, most));
      return;
    }
    const Range range{what, address, address + (size_bytes - 1)};
    for (const Range& other : ranges_) {
      if (range.first <= other.last && other.first <= range.last) {
        faults_.add(
            fmt::format("{} ({:#010x} to {:#010x}) and {} ({:#010x} to {:#010x}) would be loaded "
                        "over each other",
                        other.what, other.first, other.last, what, range.first, range.last));
      }
    }
    ranges_.push_back(range);
  }

  void throw_if_any() const { faults_.throw_if_any(); }

 private:
  struct Range {
    std::string_view what;
    uint64_t first, last;
  };
  uint32_t header_version_;
  std::vector<Range> ranges_;
  Faults faults_;
};

std::string bad_page_size(uint32_t page_size, std::string_view expected) {
  return fmt::format("page size {}, expected {}", page_size, expected);
}

constexpr uint64_t kMax32 = UINT32_MAX, kMax64 = UINT64_MAX;
/// Of the tags it is known where they begin.
constexpr uint64_t kTagsSize = 1;

void check_up_to_2(const BootImage& image, Limits& limits) {
  limits.unless(is_page_size(image.page_size),
                bad_page_size(image.page_size, "2048, 4096, 8192 or 16384"));
  limits.absent("a recovery DTBO", image.header_version == 0 && !image.recovery_dtbo.empty());
  limits.absent("a device tree", image.header_version < 2 && !image.dtb.empty());
  limits.absent("a device tree's address", image.header_version < 2 && image.dtb_address != 0);
  limits.absent("a signature", !image.signature.empty());
  limits.unless(image.header_version < 2 || !image.dtb.empty(),
                "header version 2 must have a device tree, and there is none");
  limits.text("the board's name", image.name, kNameSize - 1);
  limits.loads("kernel", image.kernel_address, image.kernel.size(), kMax32);
  limits.loads("ramdisk", image.ramdisk_address, image.ramdisk.size(), kMax32);
  limits.loads("second stage", image.second_address, image.second.size(), kMax32);
  limits.loads("device tree", image.dtb_address, image.dtb.size(), kMax64);
  limits.loads("tags", image.tags_address, kTagsSize, kMax32);
  limits.unless(!image.ramdisk.empty() || image.ramdisk_address == 0,
                "an address for a ramdisk that is absent");
  limits.unless(!image.second.empty() || image.second_address == 0,
                "an address for a second stage that is absent");
}

void check_from_3(const BootImage& image, Limits& limits) {
  limits.unless(image.page_size == kBootPageSize, bad_page_size(image.page_size, "4096"));
  limits.absent("a second stage", !image.second.empty());
  limits.absent("a recovery DTBO", !image.recovery_dtbo.empty());
  limits.absent("a device tree", !image.dtb.empty());
  limits.absent("a signature", image.header_version < 4 && !image.signature.empty());
  limits.absent("a board's name", !image.name.empty());
  limits.absent("addresses", image.kernel_address != 0 || image.ramdisk_address != 0 ||
                                 image.second_address != 0 || image.tags_address != 0 ||
                                 image.dtb_address != 0);
}

void check_ramdisk_names(const VendorBootImage& image, Limits& limits) {
  std::vector<std::string_view> names;
  for (const VendorRamdisk& ramdisk : image.ramdisks) {
    limits.text(fmt::format("the vendor ramdisk's name '{}'", ramdisk.name), ramdisk.name,
                kVendorRamdiskNameSize - 1);
    limits.unless(ramdisk.name != "default", "a vendor ramdisk must not be named 'default'");
    limits.unless(std::find(names.begin(), names.end(), ramdisk.name) == names.end(),
                  fmt::format("two vendor ramdisks have the name '{}'", ramdisk.name));
    names.push_back(ramdisk.name);
  }
}

}  // namespace

bool is_page_size(uint32_t page_size) {
  return page_size == 2048 || page_size == 4096 || page_size == 8192 || page_size == 16384;
}

void check_limits(const BootImage& image) {
  if (image.header_version > 4) {
    throw Error(fmt::format("header version {}, expected 0 to 4", image.header_version));
  }
  Limits limits(image.header_version);
  limits.text("the command line", image.cmdline, max_boot_cmdline_bytes(image.header_version));
  limits.size("the kernel", image.kernel.size());
  limits.size("the ramdisk", image.ramdisk.size());
  limits.size("the second stage", image.second.size());
  limits.size("the recovery DTBO", image.recovery_dtbo.size());
  limits.size("the device tree", image.dtb.size());
  limits.size("the signature", image.signature.size());
  image.header_version <= 2 ? check_up_to_2(image, limits) : check_from_3(image, limits);
  limits.throw_if_any();
}

void check_limits(const VendorBootImage& image) {
  if (image.header_version != 3 && image.header_version != 4) {
    throw Error(fmt::format("header version {} of a vendor boot image, expected 3 or 4",
                            image.header_version));
  }
  Limits limits(image.header_version);
  limits.unless(is_page_size(image.page_size),
                bad_page_size(image.page_size, "2048, 4096, 8192 or 16384"));
  limits.text("the vendor command line", image.cmdline, max_vendor_cmdline_bytes());
  limits.text("the board's name", image.name, kNameSize - 1);
  uint64_t ramdisks_size = 0;
  for (const VendorRamdisk& ramdisk : image.ramdisks) ramdisks_size += ramdisk.bytes.size();
  limits.size("the vendor ramdisks", ramdisks_size);
  limits.size("the device tree", image.dtb.size());
  limits.size("the bootconfig", image.bootconfig.size());
  if (image.header_version == 3) {
    limits.unless(image.ramdisks.size() == 1,
                  fmt::format("header version 3 must have one vendor ramdisk, and there are {}",
                              image.ramdisks.size()));
    limits.absent("a bootconfig", !image.bootconfig.empty());
    for (const VendorRamdisk& ramdisk : image.ramdisks) {
      limits.absent("a vendor ramdisk's type, name and board id",
                    ramdisk != VendorRamdisk{.bytes = ramdisk.bytes});
    }
  } else {
    check_ramdisk_names(image, limits);
  }
  limits.loads("ramdisk", image.ramdisk_address, ramdisks_size, kMax32);
  limits.loads("device tree", image.dtb_address, image.dtb.size(), kMax64);
  limits.loads("kernel's start", image.kernel_address, 1, kMax32);
  limits.loads("tags", image.tags_address, kTagsSize, kMax32);
  limits.throw_if_any();
}

}  // namespace android

}  // namespace imagefmt
