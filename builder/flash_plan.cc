// SPDX-License-Identifier: Apache-2.0
#include "builder/flash_plan.h"

#include <algorithm>

#include "builder/board_words.h"
#include "builder/flash_hypervisor.h"
#include "imagefmt/sparse/sparse.h"

namespace builder {

using namespace imagefmt;

namespace {

/// Nothing is made where this stands for a disk: dd is told so.
constexpr std::string_view kDisk = "/dev/DISK";
constexpr std::string_view kNameDisk =
    "/dev/DISK stands for the disk, as lsblk names it; all that is on it is lost";

class Planner {
 public:
  Planner(const Board& board, const FlashSource& source, const FlashOptions& options)
      : board_(board), source_(source), options_(options) {}

  std::vector<FlashStep> take() { return std::move(steps_); }

  void fastboot() {
    by_hand("start the device's bootloader, and let it serve fastboot");
    flash_partitions(board_.flash.partitions);
    if (board_.flash.slots == Slots::kAb) run({"fastboot", "set_active", "a"});
    run({"fastboot", "reboot"});
  }

  void fastboot_of_lk2nd() {
    by_hand(
        "start lk2nd, which is in the partition 'boot' (volume down, as the device starts): it "
        "serves "
        "fastboot, and puts what is flashed to 'boot' behind itself");
    std::vector<std::string> partitions = board_.flash.partitions;
    if (partitions.empty()) partitions = {"boot", board_.root_partition};
    flash_partitions(partitions);
    run({"fastboot", "reboot"});
  }

  void lk2nd() {
    by_hand(
        "put lk2nd of this device's SoC into the partition 'boot', by the device's own bootloader: "
        "fastboot flash boot lk2nd.img");
    fastboot_of_lk2nd();
  }

  void heimdall() {
    by_hand("start the device in download mode");
    FlashStep step;
    step.command = {"heimdall", "flash"};
    for (const std::string& partition : board_.flash.partitions) {
      const Artifact& artifact = artifact_for(partition);
      std::string option = "--" + partition;
      std::ranges::transform(option, option.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
      step.command.insert(step.command.end(), {option, path_of(artifact)});
      step.size_bytes += artifact.size_bytes;
      step.note += fmt::format("{}{}: {} bytes", step.note.empty() ? "" : ", ", partition,
                               artifact.size_bytes);
    }
    steps_.push_back(std::move(step));
  }

  void disk() {
    const Artifact& image = find("disk");
    by_hand(std::string(kNameDisk));
    FlashStep step = writing(image, "");
    step.command = {"dd",    "if=" + path_of(image), fmt::format("of={}", kDisk),
                    "bs=4M", "conv=nocreat,fsync",   "status=progress"};
    step.note = fmt::format("the disk: {} bytes{}", image.size_bytes, disk_slots());
    steps_.push_back(std::move(step));
    if (board_.disk.firmware.empty() || !board_.disk.firmware_offset) return;
    steps_.push_back({.note = fmt::format("if the build was not given it: {}, at byte {}",
                                          board_.disk.firmware, *board_.disk.firmware_offset),
                      .command = {"dd", "if=" + board_.disk.firmware, fmt::format("of={}", kDisk),
                                  fmt::format("seek={}", *board_.disk.firmware_offset),
                                  "oflag=seek_bytes", "conv=notrunc,nocreat,fsync"}});
  }

  /// The ROM takes a loader by USB (SDP), whose second stage does (SDPU), and that serves fastboot (FB).
  void uuu() {
    const Artifact& image = find("disk");
    const std::string& loader = board_.disk.firmware;
    by_hand("start the device so that its ROM waits for a loader on USB");
    run({"uuu", "SDP:", "boot", "-f", loader});
    run({"uuu", "SDPU:", "delay", "1000"});
    run({"uuu", "SDPU:", "write", "-f", loader, "-offset", "0x57c00"});
    run({"uuu", "SDPU:", "jump"});
    run({"uuu", "FB:", "ucmd", "setenv", "fastboot_dev", "mmc"});
    run({"uuu", "FB:", "ucmd", "setenv", "mmcdev", "0"});
    FlashStep step = writing(image, "");
    step.command = {"uuu", "FB:", "flash", "-raw2sparse", "all", path_of(image)};
    step.note = fmt::format("the disk: {} bytes", image.size_bytes);
    steps_.push_back(std::move(step));
    run({"uuu", "FB:", "done"});
  }

  void hypervisor() {
    steps_.push_back(start_hypervisor(board_, path_of(find("kernel")), path_of(find("initrd")),
                                      path_of(find("root")), source_.command_line, source_.folder));
  }

 private:
  void by_hand(std::string what) { steps_.push_back({.note = std::move(what)}); }
  void run(std::vector<std::string> command) {
    steps_.push_back({.note = "", .command = std::move(command)});
  }

  std::string path_of(const Artifact& artifact) const {
    return source_.folder + '/' + artifact.name;
  }
  const Artifact* find_kind(std::string_view kind) const {
    auto found = std::ranges::find(source_.artifacts, kind, &Artifact::kind);
    return found == source_.artifacts.end() ? nullptr : &*found;
  }
  const Artifact& find(std::string_view kind) const {
    if (const Artifact* artifact = find_kind(kind)) return *artifact;
    throw Error(fmt::format("'{}' has no artifact of kind '{}'", source_.folder, kind));
  }
  /// Of a device's own partitions: an image is named like the one that it is for.
  const Artifact& artifact_for(const std::string& partition) const {
    if (partition == board_.root_partition) return find("root");
    if (const Artifact* own = find_kind(partition)) return *own;
    // A file system that the loader looks for lies in the partition that the board names for it.
    const bool is_for_files = partition == "boot" || board_.boot_kind == BootKind::kExtlinux;
    const Artifact* files = is_for_files ? find_kind("bootfs") : nullptr;
    return files ? *files : find(partition);
  }

  FlashStep writing(const Artifact& artifact, std::string partition) const {
    FlashStep step;
    step.artifact = artifact.name;
    step.partition = std::move(partition);
    step.size_bytes = artifact.size_bytes;
    return step;
  }

  void flash_partitions(const std::vector<std::string>& partitions) {
    for (const std::string& partition : partitions) {
      const Artifact& artifact = artifact_for(partition);
      if (partition == board_.root_partition && board_.flash.sparse) {
        flash_sparse(artifact, partition);
        continue;
      }
      FlashStep step = writing(artifact, partition);
      step.command = {"fastboot"};
      if (board_.flash.slots == Slots::kAb && partition != board_.root_partition) {
        step.slot = "all";
        step.command.insert(step.command.end(), {"--slot", step.slot});
      }
      step.command.insert(step.command.end(), {"flash", partition, path_of(artifact)});
      step.note = fmt::format("{}: {} bytes{}", partition, artifact.size_bytes,
                              step.slot.empty() ? "" : ", to both slots");
      steps_.push_back(std::move(step));
    }
  }

  /// As one sparse image, or as many as the device's limit asks for.
  void flash_sparse(const Artifact& artifact, const std::string& partition) {
    const std::string sparse = partition + ".simg", limit = std::to_string(max_bytes());
    const SparseImage whole = plan_sparse(File::open_for_reading(path_of(artifact)), {});
    if (sparse_size_bytes(whole) <= max_bytes()) {
      run({"intaglio", "sparse", path_of(artifact), sparse});
      flash_piece(artifact, partition, sparse, sparse_size_bytes(whole), "");
      return;
    }
    run({"intaglio", "sparse", path_of(artifact), sparse, "--max-size", limit});
    const std::vector<SparseImage> pieces = split_sparse(whole, max_bytes());
    for (size_t i = 0; i < pieces.size(); ++i) {
      flash_piece(artifact, partition, fmt::format("{}.{}", sparse, i),
                  sparse_size_bytes(pieces[i]), fmt::format(", {} of {}", i + 1, pieces.size()));
    }
  }
  void flash_piece(const Artifact& artifact, const std::string& partition, const std::string& file,
                   uint64_t size_bytes, const std::string& which) {
    FlashStep step = writing(artifact, partition);
    step.size_bytes = size_bytes;
    step.command = {"fastboot", "flash", partition, file};
    step.note = fmt::format("{}: {} bytes{}", partition, size_bytes, which);
    steps_.push_back(std::move(step));
  }

  uint64_t max_bytes() const { return options_.max_download_bytes; }

  std::string disk_slots() const {
    if (board_.flash.slots == Slots::kStock) {
      return "; the maker's own slots are gone with what was there";
    }
    if (board_.flash.slots == Slots::kKernelPartitions) {
      return "; the priority of its kernel partition is in its table";
    }
    return "";
  }

  const Board& board_;
  const FlashSource& source_;
  const FlashOptions& options_;
  std::vector<FlashStep> steps_;
};

struct Way {
  FlashMethod method;
  void (Planner::*plan)();
};
constexpr Way kWays[] = {{FlashMethod::kFastboot, &Planner::fastboot},
                         {FlashMethod::kFastbootOfLk2nd, &Planner::fastboot_of_lk2nd},
                         {FlashMethod::kLk2nd, &Planner::lk2nd},
                         {FlashMethod::kHeimdall, &Planner::heimdall},
                         {FlashMethod::kDisk, &Planner::disk},
                         {FlashMethod::kUuu, &Planner::uuu},
                         {FlashMethod::kHypervisor, &Planner::hypervisor}};

FlashMethod choose_method(const Board& board, const FlashOptions& options) {
  const std::vector<FlashMethod>& methods = board.flash.methods;
  if (methods.empty()) throw Error("its definition names no way to flash it");
  if (!options.method) return methods[0];
  if (std::ranges::find(methods, *options.method) != methods.end()) return *options.method;
  std::vector<std::string> words;
  for (FlashMethod method : methods) words.emplace_back(spell(method));
  throw Error(
      fmt::format("it is not flashed by {}, but by {}", spell(*options.method), one_of(words)));
}

}  // namespace

FlashPlan plan_flashing(const Board& board, const FlashSource& source,
                        const FlashOptions& options) {
  return with_context(fmt::format("cannot plan how to flash board '{}'", board.name), [&] {
    FlashPlan plan{board.name, board.description, choose_method(board, options),
                   {},         board.flash.slots, {}};
    for (FlashMethod method : board.flash.methods) {
      if (method != plan.method) plan.others.push_back(method);
    }
    Planner planner(board, source, options);
    (planner.*std::ranges::find(kWays, plan.method, &Way::method)->plan)();
    plan.steps = planner.take();
    return plan;
  });
}

}  // namespace builder
