// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a disk: what is read as one and can be written anew is read as the same.
#include <sys/mman.h>

#include <cstdlib>

#include "imagefmt/gpt/gpt.h"

using namespace imagefmt;

namespace {

struct Memory {
  UniqueFd fd{memfd_create("disk", MFD_CLOEXEC)};
  std::string path = fmt::format("/proc/self/fd/{}", fd.get());

  Disk read() const { return read_disk(std::make_shared<File>(File::open_for_reading(path))); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Memory given, made;
  write_file(given.path, as_text({data, size}));
  try {
    const Disk disk = given.read();
    DiskOptions options;
    options.sector_bytes = disk.sector_bytes;
    options.alignment_bytes = disk.sector_bytes;
    options.id = disk.id;
    SilentReporter reporter;
    File out = File::create(made.path);
    write_disk(disk.partitions, options, out, reporter);
    const Disk again = made.read();
    if (again.id != disk.id || again.partitions.size() != disk.partitions.size()) abort();
    for (size_t i = 0; i < disk.partitions.size(); ++i) {
      const Partition &a = disk.partitions[i], &b = again.partitions[i];
      if (a.name != b.name || a.type != b.type || a.id != b.id || a.attributes != b.attributes ||
          !(a.content == b.content)) {
        abort();
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
