// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over the files of its corpus, for builds without libFuzzer. Each file is
// copied to memory of its exact size, so that sanitizers see reads beyond it.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "imagefmt/base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::string bytes = imagefmt::read_file(entry.path());
      std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
      std::copy(bytes.begin(), bytes.end(), exact.get());
      LLVMFuzzerTestOneInput(exact.get(), bytes.size());
      ++count;
    }
  }
  std::printf("%zu files\n", count);
  return count == 0;
}
