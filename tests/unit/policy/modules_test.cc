// SPDX-License-Identifier: Apache-2.0
#include "policy/modules.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using imagefmt::write_file;
using tests::error_of;
using tests::TempDir;
namespace fs = std::filesystem;

void write_at(const std::string& path, std::string_view bytes) {
  fs::create_directories(fs::path(path).parent_path());
  write_file(path, bytes);
}

/// `bytes`, compressed by libarchive's filter of this name.
std::string compressed(const std::string& filter, const std::string& bytes) {
  std::string out(bytes.size() + (1 << 20), '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_add_filter_by_name(writer, filter.c_str());
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
  archive_write_header(writer, entry);
  archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

/// Without our own.
std::vector<std::string> listed(const ModuleSources& sources) {
  std::vector<std::string> lines;
  for (const Module& module : load_modules(sources, 2)) {
    if (module.priority == kNixosPriority) continue;
    lines.push_back(module.name + (module.form == ModuleForm::kCil ? " cil " : " pp ") +
                    std::to_string(module.priority) + " " + module.bytes);
  }
  return lines;
}

TEST(Modules, AreFoundAtAnyDepthAndSorted) {
  TempDir folder;
  write_at(folder / "b.pp", "B");
  write_at(folder / "x/y/a.cil", "A");
  write_at(folder / "x/c.pp.bz2", compressed("bzip2", "C"));
  for (const char* other : {"README", "x/contexts", "x/.pp", ".cil", "x/d.pp.bak", "pp", "e.bz2"}) {
    write_at(folder / other, "no module");
  }
  EXPECT_EQ(listed({folder.path(), {}, {}}),
            (std::vector<std::string>{"a cil 100 A", "b pp 100 B", "c pp 100 C"}));
}

TEST(Modules, AreDecompressed) {
  for (auto [filter, suffix] :
       {std::pair("bzip2", ".bz2"), std::pair("gzip", ".gz"), std::pair("xz", ".xz"),
        std::pair("lzma", ".lzma"), std::pair("zstd", ".zst"), std::pair("lz4", ".lz4"),
        std::pair("compress", ".Z")}) {
    TempDir folder;
    std::string bytes(100000, 'x');
    write_file(folder / "m.cil" + suffix, compressed(filter, bytes));
    // What tells is the content, as the file may have been unpacked in place.
    write_file(folder / "n.cil" + suffix, "plain");
    EXPECT_EQ(listed({folder.path(), {}, {}}),
              (std::vector<std::string>{"m cil 100 " + bytes, "n cil 100 plain"}))
        << filter;
  }
}

TEST(Modules, AreFollowedThroughSymlinksOnce) {
  TempDir folder;
  write_at(folder / "store/modules/a.cil", "A");
  write_at(folder / "policy/b.cil", "B");
  fs::create_directory_symlink("../store/modules", folder / "policy/modules");
  fs::create_directory_symlink("..", folder / "policy/loop");
  fs::create_symlink("missing.cil", folder / "policy/dangling");
  fs::create_directories(folder / "policy/folder.cil");
  EXPECT_EQ(error_of([&] {
              listed({folder / "policy", {}, {}});
            }),
            "policy module 'a' is there twice: '" + folder / "policy/loop/store/modules/a.cil" +
                "' and '" + folder / "policy/modules/a.cil" + "'");
  fs::remove(folder / "policy/loop");
  fs::create_directory_symlink(".", folder / "policy/loop");
  EXPECT_EQ(listed({folder / "policy", {}, {}}),
            (std::vector<std::string>{"a cil 100 A", "b cil 100 B"}));
}

TEST(Modules, OverrideByPriority) {
  TempDir folder, more;
  write_at(folder / "a.pp", "A");
  write_at(folder / "b.pp", "B");
  write_at(more / "b.cil", "mine");
  write_at(more / "z.cil.gz", compressed("gzip", "Z"));
  EXPECT_EQ(listed({folder.path(), {more / "b.cil", more / "z.cil.gz"}, {}}),
            (std::vector<std::string>{"a pp 100 A", "b cil 400 mine", "z cil 400 Z"}));
}

TEST(Modules, OfOursMayBeOverriddenAndRemoved) {
  TempDir folder;
  write_at(folder / "a.cil", "A");
  std::vector<Module> modules = load_modules({folder.path(), {}, {}}, 1);
  ASSERT_EQ(modules.size(), 1 + nixos_modules().size());
  for (const imagefmt::EmbeddedFile& file : nixos_modules()) {
    std::string name = fs::path(file.name).stem();
    auto found = std::ranges::find(modules, name, &Module::name);
    ASSERT_NE(found, modules.end());
    EXPECT_EQ(found->path, "nixos/" + name + ".cil");
    EXPECT_EQ(found->bytes, file.bytes);
    EXPECT_EQ(load_modules({folder.path(), {}, {name}}, 1).size(), modules.size() - 1);
    write_at(folder / name + ".cil", "(type mine)");
    std::vector<Module> overridden = load_modules({folder.path(), {}, {}}, 1);
    EXPECT_EQ(std::ranges::find(overridden, name, &Module::name)->bytes, "(type mine)");
  }
}

TEST(Modules, AreRemoved) {
  TempDir folder;
  for (const char* name : {"a.pp", "b.pp", "c.pp"}) write_at(folder / name, name);
  EXPECT_EQ(listed({folder.path(), {}, {"b", "a", "b"}}),
            std::vector<std::string>{"c pp 100 c.pp"});
}

TEST(Modules, ReportAllMistakesAtOnce) {
  TempDir folder, more;
  write_at(folder / "apache.pp", "A");
  write_at(folder / "x/apache.cil", "A");
  write_at(more / "b.cil", "1");
  write_at(more / "y/b.pp", "2");
  EXPECT_EQ(error_of([&] {
              listed({folder.path(), {more / "b.cil", more / "y/b.pp", "z.te"}, {"apach", "q"}});
            }),
            "cannot use 'z.te' as a policy module: expected a name like '*.pp' or '*.cil', "
            "compressed or not\n"
            "policy module 'apache' is there twice: '" +
                folder / "apache.pp" + "' and '" + folder / "x/apache.cil" +
                "'\n"
                "policy module 'b' is there twice: '" +
                more / "b.cil" + "' and '" + more / "y/b.pp" +
                "'\n"
                "cannot remove policy module 'apach': there is none (did you mean 'apache'?)\n"
                "cannot remove policy module 'q': there is none");
}

TEST(Modules, RefuseAFolderWithoutAny) {
  TempDir folder;
  EXPECT_EQ(error_of([&] {
              listed({folder.path(), {}, {}});
            }),
            "cannot find policy modules in '" + folder.path() +
                "': no file there is named '*.pp' or '*.cil', compressed or not");
  EXPECT_EQ(error_of([&] {
              listed({folder / "missing", {}, {}});
            }),
            "cannot read folder '" + folder / "missing" + "': No such file or directory");
}

TEST(Modules, RefuseDamagedAndBoundlessContents) {
  TempDir folder;
  std::string bytes;
  for (int i = 0; i < 20000; ++i) bytes += std::to_string(i * 7919 % 10007);
  std::string packed = compressed("bzip2", bytes);
  write_at(folder / "cut.pp.bz2", packed.substr(0, packed.size() / 2));
  write_at(folder / "bomb.pp.gz", compressed("gzip", std::string((128 << 20) + 1, '\0')));
  std::string error = error_of([&] { listed({folder.path(), {}, {}}); });
  EXPECT_EQ(error, "cannot decompress '" + folder / "bomb.pp.gz" +
                       "': larger than 134217728 bytes\n"
                       "cannot decompress '" +
                       folder / "cut.pp.bz2" + "': truncated bzip2 input");
}

}  // namespace
}  // namespace policy
