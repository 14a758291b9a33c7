// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/text.h"
#include "imagefmt/android/boot_image.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Part {
  std::string name;
  std::string_view bytes;
};

/// A line for each field that the image's version has, and its parts.
class Listing {
 public:
  std::string text;
  std::vector<Part> parts;

  void field(std::string_view name, std::string_view value) {
    text += fmt::format("{}\t{}\n", name, escape_unprintable(value));
  }
  void number(std::string_view name, uint64_t value) { field(name, fmt::format("{}", value)); }
  void address(std::string_view name, uint64_t value) {
    field(name, fmt::format("{:#010x}", value));
  }
  void part(const std::string& name, std::string_view bytes) {
    number(name + "_size", bytes.size());
    parts.push_back({name, bytes});
  }
};

void list_os_version(Listing& list, uint32_t os_version) {
  list.field("os_version", os_version_text(os_version));
  list.field("os_patch_level", os_patch_level_text(os_version));
}

void list(Listing& list, const BootImage& image) {
  list.field("kind", "boot");
  list.number("header_version", image.header_version);
  list.number("page_size", image.page_size);
  list.part("kernel", image.kernel);
  list.part("ramdisk", image.ramdisk);
  if (image.header_version <= 2) {
    list.part("second", image.second);
    if (image.header_version >= 1) list.part("recovery_dtbo", image.recovery_dtbo);
    if (image.header_version >= 2) list.part("dtb", image.dtb);
    list.address("kernel_address", image.kernel_address);
    list.address("ramdisk_address", image.ramdisk_address);
    list.address("second_address", image.second_address);
    list.address("tags_address", image.tags_address);
    if (image.header_version >= 2) list.address("dtb_address", image.dtb_address);
    list.field("board", image.name);
    list.field("id", "0x" + to_hex(boot_image_id(image)));
  } else if (image.header_version >= 4) {
    list.part("signature", image.signature);
  }
  list_os_version(list, image.os_version);
  list.field("cmdline", image.cmdline);
}

void list_ramdisks(Listing& list, const VendorBootImage& image) {
  if (image.header_version == 3) return list.part("vendor_ramdisk", image.ramdisks[0].bytes);
  for (size_t i = 0; i < image.ramdisks.size(); ++i) {
    const VendorRamdisk& ramdisk = image.ramdisks[i];
    const std::string name = fmt::format("vendor_ramdisk{:02}", i);
    const std::string_view type = name_of_vendor_ramdisk_type(ramdisk.type);
    list.part(name, ramdisk.bytes);
    list.field(name + "_type", type.empty() ? fmt::format("{}", ramdisk.type) : std::string(type));
    list.field(name + "_name", ramdisk.name);
    std::string id;
    for (uint32_t word : ramdisk.board_id)
      id += fmt::format("{}{:#x}", id.empty() ? "" : " ", word);
    list.field(name + "_board_id", id);
  }
}

void list(Listing& list, const VendorBootImage& image) {
  list.field("kind", "vendor_boot");
  list.number("header_version", image.header_version);
  list.number("page_size", image.page_size);
  list_ramdisks(list, image);
  list.part("dtb", image.dtb);
  if (image.header_version >= 4) list.part("bootconfig", image.bootconfig);
  list.address("kernel_address", image.kernel_address);
  list.address("ramdisk_address", image.ramdisk_address);
  list.address("tags_address", image.tags_address);
  list.address("dtb_address", image.dtb_address);
  list.field("board", image.name);
  list.field("cmdline", image.cmdline);
}

void write_parts(const std::vector<Part>& parts, const std::string& folder) {
  if (std::filesystem::exists(folder)) {
    throw Error(fmt::format("cannot write '{}': it exists", folder));
  }
  OutputFolder out(folder);
  for (const Part& part : parts) {
    if (!part.bytes.empty()) write_file(out.partial() + '/' + part.name, part.bytes);
  }
  out.commit();
}

void unpack(const std::string& path, const std::string& folder, std::ostream& out) {
  const std::string bytes = read_file(path);
  Faults faults;
  with_context(fmt::format("'{}'", path), [&] {
    const ParsedBootImage parsed = parse_boot_image(as_bytes(bytes), faults);
    Listing listing;
    std::visit([&](const auto& image) { list(listing, image); }, parsed.image);
    listing.number("image_size", parsed.size_bytes);
    out << listing.text;
    if (!folder.empty()) write_parts(listing.parts, folder);
    faults.throw_if_any();
  });
}

}  // namespace

void add_unpack_bootimg_command(CLI::App& app, Run& chosen) {
  struct Options {
    std::string image, out;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "unpack-bootimg", "Check an Android boot or vendor boot image, list its fields");
  command->add_option("IMAGE", options->image, "the image")->required();
  command->add_option("--out", options->out, "a folder to make, with a file for each part")
      ->option_text("DIR");
  command->footer(
      "A line a field: name, tab, value. Then what loaders read over but should not be is named,\n"
      "such as an id that is not of these parts, and the exit status is 1.\n\n"
      "Examples:\n"
      "  intaglio unpack-bootimg boot.img\n"
      "  intaglio unpack-bootimg vendor_boot.img --out parts");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      unpack(options->image, options->out, io.out);
      return 0;
    };
  });
}

}  // namespace builder
