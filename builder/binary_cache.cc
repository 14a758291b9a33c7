// SPDX-License-Identifier: Apache-2.0
//
// Binary caches in a folder, as `nix copy --to file://…` makes them (Nix,
// libstore/binary-cache-store.cc).
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "builder/closure_source.h"
#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "builder/text.h"
#include "imagefmt/base/parallel.h"
#include "imagefmt/base/workers.h"
#include "imagefmt/folder.h"
#include "imagefmt/nar/nar.h"
#include "imagefmt/unpacked_stream.h"

namespace builder {

using namespace imagefmt;

namespace {

constexpr uint64_t kMaxInfoBytes = 16 << 20;
constexpr std::string_view kSuffix = ".narinfo";

void check_cache_info(const std::string& folder) {
  const std::string file = folder + "/nix-cache-info", text = read_file(file, kMaxInfoBytes);
  constexpr std::string_view kKey = "StoreDir: ";
  LineReader lines(text);
  for (std::string_view line; lines.next(line);) {
    if (!line.starts_with(kKey) || line.substr(kKey.size()) == kStoreFolder) continue;
    throw Error(fmt::format("{}:{}: a cache of the store {}, expected {}", file, lines.number(),
                            in_quotes(line.substr(kKey.size())), kStoreFolder));
  }
}

std::string_view hash_of(std::string_view store_path) {
  return base_name_of(store_path).substr(0, kStoreHashLength);
}

/// Finds the cache's store paths: a toplevel and what it refers to, or all.
class Survey {
 public:
  Survey(const std::string& folder, const SourceOptions& options)
      : folder_(folder), options_(options) {}

  std::vector<NarInfo> take() {
    if (options_.toplevel.empty()) {
      for (const std::string& name : list_folder(folder_)) {
        if (name.ends_with(kSuffix)) want(name.substr(0, name.size() - kSuffix.size()));
      }
    } else if (std::string fault = store_path_fault(options_.toplevel); fault.empty()) {
      want(std::string(hash_of(options_.toplevel)));
    } else {
      throw Error(
          fmt::format("cannot use {} as the toplevel: {}", in_quotes(options_.toplevel), fault));
    }
    for (size_t next = 0; next < pending_.size(); ++next) {
      const std::string hash = pending_[next];
      try {
        read(hash);
      } catch (const Error& error) {
        faults_.add(error.what());
      }
    }
    if (found_.empty() && faults_.empty() && options_.toplevel.empty()) {
      faults_.add(fmt::format("cannot read '{}': it has no *{}", folder_, kSuffix));
    }
    faults_.throw_if_any();
    std::ranges::sort(found_, {}, [](const NarInfo& narinfo) { return narinfo.info.path; });
    return std::move(found_);
  }

 private:
  void want(std::string hash) {
    if (wanted_.insert(hash).second) pending_.push_back(std::move(hash));
  }

  void read(const std::string& hash) {
    const std::string file = fmt::format("{}/{}{}", folder_, hash, kSuffix);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return;  // check_references() says who wants it
    NarInfo narinfo = parse_narinfo(read_file(file, kMaxInfoBytes), file);
    if (hash_of(narinfo.info.path) != hash) {
      throw Error(fmt::format("{}: it is of {}", file, in_quotes(narinfo.info.path)));
    }
    if (!options_.trusted_keys.empty()) check_signed(narinfo, options_.trusted_keys);
    for (const std::string& reference : narinfo.info.references) {
      if (!options_.toplevel.empty()) want(std::string(hash_of(reference)));
    }
    found_.push_back(std::move(narinfo));
  }

  const std::string& folder_;
  const SourceOptions& options_;
  std::vector<std::string> pending_;  // hashes of store paths, in the order of reading
  std::set<std::string> wanted_;
  std::vector<NarInfo> found_;
  Faults faults_;
};

/// The file of a NAR, which is what its narinfo says.
std::shared_ptr<const File> open_nar(const std::string& path, const NarInfo& narinfo) {
  const Content content = Content::from_host_file(path);
  if (narinfo.file_size_bytes && content.size_bytes() != *narinfo.file_size_bytes) {
    throw Error(fmt::format("it has {} bytes, expected {}", content.size_bytes(),
                            *narinfo.file_size_bytes));
  }
  // Before it is unpacked. Of what is not packed, the NAR's own hash says as much.
  if (narinfo.file_hash && narinfo.compression != "none") {
    if (const std::string hash = to_hex(digest(content)); hash != *narinfo.file_hash) {
      throw Error(fmt::format("it has the hash sha256:{}, expected sha256:{}", to_base32(hash),
                              to_base32(*narinfo.file_hash)));
    }
  }
  return std::make_shared<const File>(File::open_for_reading(path));
}

Node read_whole(NarStream& stream, const NarInfo& narinfo) {
  Nar nar =
      stream.read_nar({.depth = kDepthOfStorePaths, .size_bytes = narinfo.info.nar_size_bytes});
  if (!stream.at_end()) {
    throw Error(fmt::format("offset {}: more bytes behind the NAR", stream.offset()));
  }
  check_nar(narinfo.info, nar.sum);
  return std::move(nar.node);
}

/// `spool` is made when something is put into it.
Node read_one(const std::string& folder, const NarInfo& narinfo, std::optional<Spool>& spool,
              const SourceOptions& options) {
  const std::string path = folder + '/' + narinfo.url;
  return with_context(
      fmt::format("cannot read '{}' for {}", path, in_quotes(narinfo.info.path)), [&] {
        const std::shared_ptr<const File> file = open_nar(path, narinfo);
        FileByteStream bytes(file);
        if (narinfo.compression == "none") {
          NarStream stream(bytes, DataFile{file, file->status().st_mtim});
          return read_whole(stream, narinfo);
        }
        const std::unique_ptr<ByteStream> unpacked = unpacked_stream(bytes, narinfo.compression);
        if (!unpacked) {
          throw Error(fmt::format("compressed with {}, expected none, {}",
                                  in_quotes(narinfo.compression), unpacked_compressions()));
        }
        if (!spool) spool.emplace(spool_folder_of(options));
        Unfolding unfolding(file->size_bytes());
        NarStream stream(*unpacked, *spool, unfolding);
        return read_whole(stream, narinfo);
      });
}

}  // namespace

StoreContents read_binary_cache(const std::string& folder, const SourceOptions& options) {
  check_cache_info(folder);
  const std::vector<NarInfo> narinfos = Survey(folder, options).take();
  std::vector<StorePathInfo> paths;
  for (const NarInfo& narinfo : narinfos) paths.push_back(narinfo.info);
  Faults faults;
  check_references(paths, folder, faults);
  if (!options.toplevel.empty() && !find_store_path(paths, options.toplevel)) {
    faults.add(fmt::format("cannot use {} as the toplevel: it is not in '{}'",
                           in_quotes(options.toplevel), folder));
  }
  faults.throw_if_any();

  const unsigned jobs = job_count(options.jobs);
  std::vector<std::optional<Spool>> spools(jobs);
  std::vector<Node> nodes;
  {
    Workers workers(jobs);
    std::vector<std::future<Node>> results;
    for (const NarInfo& narinfo : narinfos) {
      results.push_back(workers.submit(
          [&](unsigned worker) { return read_one(folder, narinfo, spools[worker], options); }));
    }
    for (std::future<Node>& result : results) {
      try {
        nodes.push_back(result.get());
      } catch (const Error& error) {
        faults.add(error.what());
      }
    }
  }
  faults.throw_if_any();
  for (std::optional<Spool>& spool : spools) {
    if (spool) spool->flush();
  }
  return store_contents(std::move(paths), std::move(nodes), options.jobs);
}

}  // namespace builder
