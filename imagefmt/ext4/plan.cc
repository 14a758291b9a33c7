// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/plan.h"

#include <algorithm>

#include "imagefmt/base/parallel.h"
#include "imagefmt/ext4/survey.h"
#include "imagefmt/identity.h"
#include "imagefmt/node_faults.h"

namespace imagefmt {

using namespace ext4;

namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{UINT32_MAX} * kBlockSize;
constexpr uint64_t kFreeBytesPerInode = 16384;  // as mke2fs counts
constexpr uint32_t kInodeSizes[] = {256, 512, 1024};

/// As mke2fs chooses by the blocks of the file system (ext2fs_default_journal_size).
uint32_t journal_blocks(uint64_t blocks) {
  static constexpr std::pair<uint64_t, uint32_t> kSizes[] = {
      {32768, 1024},       {256 << 10, 4096},    {512 << 10, 8192},    {4096 << 10, 16384},
      {8192 << 10, 32768}, {16384 << 10, 65536}, {32768 << 10, 131072}};
  for (const auto& [below, size] : kSizes) {
    if (blocks < below) return size;
  }
  return 262144;
}

std::vector<std::string> faults_of(const Node& node) {
  std::vector<std::string> faults = common_faults(node, "ext4");
  if (node.mtime < kMinTime || node.mtime > kMaxTime) {
    faults.push_back(
        fmt::format("time {} does not fit, ext4 holds {} to {}", node.mtime, kMinTime, kMaxTime));
  }
  if (const Regular* file = node.regular(); file && file->content.size_bytes() > kMaxFileBytes) {
    faults.push_back(fmt::format("a file of {} bytes does not fit, ext4 holds {}",
                                 file->content.size_bytes(), kMaxFileBytes));
  }
  if (std::string fault = xattr_fault(node); !fault.empty()) faults.push_back(std::move(fault));
  return faults;
}

/// Throws unless the format can hold every node. Their number.
uint64_t check_tree(const FileTree& tree) {
  Faults faults;
  const uint64_t inodes = find_faults(tree, faults_of, faults);
  faults.throw_if_any();
  if (inodes > UINT32_MAX - kMaxGroupItems) {
    throw Error(
        fmt::format("cannot write {} inodes: ext4 holds {}", inodes, UINT32_MAX - kMaxGroupItems));
  }
  return inodes;
}

/// Gives each node its number, and finds the sets of xattrs.
class Numbering {
 public:
  Numbering(Plan& plan, uint64_t inodes) : plan_(plan) { plan_.inodes.reserve(inodes); }
  void run(const Node& root) {
    add(root, 0);
    add_entries(0);
  }

 private:
  void add(const Node& node, uint32_t parent) {
    plan_.inodes.push_back(
        {.node = &node, .parent = parent, .xattr_set = plan_.attributes.add(node)});
  }
  void add_entries(uint32_t index) {
    const Directory& directory = *plan_.inodes[index].node->directory();
    const uint32_t first = low32(plan_.inodes.size());
    plan_.inodes[index].first_child = first;
    for (const Entry& entry : directory.entries) add(entry.node, index);
    for (uint32_t i = 0; i < directory.entries.size(); ++i) {
      if (directory.entries[i].node.directory()) add_entries(first + i);
    }
  }

  Plan& plan_;
};

/// The blocks of files: a run for each piece that is no hole. Their physical place is that in the
/// region of files.
class FilePlanner {
 public:
  FilePlanner(Plan& plan, const Ext4Options& options, const KnownFiles* known)
      : plan_(plan), options_(options), known_(known) {}

  void run() {
    for (uint32_t i = 0; i < plan_.inodes.size(); ++i) {
      const Regular* file = plan_.inodes[i].node->regular();
      if (!file) continue;
      files_.push_back(i);
      if (known_) plan_.inodes[i].known = known_->find(file->content);
    }
    if (options_.share_data) find_shared();
    survey_large();
    for (size_t i = 0, large = 0; i < files_.size(); ++i) {
      const bool is_shared = !first_.empty() && first_[i] != i;
      PlannedInode& inode = plan_.inodes[files_[i]];
      const bool is_surveyed = large < large_.size() && large_[large] == i;
      if (is_shared) {
        const PlannedInode& first = plan_.inodes[files_[first_[i]]];
        inode.first_run = first.first_run;
        inode.run_count = first.run_count;
      } else {
        append(inode, inode.known   ? known_->data_of(*inode.known)
                      : is_surveyed ? std::move(surveyed_[large])
                                    : find_data(content(i)));
      }
      large += is_surveyed;
    }
    if (options_.journal) add_journal();
    plan_.files.block_count = next_;
  }

 private:
  const Content& content(size_t file) const {
    return plan_.inodes[files_[file]].node->regular()->content;
  }

  void find_shared() {
    std::vector<const Content*> contents;
    contents.reserve(files_.size());
    for (size_t i = 0; i < files_.size(); ++i) contents.push_back(&content(i));
    std::vector<KnownPlace> places;
    if (known_) {
      for (const uint32_t file : files_) {
        const KnownFile* known = plan_.inodes[file].known;
        places.push_back(known ? known_->place_of(*known) : kUnknownPlace);
      }
    }
    first_ = find_equal(contents, places, options_.jobs);
  }

  void survey_large() {
    for (size_t i = 0; i < files_.size(); ++i) {
      if (content(i).size_bytes() >= kSparseFileBytes && !plan_.inodes[files_[i]].known) {
        large_.push_back(i);
      }
    }
    surveyed_.resize(large_.size());
    parallel_for(options_.jobs, large_.size(), [&](size_t i) {
      const size_t file = large_[i];
      if (first_.empty() || first_[file] == file) surveyed_[i] = find_data(content(file));
    });
  }

  void add_journal() {
    const uint32_t count =
        journal_blocks(plan_.directories.block_count + plan_.symlinks.block_count + next_ +
                       blocks_of(options_.free_space_bytes));
    plan_.journal_node = std::make_unique<Node>(
        make_regular(Content::from_source(nullptr, uint64_t{count} * kBlockSize), 0600));
    plan_.journal_node->mtime = options_.image_mtime;
    plan_.journal.node = plan_.journal_node.get();
    append(plan_.journal, {{0, count, 0}});
  }

  void append(PlannedInode& inode, std::vector<Run> runs) {
    inode.first_run = low32(plan_.runs.size());
    inode.run_count = low32(runs.size());
    for (Run& run : runs) {
      run.physical = next_;
      next_ += run.count;
      plan_.runs.push_back(run);
    }
  }

  Plan& plan_;
  const Ext4Options& options_;
  const KnownFiles* known_;
  std::vector<uint32_t> files_;  // indexes of inodes
  std::vector<uint32_t> first_;  // of the equal ones, among files_; empty: nothing is shared
  std::vector<size_t> large_;    // among files_: whose holes are to be looked for
  std::vector<std::vector<Run>> surveyed_;
  uint64_t next_ = 0;
};

/// Plans the blocks of directories and of symlinks that do not fit into their inodes.
void plan_metadata(Plan& plan, unsigned jobs) {
  std::vector<uint32_t> blocks(plan.inodes.size());
  constexpr size_t kPart = 4096;
  parallel_for(jobs, (blocks.size() + kPart - 1) / kPart, [&](size_t part) {
    for (size_t i = part * kPart; i < std::min(blocks.size(), (part + 1) * kPart); ++i) {
      const Node& node = *plan.inodes[i].node;
      if (const Directory* directory = node.directory()) {
        blocks[i] = plan_directory(*directory, plan.seeds).block_count();
      } else if (const Symlink* link = node.symlink()) {
        blocks[i] = link->target.size() > kMaxShortTarget;
      }
    }
  });
  auto append = [&](PlannedInode& inode, Region& region, uint32_t count) {
    inode.first_run = low32(plan.runs.size());
    inode.run_count = 1;
    plan.runs.push_back({0, count, region.block_count});
    region.block_count += count;
  };
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] == 0) continue;
    PlannedInode& inode = plan.inodes[i];
    append(inode, inode.node->directory() ? plan.directories : plan.symlinks, blocks[i]);
  }
}

/// The smallest image: larger inodes take room, and so do xattrs that do not fit into small ones.
/// Splits the xattrs for it; `demand` is without them.
Geometry choose_geometry(AttributeSets& attributes, const Demand& demand, bool can_grow) {
  Geometry best;
  for (const uint32_t inode_size : kInodeSizes) {
    attributes.split(inode_size);
    Demand all = demand;
    all.whole_blocks += attributes.block_count();
    Geometry geometry = plan_geometry(inode_size, all, can_grow);
    if (best.inode_size == 0 || geometry.block_count < best.block_count) best = std::move(geometry);
  }
  attributes.split(best.inode_size);
  return best;
}

void plan_extents(Plan& plan) {
  plan.extents.block_count = 0;
  plan.for_each([&](PlannedInode& inode) {
    inode.tree_blocks = low32(extent_block_count(plan.runs_of(inode)));
    inode.first_tree_block = plan.extents.block_count;
    plan.extents.block_count += inode.tree_blocks;
  });
}

/// Puts the regions behind each other: up to now everything was counted from the start of its own.
void place_regions(Plan& plan) {
  plan.xattrs.block_count = plan.attributes.block_count();
  uint64_t next = plan.geometry.content;
  for (Region* region :
       {&plan.directories, &plan.symlinks, &plan.extents, &plan.xattrs, &plan.files}) {
    region->first_block = next;
    next = region->end();
  }
}

/// Places the runs of files, cut in two where a copy of the superblock is in the way.
void place_files(Plan& plan) {
  const std::vector<Run> runs = std::move(plan.runs);
  plan.runs.assign(runs.begin(), runs.begin() + static_cast<ptrdiff_t>(plan.first_file_run));
  std::vector<uint32_t> numbers(runs.size() + 1);  // in the new list
  for (size_t i = plan.first_file_run; i < runs.size(); ++i) {
    numbers[i] = low32(plan.runs.size());
    for (Run rest = runs[i]; rest.count != 0;) {
      Run run = rest;
      run.physical = plan.geometry.place_of(plan.files.first_block + rest.physical);
      run.count = low32(std::min<uint64_t>(rest.count, plan.geometry.uninterrupted(run.physical)));
      plan.runs.push_back(run);
      rest = {rest.logical + run.count, rest.count - run.count, rest.physical + run.count};
    }
  }
  numbers[runs.size()] = low32(plan.runs.size());
  plan.for_each([&](PlannedInode& inode) {
    if (!inode.node->regular() || inode.run_count == 0) return;
    inode.run_count = numbers[inode.first_run + inode.run_count] - numbers[inode.first_run];
    inode.first_run = numbers[inode.first_run];
  });
}

void place_metadata(Plan& plan) {
  plan.for_each([&](PlannedInode& inode) {
    inode.xattr_block = plan.attributes.take_block(inode.xattr_set);
    inode.first_tree_block += plan.extents.first_block;
    if (inode.run_count == 0 || inode.node->regular()) return;
    plan.runs[inode.first_run].physical +=
        (inode.node->directory() ? plan.directories : plan.symlinks).first_block;
  });
}

/// Decides where everything lies. `demand` is without xattrs and extents.
void place_all(Plan& plan, Demand demand) {
  plan_extents(plan);
  const uint64_t whole_blocks = demand.whole_blocks;
  bool can_grow = demand.free_blocks != 0;
  std::vector<PlannedInode> inodes;
  const PlannedInode journal = plan.journal;
  std::vector<Run> runs;
  if (can_grow) {
    inodes = plan.inodes;
    runs = plan.runs;
  }
  for (uint64_t planned = plan.extents.block_count;;) {
    demand.whole_blocks = whole_blocks + planned;
    plan.geometry = choose_geometry(plan.attributes, demand, can_grow);
    place_regions(plan);
    place_files(plan);
    plan_extents(plan);
    if (plan.extents.block_count == planned) break;
    // Files that were cut need more extents, which moves them all. Where that mends a cut there is
    // no end of it.
    can_grow = plan.extents.block_count > planned;
    planned = plan.extents.block_count;
    plan.inodes = inodes;
    plan.journal = journal;
    plan.runs = runs;
  }
  place_metadata(plan);
}

Identity make_identity(const Digest& digest, const Ext4Options& options) {
  Identity identity;
  const Digest uuid = derive(digest, "ext4 UUID");
  std::copy_n(uuid.begin(), identity.uuid.size(), identity.uuid.begin());
  identity.uuid[6] = static_cast<uint8_t>((identity.uuid[6] & 0x0f) | 0x80);  // RFC 9562: custom
  identity.uuid[8] = static_cast<uint8_t>((identity.uuid[8] & 0x3f) | 0x80);
  identity.volume_name = options.volume_name;
  identity.time = static_cast<uint32_t>(options.image_mtime);
  identity.shared_blocks = options.share_data;
  return identity;
}

Seeds make_seeds(const Digest& digest, const Identity& identity) {
  Seeds seeds;
  seeds.checksum = crc32c(~uint32_t{0}, identity.uuid);
  const Digest hash = derive(digest, "ext4 hash seed");
  for (size_t i = 0; i < std::size(seeds.hash); ++i) {
    seeds.hash[i] = struct_at<le32>(ByteView(hash), i * sizeof(le32));
  }
  return seeds;
}

}  // namespace

void check_ext4_options(const Ext4Options& options) {
  if (options.image_mtime < 0 || options.image_mtime > UINT32_MAX) {
    throw Error(fmt::format("cannot use the image time {}: ext4 holds 0 to {}", options.image_mtime,
                            UINT32_MAX));
  }
  if (options.volume_name.size() > sizeof(Superblock::volume_name)) {
    throw Error(fmt::format("cannot use the label '{}': ext4 holds {} bytes", options.volume_name,
                            sizeof(Superblock::volume_name)));
  }
  if (options.share_data && options.free_space_bytes != 0) {
    throw Error("cannot share data in an image with free space: it cannot be written to");
  }
  if (options.journal && options.free_space_bytes == 0) {
    throw Error("cannot give an image without free space a journal: nobody writes to it");
  }
}

namespace ext4 {

Plan make_plan(const FileTree& tree, const Ext4Options& options, const KnownFiles* known) {
  check_ext4_options(options);
  const uint64_t inodes = check_tree(tree);
  Plan plan;
  const Digest digest = identity_of(tree, options.identity);
  plan.identity = make_identity(digest, options);
  plan.seeds = make_seeds(digest, plan.identity);

  Numbering(plan, inodes).run(tree.root());
  const uint64_t used_inodes = kFirstInode - 1 + (inodes - 1);
  const uint64_t wanted_inodes = used_inodes + options.free_space_bytes / kFreeBytesPerInode;
  plan_metadata(plan, options.jobs);
  plan.first_file_run = plan.runs.size();
  FilePlanner(plan, options, known).run();
  place_all(plan, {.inodes = wanted_inodes,
                   .used_inodes = used_inodes,
                   .whole_blocks = plan.directories.block_count + plan.symlinks.block_count,
                   .file_blocks = plan.files.block_count,
                   .free_blocks = blocks_of(options.free_space_bytes)});
  if (options.max_size_bytes != 0 && plan.geometry.size_bytes() > options.max_size_bytes) {
    throw Error(fmt::format("cannot make an ext4 image of {} bytes: it has room for {}",
                            plan.geometry.size_bytes(), options.max_size_bytes));
  }
  return plan;
}

}  // namespace ext4

uint64_t planned_ext4_size(const FileTree& tree, const Ext4Options& options) {
  return make_plan(tree, options, nullptr).geometry.size_bytes();
}

}  // namespace imagefmt
