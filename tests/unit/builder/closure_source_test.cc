// SPDX-License-Identifier: Apache-2.0
#include "builder/closure_source.h"

#include <archive.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "builder/closure.h"
#include "builder/store_name.h"
#include "imagefmt/dump.h"
#include "tests/support/nar_bytes.h"
#include "tests/support/packed.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"

namespace builder {
namespace {

using imagefmt::as_bytes;
using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::Node;
using imagefmt::write_file;
using tests::error_of;
using tests::nar_number;
using tests::nar_strings;
using tests::TarEntry;

/// A store of two paths, and what it can be read from.
class ClosureSources : public ::testing::Test {
 public:
  ClosureSources() {
    auto file = [&](const std::string& path, const std::string& text, uint16_t mode) {
      tree_.insert(path, imagefmt::make_regular(Content::from_bytes(text), mode));
    };
    file(lib_ + "/bin/run", "#!", 0555);
    file(lib_ + "/share/text", std::string(300'000, 't'), 0444);
    file(lib_ + "/share/nothing", "", 0444);
    tree_.insert(lib_ + "/up", imagefmt::make_symlink("share"));
    file(system_ + "/init", "init", 0555);
    file(system_ + "/nixos-version", "24.11", 0444);
    imagefmt::walk(tree_, [](const std::string& path, Node& node) {
      if (node.directory() && path.size() > kStoreFolder.size()) node.mode = 0555;
    });
    std::filesystem::create_directory(cache());
    std::filesystem::create_directory(cache() + "/nar");
  }

  std::string nar_of(const std::string& path) const {
    std::string bytes;
    imagefmt::write_nar(*tree_.find(path),
                        [&](imagefmt::ByteView part) { bytes += imagefmt::as_text(part); });
    return bytes;
  }
  static std::string hash_of(std::string_view bytes) {
    return imagefmt::to_hex(imagefmt::sha256(bytes));
  }
  std::vector<std::string> references_of(const std::string& path) const {
    return path == system_ ? std::vector<std::string>{lib_} : std::vector<std::string>{};
  }

  // A binary cache.
  std::string cache() const { return folder_ / "cache"; }
  std::string info_file(const std::string& path) const {
    return fmt::format("{}/{}.narinfo", cache(), base_name_of(path).substr(0, kStoreHashLength));
  }
  std::string nar_file(const std::string& path) const {
    return fmt::format("{}/nar/{}.nar", cache(), package_name_of(path));
  }
  void cache_path(const std::string& path, const std::string& compression = "none",
                  int (*filter)(archive*) = nullptr) const {
    const std::string nar = nar_of(path), packed = filter ? tests::pack(filter, nar) : nar;
    write_file(nar_file(path), packed);
    std::string references;
    for (const std::string& reference : references_of(path)) references += base_name_of(reference);
    write_file(info_file(path),
               fmt::format("StorePath: {}\nURL: nar/{}.nar\nCompression: {}\nFileHash: "
                           "sha256:{}\nFileSize: {}\nNarHash: sha256:{}\nNarSize: {}\nReferences: "
                           "{}\n",
                           path, package_name_of(path), compression, hash_of(packed), packed.size(),
                           hash_of(nar), nar.size(), references));
  }
  void make_cache() const {
    write_file(cache() + "/nix-cache-info", "StoreDir: /nix/store\n");
    cache_path(lib_);
    cache_path(system_);
  }
  static void edit(const std::string& file, std::string_view from, std::string_view to) {
    std::string text = imagefmt::read_file(file);
    ASSERT_NE(text.find(from), text.npos) << from;
    text.replace(text.find(from), from.size(), to);
    write_file(file, text);
  }

  // A tar.
  std::string registration() const {
    std::string text;
    for (const std::string& path : {lib_, system_}) {
      const std::string nar = nar_of(path);
      text += fmt::format("{}\n{}\n{}\n\n{}\n", path, hash_of(nar), nar.size(),
                          references_of(path).size());
      for (const std::string& reference : references_of(path)) text += reference + '\n';
    }
    return text;
  }
  std::vector<TarEntry> tar_entries(const std::string& prefix = "") const {
    std::vector<TarEntry> entries = {{.name = prefix + "registration", .data = registration()}};
    imagefmt::walk(tree_, [&](const std::string& path, const Node& node) {
      if (path.size() <= kStoreFolder.size()) return;
      TarEntry entry{.name = prefix + path.substr(1)};
      entry.uid = "0001750";
      if (node.directory()) entry.type = '5';
      if (node.mode == 0555) entry.mode = "0000700";
      if (node.symlink()) {
        entry.type = '2';
        entry.link = node.symlink()->target;
      }
      if (node.regular()) entry.data = node.regular()->content.read_all();
      entries.push_back(entry);
    });
    return entries;
  }
  std::string tar(const std::string& bytes) const {
    write_file(folder_ / "store.tar", bytes);
    return folder_ / "store.tar";
  }

  // An export.
  std::string exported(const std::string& path) const {
    std::string bytes = nar_number(1) + nar_of(path) + nar_number(0x4558494e) +
                        nar_strings({path}) + nar_number(references_of(path).size());
    for (const std::string& reference : references_of(path)) bytes += nar_strings({reference});
    return bytes + nar_strings({""}) + nar_number(0);
  }
  std::string export_file(const std::string& bytes) const {
    write_file(folder_ / "export", bytes);
    return folder_ / "export";
  }

  Closure read(const std::string& source, const std::string& toplevel = "") const {
    return read_closure(source, {.toplevel = toplevel, .spool_folder = folder_.path()});
  }
  std::string refusal(const std::string& source, const std::string& toplevel = "") const {
    return error_of([&] { read(source, toplevel); });
  }

  /// All that a build goes by.
  void expect_same(const Closure& closure, size_t paths = 2) const {
    EXPECT_EQ(closure.toplevel, system_);
    ASSERT_EQ(closure.paths.size(), paths);
    EXPECT_EQ(imagefmt::dump(closure.store), imagefmt::dump(tree_));
    EXPECT_TRUE(closure.store == tree_);
    for (const std::string& path : {lib_, system_}) {
      const StorePathInfo* info = find_store_path(closure.paths, path);
      ASSERT_TRUE(info);
      EXPECT_EQ(info->nar_hash, hash_of(nar_of(path)));
      EXPECT_EQ(info->nar_size_bytes, nar_of(path).size());
      EXPECT_EQ(info->references, references_of(path));
    }
    EXPECT_EQ(closure.store.find(lib_ + "/share/text")->regular()->content.id(),
              imagefmt::content_id("nar " + hash_of(nar_of(lib_)) + "/share/text"));
  }

 protected:
  const std::string lib_ = "/nix/store/" + std::string(32, 'a') + "-lib",
                    system_ = "/nix/store/" + std::string(32, 's') + "-system";
  FileTree tree_;
  tests::TempDir folder_;
};

TEST_F(ClosureSources, ABinaryCacheIsTheStore) {
  make_cache();
  expect_same(read(cache()));
  const struct {
    const char* name;
    int (*filter)(archive*);
  } kFilters[] = {{"xz", archive_write_add_filter_xz},
                  {"zstd", archive_write_add_filter_zstd},
                  {"bzip2", archive_write_add_filter_bzip2},
                  {"gzip", archive_write_add_filter_gzip},
                  {"lz4", archive_write_add_filter_lz4}};
  for (const auto& filter : kFilters) {
    cache_path(lib_, filter.name, filter.filter);
    expect_same(read(cache()));
  }
}

TEST_F(ClosureSources, OfACacheTheToplevelsClosureIsTaken) {
  make_cache();
  const std::string other = "/nix/store/" + std::string(32, '0') + "-other";
  write_file(info_file(other), "nobody reads this");
  expect_same(read(cache(), system_));
  EXPECT_EQ(refusal(cache(), other),
            info_file(other) + ":1: expected 'Key: value', found 'nobody reads this'\n" +
                info_file(other) + ": it has no 'StorePath'\n" + info_file(other) +
                ": it has no 'URL'\n" + info_file(other) + ": it has no 'NarHash'\n" +
                info_file(other) + ": it has no 'NarSize'");
  std::filesystem::remove(info_file(other));
  EXPECT_EQ(refusal(cache(), other),
            "cannot use '" + other + "' as the toplevel: it is not in '" + cache() + "'");
  std::filesystem::remove(info_file(lib_));
  std::filesystem::remove(info_file(system_));
  EXPECT_EQ(refusal(cache()), "cannot read '" + cache() + "': it has no *.narinfo");
  EXPECT_EQ(refusal(cache(), "/etc"), "cannot use '/etc' as the toplevel: not in /nix/store");
}

TEST_F(ClosureSources, RefusesACacheThatLies) {
  make_cache();
  const std::string info = info_file(lib_), nar = nar_file(lib_);
  const std::string start = "cannot read '" + nar + "' for '" + lib_ + "': ";
  auto refused = [&](std::string_view from, std::string_view to) {
    edit(info, from, to);
    const std::string message = refusal(cache());
    make_cache();
    return message;
  };
  const std::string bytes = nar_of(lib_), size = std::to_string(bytes.size()),
                    hash = to_base32(hash_of(bytes));
  EXPECT_EQ(refused("FileSize: " + size, "FileSize: 7"),
            start + "it has " + size + " bytes, expected 7");
  EXPECT_EQ(refused("NarSize: " + size, "NarSize: 700"),
            start +
                "'/share/nothing': offset 696: 8 more bytes, where the NAR is said to have 700 "
                "in all");
  EXPECT_EQ(refused("NarSize: " + size, "NarSize: 9999999"),
            start + "its NAR has " + size + " bytes, expected 9999999");
  const std::string other = std::string(64, '0');
  EXPECT_EQ(
      refused("NarHash: sha256:" + hash_of(bytes), "NarHash: sha256:" + other),
      start + "its NAR has the hash sha256:" + hash + ", expected sha256:" + std::string(52, '0'));
  EXPECT_EQ(refused("Compression: none", "Compression: br"),
            start + "compressed with 'br', expected none, xz, zstd, bzip2, gzip, lz4");
  EXPECT_EQ(refused(lib_, system_), info + ": it is of '" + system_ + "'");
  EXPECT_EQ(refused("URL: nar/lib.nar", "URL: nar/none"),
            "cannot read '" + cache() + "/nar/none' for '" + lib_ + "': cannot stat '" + cache() +
                "/nar/none': No such file or directory");
  std::filesystem::remove(info);
  EXPECT_EQ(refusal(cache()), "cannot read '" + cache() + "': '" + system_ + "' refers to '" +
                                  lib_ + "', which is not in it");
  make_cache();
  write_file(cache() + "/nix-cache-info", "WantMassQuery: 1\nStoreDir: /gnu/store\n");
  EXPECT_EQ(refusal(cache()), cache() +
                                  "/nix-cache-info:2: a cache of the store '/gnu/store', "
                                  "expected /nix/store");
}

TEST_F(ClosureSources, RefusesNarsThatAreDamaged) {
  make_cache();
  const std::string nar = nar_file(lib_);
  const std::string start = "cannot read '" + nar + "' for '" + lib_ + "': ";
  auto damage = [&](std::string bytes) {
    write_file(nar, bytes);
    edit(info_file(lib_), "FileSize", "Was");  // nothing but the NAR tells
    edit(info_file(lib_), "FileHash", "WasHash");
    const std::string message = refusal(cache());
    make_cache();
    return message;
  };
  const std::string bytes = nar_of(lib_);
  EXPECT_EQ(damage(bytes + "more"),
            start + fmt::format("offset {}: more bytes behind the NAR", bytes.size()));
  EXPECT_EQ(damage(bytes.substr(0, 300)),
            start + "'/bin/run': offset 300: it ends, expected 4 more bytes");
  std::string changed = bytes;
  changed[bytes.size() / 2] ^= 1;
  EXPECT_EQ(damage(changed),
            start + fmt::format("its NAR has the hash sha256:{}, expected sha256:{}",
                                to_base32(hash_of(changed)), to_base32(hash_of(bytes))));

  // What is packed is judged before it is unpacked.
  cache_path(lib_, "xz", archive_write_add_filter_xz);
  std::string packed = imagefmt::read_file(nar);
  packed[packed.size() / 2] ^= 1;
  write_file(nar, packed);
  const std::string was = imagefmt::read_file(info_file(lib_));
  const std::string expected = was.substr(was.find("FileHash: sha256:") + 17, 64);
  EXPECT_EQ(refusal(cache()), start + fmt::format("it has the hash sha256:{}, expected sha256:{}",
                                                  to_base32(hash_of(packed)), to_base32(expected)));
  edit(info_file(lib_), "FileHash", "WasHash");
  EXPECT_TRUE(refusal(cache()).starts_with(start)) << refusal(cache());
}

TEST_F(ClosureSources, AsksForSignaturesByTheCommandLine) {
  make_cache();
  const std::string key = "test-1:seaYrFG8QM+/VRvzqCLOM2t1RN8irLRfb5hldbnfxB4=";
  const Ran ran = run_with(
      {"labels", "--closure", cache(), "--policy", folder_ / "none", "--trusted-public-key", key});
  EXPECT_EQ(ran.status, 1);
  auto line = [](const std::string& path) {
    return "intaglio: cannot trust '" + path + "': none of its 0 signatures is by a trusted key\n";
  };
  EXPECT_EQ(ran.err.substr(ran.err.find("intaglio: ")), line(lib_) + line(system_));
  EXPECT_EQ(
      run_with({"labels", "--closure", "x", "--policy", "y", "--trusted-public-key", "k"}).err,
      "intaglio: --trusted-public-key 'k': expected NAME:BASE64\n");
}

TEST_F(ClosureSources, ATarIsTheStore) {
  for (const char* prefix : {"", "./", "/"}) {
    const std::string bytes = tests::tar_of(tar_entries(prefix));
    expect_same(read(tar(bytes)));
    expect_same(read(tar(tests::pack(archive_write_add_filter_zstd, bytes))));
  }
}

TEST_F(ClosureSources, RefusesATarThatLies) {
  auto refused = [&](auto change) {
    std::vector<TarEntry> entries = tar_entries();
    change(entries);
    return refusal(tar(tests::tar_of(entries)));
  };
  using Entries = std::vector<TarEntry>;
  const std::string file = folder_ / "store.tar", start = "cannot read '" + file + "': ",
                    damaged = "cannot read tar '" + file + "': ";
  EXPECT_EQ(refused([](Entries&) {}), "(no error)");
  EXPECT_EQ(refused([](Entries& all) { all.erase(all.begin()); }),
            start + "neither 'registration' nor 'nix-path-registration' is at its top");
  EXPECT_EQ(refused([](Entries& all) { all.push_back({.name = "nix/store/../../etc/x"}); }),
            damaged + "'nix/store/../../etc/x': '..' in its path");
  EXPECT_EQ(refused([](Entries& all) { all.push_back(all.back()); }),
            damaged + "'" + system_.substr(1) + "/nixos-version': it stands there already");
  EXPECT_EQ(refused([](Entries& all) {
              all.push_back({.name = "etc/passwd"});
              all.push_back({.name = "nix/var/x"});
              all.push_back({.name = "nix/store/.links/x"});
            }),
            start + "'/etc' lies outside of /nix/store\n" + start +
                "'/nix/var' lies outside of /nix/store\n" + start +
                "'/nix/store/.links' is not registered");
  EXPECT_EQ(refused([](Entries& all) { all.resize(all.size() - 3); }),
            start + "'" + system_ + "' is registered, and nothing stands there");
  auto wrong = [&](const FileTree& tree, const std::string& what) {
    const imagefmt::NarSum sum = imagefmt::sum_nar(*tree.find(system_));
    return start + "'" + system_ + "': " +
           (what == "hash"
                ? "its NAR has the hash sha256:" + to_base32(imagefmt::to_hex(sum.sha256)) +
                      ", expected sha256:" + to_base32(hash_of(nar_of(system_)))
                : fmt::format("its NAR has {} bytes, expected {}", sum.size_bytes,
                              nar_of(system_).size()));
  };
  FileTree other = tree_.clone();
  other.find(system_ + "/nixos-version")->mode = 0555;
  EXPECT_EQ(refused([](Entries& all) { all.back().mode = "0000755"; }), wrong(other, "size"));
  other = tree_.clone();
  other.find(system_ + "/nixos-version")->kind = imagefmt::Regular{Content::from_bytes("25.05")};
  EXPECT_EQ(refused([](Entries& all) { all.back().data = "25.05"; }), wrong(other, "hash"));
  EXPECT_EQ(refused([](Entries& all) {
              all.back().type = '6';
              all.back().data.clear();
            }),
            start + "'" + system_ + "': '/nixos-version': expected a file, a folder or a symlink");
  EXPECT_EQ(refused([&](Entries& all) {
              all[0].data.replace(all[0].data.rfind(lib_), lib_.size(),
                                  "/nix/store/" + std::string(32, '0') + "-lib");
            }),
            file + ":registration:11: '" + system_ + "' refers to '/nix/store/" +
                std::string(32, '0') + "-lib', which is not in the closure");
  const std::string whole = tests::tar_of(tar_entries());
  EXPECT_EQ(refusal(tar(whole.substr(0, whole.size() - 1024 - 512))),
            damaged + "'" + system_.substr(1) + "/nixos-version': Truncated tar archive");
  EXPECT_EQ(refusal(tar("no tar")), damaged + "Unrecognized archive format");
}

TEST_F(ClosureSources, AnExportIsTheStore) {
  const std::string bytes = exported(lib_) + exported(system_) + nar_number(0);
  expect_same(read(export_file(bytes)));
  expect_same(read(export_file(exported(system_) + exported(lib_) + nar_number(0))));

  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
  expect_same(read(pipe));
  writer.join();
}

TEST_F(ClosureSources, RefusesAnExportThatLies) {
  const std::string file = folder_ / "export", start = "cannot read export '" + file + "': ";
  const std::string lib = exported(lib_), system = exported(system_), end = nar_number(0);
  auto refused = [&](const std::string& bytes) { return refusal(export_file(bytes)); };
  const size_t nar_size = nar_of(lib_).size();
  EXPECT_EQ(refused(lib + system), start + fmt::format("offset {}: it ends, expected 8 more bytes",
                                                       lib.size() + system.size()));
  EXPECT_EQ(refused(lib + system + end + "x"),
            start + fmt::format("offset {}: more bytes behind the export",
                                lib.size() + system.size() + 8));
  EXPECT_EQ(refused(lib + system + lib + end), start + "'" + lib_ + "' is there twice");
  EXPECT_EQ(refused(system + end), "cannot read '" + file + "': '" + system_ + "' refers to '" +
                                       lib_ + "', which is not in it");
  EXPECT_EQ(refused(lib.substr(0, 100)), start + "'/': offset 100: it ends, expected 1 more bytes");
  std::string changed = lib;
  changed.replace(8 + nar_size, 8, nar_number(5));
  EXPECT_EQ(refused(changed + end),
            start + fmt::format("offset {}: the number 0x5, expected 0x4558494e", 8 + nar_size));
  changed = lib;
  changed.replace(16 + nar_size + 8, 11, "/nix/store.");
  EXPECT_EQ(refused(changed + end),
            start + fmt::format("offset {}: bad store path '/nix/store.{}': not in /nix/store",
                                16 + nar_size, lib_.substr(11)));
  EXPECT_EQ(refused(lib + nar_number(2)),
            start + fmt::format("offset {}: the number 0x2, expected 0x1 or 0x0", lib.size()));
  EXPECT_EQ(refused(nar_number(1) + nar_strings({"nix-archive-2"})),
            start + "'/': offset 8: expected 'nix-archive-1', found 'nix-archive-2'");
}

}  // namespace
}  // namespace builder
