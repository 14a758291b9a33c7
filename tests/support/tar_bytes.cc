// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tar_bytes.h"

#include <fmt/format.h>

namespace tests {

namespace {

constexpr size_t kBlock = 512;

std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + kBlock - 1) / kBlock * kBlock);
  return bytes;
}

std::string pax_record(const std::string& key, const std::string& value) {
  const std::string text = ' ' + key + '=' + value + '\n';
  size_t length = text.size() + 1;
  while (std::to_string(length).size() + text.size() != length) ++length;
  return std::to_string(length) + text;
}

}  // namespace

std::string tar_entry(const TarEntry& entry) {
  std::string blocks;
  if (!entry.pax.empty()) {
    std::string records;
    for (const auto& [key, value] : entry.pax) records += pax_record(key, value);
    blocks = tar_entry({.name = "PaxHeaders/x", .type = 'x', .data = records});
  }
  std::string header(kBlock, '\0');
  auto put = [&](size_t offset, size_t length, const std::string& text) {
    header.replace(offset, std::min(length, text.size()), text.substr(0, length));
  };
  put(0, 100, entry.name);
  put(100, 8, entry.mode);
  put(108, 8, entry.uid);
  put(116, 8, entry.gid);
  put(124, 12, entry.size.empty() ? fmt::format("{:011o}", entry.data.size()) : entry.size);
  put(136, 12, entry.mtime);
  put(148, 8, "        ");
  put(156, 1, std::string(1, entry.type));
  put(157, 100, entry.link);
  put(257, 8,
      std::string("ustar\0"
                  "00",
                  8));
  put(329, 8, entry.major);
  put(337, 8, entry.minor);
  unsigned sum = 0;
  for (char byte : header) sum += static_cast<unsigned char>(byte);
  put(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return blocks + header + padded(entry.data);
}

std::string tar_of(const std::vector<TarEntry>& entries) {
  std::string archive;
  for (const TarEntry& entry : entries) archive += tar_entry(entry);
  return archive + std::string(2 * kBlock, '\0');
}

}  // namespace tests
