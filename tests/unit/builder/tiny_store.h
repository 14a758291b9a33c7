// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "builder/closure.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace tests {

/// A store of a few files below a temporary folder, and its closureInfo.
class TinyStore {
 public:
  TinyStore() { std::filesystem::create_directories(folder_ / "closure"); }

  /// `/nix/store/<hash>-<name>`; the path is registered, and made by what is put into it.
  std::string add(const std::string& name) {
    std::string hash = imagefmt::to_hex(imagefmt::sha256(name)).substr(0, 32);
    std::replace(hash.begin(), hash.end(), 'e', 'z');  // Nix's alphabet has no e
    std::string path = "/nix/store/" + hash + '-' + name;
    references_[path];
    return path;
  }
  void refer(const std::string& from, const std::string& to) { references_[from].push_back(to); }

  std::string host(const std::string& path) const { return folder_.path() + path; }
  void folder(const std::string& path) const { std::filesystem::create_directories(host(path)); }
  void file(const std::string& path, const std::string& text = "x", mode_t mode = 0444) const {
    std::filesystem::create_directories(std::filesystem::path(host(path)).parent_path());
    std::filesystem::remove(host(path));  // what is there may not be written to
    imagefmt::write_file(host(path), text);
    chmod(host(path).c_str(), mode);
  }
  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path(host(path)).parent_path());
    std::filesystem::create_symlink(target, host(path));
  }

  const std::string& root() const { return folder_.path(); }
  std::string info() const { return folder_ / "closure"; }
  void write_info() const {
    std::string paths, registration;
    for (const auto& [path, references] : references_) {
      paths += path + '\n';
      registration += path + "\nsha256:" + std::string(64, '0') + "\n42\n\n" +
                      std::to_string(references.size()) + '\n';
      for (const std::string& reference : references) registration += reference + '\n';
    }
    imagefmt::write_file(info() + "/store-paths", paths);
    imagefmt::write_file(info() + "/registration", registration);
  }
  builder::Closure read() const {
    write_info();
    return builder::read_closure(info(), {.store_root = root()});
  }

 private:
  TempDir folder_;
  std::map<std::string, std::vector<std::string>> references_;
};

}  // namespace tests
