// SPDX-License-Identifier: Apache-2.0
//
// Tar archives by hand, right and wrong.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tests {

struct TarEntry {
  std::string name;
  char type = '0';  // 0 file, 1 hard link, 2 symlink, 3 character device, 5 folder, …
  std::string data = {};
  std::string link = {};
  std::string mode = "0000644", uid = "0000000", gid = "0000000", mtime = "00000000001";
  std::string major = {}, minor = {};
  std::string size = {};  // as the header has it, if it is not that of the data
  std::vector<std::pair<std::string, std::string>> pax = {};
};

/// The entry's blocks: ustar, after a pax header if it has records.
std::string tar_entry(const TarEntry& entry);
/// All entries, and the two blocks of zeros.
std::string tar_of(const std::vector<TarEntry>& entries);

}  // namespace tests
