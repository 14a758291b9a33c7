// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_files.h"

#include <fnmatch.h>

#include <algorithm>

#include "builder/board_words.h"
#include "builder/boot_writers.h"
#include "builder/gzip.h"
#include "builder/kernel_image.h"
#include "builder/lsm.h"
#include "imagefmt/output.h"

namespace builder {

using namespace imagefmt;

namespace {

/// arm64's Image (Documentation/arch/arm64/booting.rst) and what gzip makes begin with these.
constexpr size_t kImageMagicOffset = 56;
constexpr std::string_view kImageMagic = "ARM\x64", kGzipMagic = "\x1f\x8b";
constexpr uint64_t kMaxDeviceTreeBytes = 64 << 20;

bool is_image(std::string_view kernel) {
  return kernel.size() > kImageMagicOffset &&
         kernel.substr(kImageMagicOffset).starts_with(kImageMagic);
}

}  // namespace

void check_command_line(const Board& board, const BootParts& parts) {
  const size_t limit = command_line_limit(to_text(board.arch)), size = parts.command_line.size();
  if (size > limit) {
    throw Error(
        fmt::format("the command line has {} bytes, the kernel reads at most {}", size, limit));
  }
}

std::string kernel_for(const Board& board, const BootParts& parts) {
  std::string kernel = parts.kernel.read();
  const KernelImage wanted = board.kernel_image;
  if (wanted == KernelImage::kAsBuilt) return kernel;
  if (wanted == KernelImage::kVmlinux) return vmlinux_of(as_bytes(kernel), parts.kernel.name());
  if (wanted == KernelImage::kImageGz && kernel.starts_with(kGzipMagic)) return kernel;
  if (is_image(kernel) && wanted == KernelImage::kImageGz) return gzip(as_bytes(kernel));
  if (is_image(kernel) && wanted == KernelImage::kImage) return kernel;
  throw Error(fmt::format(
      "its loader takes the kernel as {}, and this one is not an Image of arm64", spell(wanted)));
}

std::string device_tree_for(const Board& board, const BootParts& parts) {
  if (board.device_trees.size() != 1 || board.device_trees[0].find('*') != std::string::npos) {
    throw Error(fmt::format("its definition must name one device tree, and names {}",
                            board.device_trees.empty()
                                ? "none"
                                : fmt::format("'{}'", fmt::join(board.device_trees, "', '"))));
  }
  const std::string name = board.device_trees[0] + ".dtb";
  if (parts.device_trees.empty()) {
    throw Error(fmt::format("it needs the device tree '{}', and there are none", name));
  }
  return with_context("its device tree",
                      [&] { return parts.device_trees.file(name).read(kMaxDeviceTreeBytes); });
}

uint32_t time_for(const BootParts& parts) {
  if (parts.mtime < 0 || parts.mtime > UINT32_MAX) {
    throw Error(fmt::format("its files have a time before 1970 or after 2106: {}", parts.mtime));
  }
  return static_cast<uint32_t>(parts.mtime);
}

std::vector<DeviceTree> device_trees_for(const Board& board, const BootParts& parts) {
  constexpr std::string_view kSuffix = ".dtb";
  const std::string names = fmt::format("'{}'", fmt::join(board.device_trees, "', '"));
  if (parts.device_trees.empty()) {
    throw Error(fmt::format("it needs the device trees {}, and there are none", names));
  }
  std::vector<DeviceTree> found;
  for (const std::string& file : parts.device_trees.list()) {
    if (!file.ends_with(kSuffix)) continue;
    std::string name = file.substr(0, file.size() - kSuffix.size());
    const bool is_named = std::ranges::any_of(board.device_trees, [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0;
    });
    if (is_named) {
      found.push_back({std::move(name), parts.device_trees.file(file).read(kMaxDeviceTreeBytes)});
    }
  }
  if (found.empty()) {
    throw Error(fmt::format("it needs the device trees {}, and '{}' has none of them", names,
                            parts.device_trees.name()));
  }
  std::ranges::sort(found, {}, &DeviceTree::name);
  return found;
}

void check_size(const Board& board, std::string_view subject, uint64_t size_bytes) {
  if (board.max_boot_bytes && size_bytes > *board.max_boot_bytes) {
    throw Error(fmt::format("{} {} bytes, and the board takes at most {}", subject, size_bytes,
                            *board.max_boot_bytes));
  }
}

void check_size(const Board& board, const BootFile& file) {
  check_size(board, file.name + " has", file.size_bytes);
}

BootFile make_boot_file(std::string name, std::string kind, Content content) {
  BootFile file{std::move(name), std::move(kind), content.size_bytes(), {}};
  file.write = [content = std::move(content)](File& out, Reporter& reporter) {
    Stage stage(reporter, "writing boot files", content.size_bytes());
    write_content(content, 0, out, stage);
  };
  return file;
}

namespace {

struct Writer {
  BootKind kind;
  void (*add)(const Board&, const BootParts&, std::vector<BootFile>&);
};
constexpr Writer kWriters[] = {
    {BootKind::kAndroid, add_android_images},
    {BootKind::kExtlinux, add_extlinux},
    {BootKind::kBootScript, add_boot_script},
    {BootKind::kDepthcharge, add_kernel_partition},
    {BootKind::kUki, add_uki},
    {BootKind::kBls, add_boot_loader_entries},
};

}  // namespace

Content make_kernel(const Board& board, const BootParts& parts) {
  if (board.boot_kind != BootKind::kDirect || board.kernel_image == KernelImage::kAsBuilt) {
    return parts.kernel.content();
  }
  return with_context(fmt::format("cannot boot board '{}'", board.name),
                      [&] { return Content::from_bytes(kernel_for(board, parts)); });
}

std::vector<BootFile> make_boot_files(const Board& board, const BootParts& parts) {
  return with_context(fmt::format("cannot boot board '{}'", board.name), [&] {
    std::vector<BootFile> files;
    for (const Writer& writer : kWriters) {
      if (writer.kind == board.boot_kind) writer.add(board, parts, files);
    }
    return files;
  });
}

void write_boot_files(const std::vector<BootFile>& files, const std::string& folder,
                      Reporter& reporter) {
  for (const BootFile& file : files) {
    File out = File::create(folder + '/' + file.name);
    file.write(out, reporter);
  }
}

}  // namespace builder
