// SPDX-License-Identifier: Apache-2.0
//
// What the real Nix writes, read by us.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "builder/closure.h"
#include "builder/store_scan.h"
#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

/// What `command` prints, without the last newline.
std::string output_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) imagefmt::throw_errno("run a shell");
  std::string text;
  char part[4096];
  for (size_t length; (length = fread(part, 1, sizeof part, pipe.get())) != 0;) {
    text.append(part, length);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

TEST(NixOracle, ReadsTheStoreAndTheRegistrationThatNixMakes) {
  if (output_of("command -v nix-store && command -v nix-instantiate && command -v nix-hash")
          .empty()) {
    ASSERT_FALSE(getenv("CI")) << "nix-store, nix-instantiate or nix-hash is missing";
    GTEST_SKIP() << "nix-store, nix-instantiate or nix-hash is missing";
  }
  tests::TempDir folder;
  const std::string source = folder / "system";
  ASSERT_EQ(mkdir(source.c_str(), 0700), 0);
  for (const char* name : {"/init", "/nixos-version", "/script"}) {
    imagefmt::write_file(source + name, name);
  }
  chmod((source + "/script").c_str(), 0700);
  ASSERT_EQ(symlink("script", (source + "/link").c_str()), 0);
  ASSERT_EQ(mkdir((source + "/empty").c_str(), 0700), 0);

  const std::string nix = "HOME='" + folder.path() + "' NIX_REMOTE='" + folder.path() + "' ";
  std::string derivation = output_of(
      nix +
      "nix-instantiate -E 'derivation { name = \"user\"; system = \"none\"; builder = \"x\"; "
      "src = \"${" +
      source + "}\"; }' 2>/dev/null");
  ASSERT_NE(derivation, "");
  std::string registration = output_of(nix + "nix-store --dump-db 2>/dev/null") + '\n';
  std::string system =
      output_of(nix + "nix-store --query --references '" + derivation + "' 2>/dev/null");
  imagefmt::write_file(folder / "registration", registration);
  imagefmt::write_file(folder / "store-paths", derivation + '\n' + system + '\n');

  Closure closure = read_closure(folder.path(), {.store_root = folder.path()});
  EXPECT_EQ(closure.toplevel, system);
  ASSERT_EQ(closure.paths.size(), 2u);
  for (const StorePathInfo& info : closure.paths) {
    EXPECT_EQ(info.nar_hash,
              output_of("nix-hash --type sha256 '" + folder.path() + info.path + "'"));
    EXPECT_EQ(std::to_string(info.nar_size_bytes),
              output_of("nix-store --dump '" + folder.path() + info.path + "' | wc -c"));
  }
  EXPECT_EQ(find_store_path(closure.paths, derivation)->references,
            std::vector<std::string>{system});
  EXPECT_TRUE(find_store_path(closure.paths, system)->references.empty());

  // Nix made the files canonical on the disk as well, so nothing may differ from it.
  imagefmt::Directory store = scan_store(closure.paths, folder.path());
  imagefmt::FileTree tree(imagefmt::Node(std::move(store), 0755));
  std::string listed;
  for (const std::string& line : imagefmt::dump(tree)) listed += line + '\n';
  EXPECT_EQ(listed,
            output_of("cd '" + folder.path() +
                      "/nix/store' && find . -mindepth 1 ! -path './.links*' -printf "
                      "'%P\\t%y\\t0%m\\t0\\t0\\t%s\\t-\\t%l\\n' | sed -E "
                      "'s|^|/|; s|\\t$||; s|\\td\\t(.*)\\t[0-9]+\\t-|\\td\\t\\1\\t0\\t-|' | "
                      "LC_ALL=C sort | sed '1i /\\td\\t0755\\t0\\t0\\t0\\t-'") +
                '\n');
}

}  // namespace
}  // namespace builder
