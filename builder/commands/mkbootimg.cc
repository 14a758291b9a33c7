// SPDX-License-Identifier: Apache-2.0
#include "builder/mkbootimg.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/text.h"
#include "imagefmt/base/digest.h"

namespace builder {

namespace {

struct Options {
  MkbootimgOptions image;
  bool print_id = false;
  /// What is said of the next --vendor_ramdisk_fragment.
  imagefmt::VendorRamdisk next;
  bool is_named = false, is_open = false;
};

template <class Number>
void add_number(CLI::App& command, const std::string& name, Number& into, const std::string& what) {
  command
      .add_option_function<std::string>(
          name,
          [&into, name](const std::string& text) {
            into =
                static_cast<Number>(parse_number(text, name, std::numeric_limits<Number>::max()));
          },
          what)
      ->option_text("NUMBER");
}

void add_parts(CLI::App& command, MkbootimgOptions& image) {
  const struct {
    const char* name;
    std::string& file;
    const char* what;
  } kFiles[] = {
      {"--kernel", image.kernel, "the kernel"},
      {"--ramdisk", image.ramdisk, "the ramdisk"},
      {"--second", image.second, "a second stage of the loader (versions 0 to 2)"},
      {"--dtb", image.dtb, "the device tree (version 2, or in vendor_boot)"},
      {"--vendor_ramdisk", image.vendor_ramdisk, "the first ramdisk of vendor_boot"},
      {"--vendor_bootconfig", image.vendor_bootconfig, "the bootconfig of vendor_boot (version 4)"},
  };
  for (const auto& [name, file, what] : kFiles) {
    command.add_option(name, file, what)->option_text("FILE");
  }
  CLI::Option* dtbo = command.add_option("--recovery_dtbo", image.recovery_dtbo,
                                         "the recovery system's DTBO (versions 1 and 2)");
  dtbo->option_text("FILE");
  command.add_option("--recovery_acpio", image.recovery_dtbo, "its ACPIO, in the same place")
      ->option_text("FILE")
      ->excludes(dtbo);
}

void add_fields(CLI::App& command, MkbootimgOptions& image) {
  add_number(command, "--header_version", image.header_version, "0 to 4 (default 0)");
  command.add_option("--cmdline", image.cmdline, "the kernel's command line")->option_text("TEXT");
  command.add_option("--vendor_cmdline", image.vendor_cmdline, "that of vendor_boot")
      ->option_text("TEXT");
  BootAddresses& addresses = image.addresses;
  add_number(command, "--base", addresses.base, "what offsets count from (default 0x10000000)");
  add_number(command, "--kernel_offset", addresses.kernel_offset, "(default 0x8000)");
  add_number(command, "--ramdisk_offset", addresses.ramdisk_offset, "(default 0x1000000)");
  add_number(command, "--second_offset", addresses.second_offset, "(default 0xf00000)");
  add_number(command, "--dtb_offset", addresses.dtb_offset, "(default 0x1f00000)");
  add_number(command, "--tags_offset", addresses.tags_offset, "(default 0x100)");
  add_number(command, "--pagesize", image.page_size,
             "2048, 4096, 8192 or 16384 (default 2048; a boot image from version 3 on has 4096)");
  command.add_option("--os_version", image.os_version, "of the system")->option_text("A[.B[.C]]");
  command.add_option("--os_patch_level", image.os_patch_level, "of the system")
      ->option_text("YYYY-MM[-DD]");
  command.add_option("--board", image.board, "the board's name, at most 15 bytes")
      ->option_text("NAME");
}

/// Each is taken where it stands: a fragment takes what was said before it.
void add_fragments(CLI::App& command, Options& options) {
  auto add = [&](const std::string& name, auto take, const std::string& what, const char* value) {
    command
        .add_option_function<std::string>(
            name,
            [&options, take](const std::string& text) {
              options.is_open = true;
              take(text);
            },
            what)
        ->trigger_on_parse()
        ->option_text(value);
  };
  add(
      "--ramdisk_type",
      [&options](const std::string& text) {
        const std::optional<uint32_t> type = imagefmt::find_vendor_ramdisk_type(text);
        options.next.type =
            type ? *type : static_cast<uint32_t>(parse_number(text, "--ramdisk_type", UINT32_MAX));
      },
      "of the next fragment: none, platform, recovery, dlkm or a number (default none)", "TYPE");
  add(
      "--ramdisk_name",
      [&options](const std::string& text) {
        options.next.name = text;
        options.is_named = true;
      },
      "of the next fragment, at most 31 bytes", "NAME");
  for (size_t i = 0; i < options.next.board_id.size(); ++i) {
    const std::string name = fmt::format("--board_id{}", i);
    add(
        name,
        [&options, i, name](const std::string& text) {
          options.next.board_id[i] = static_cast<uint32_t>(parse_number(text, name, UINT32_MAX));
        },
        "of the next fragment (default 0)", "NUMBER");
  }
  add(
      "--vendor_ramdisk_fragment",
      [&options](const std::string& file) {
        if (!options.is_named) {
          throw imagefmt::UsageError(fmt::format(
              "--vendor_ramdisk_fragment {} needs a --ramdisk_name before it", in_quotes(file)));
        }
        options.image.fragments.push_back({file, std::exchange(options.next, {})});
        options.is_named = options.is_open = false;
      },
      "a further ramdisk of vendor_boot (version 4)", "FILE");
}

}  // namespace

void add_mkbootimg_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("mkbootimg", "Make an Android boot image, as AOSP's mkbootimg does");
  add_parts(*command, options->image);
  add_fields(*command, options->image);
  add_fragments(*command, *options);
  command->add_option("-o,--output", options->image.output, "the boot image to write")
      ->option_text("IMAGE");
  command->add_option("--vendor_boot", options->image.vendor_boot, "the vendor boot image to write")
      ->option_text("IMAGE");
  command->add_flag("--id", options->print_id, "print the boot image's id (versions 0 to 2)");
  command->footer(
      "Refused is what the header cannot hold, and parts that would be loaded over each other.\n\n"
      "Examples:\n"
      "  intaglio mkbootimg --kernel Image.gz-dtb --ramdisk initrd --base 0 --pagesize 4096 \\\n"
      "      --cmdline \"$(cat out/cmdline)\" --output boot.img\n"
      "  intaglio mkbootimg --header_version 4 --kernel Image.lz4 --output boot.img --dtb "
      "board.dtb "
      "\\\n"
      "      --ramdisk_name modules --ramdisk_type dlkm --vendor_ramdisk_fragment modules.cpio \\\n"
      "      --vendor_boot vendor_boot.img");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      if (options->is_open) {
        throw imagefmt::UsageError(
            "--ramdisk_type, --ramdisk_name and --board_id must stand before a "
            "--vendor_ramdisk_fragment");
      }
      const auto id = mkbootimg(options->image);
      if (options->print_id && id) io.out << "0x" << imagefmt::to_hex(*id) << '\n';
      return 0;
    };
  });
}

}  // namespace builder
