// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "builder/closure_source.h"
#include "builder/store_name.h"
#include "tests/fuzz/any_image.h"

using namespace builder;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  imagefmt::UniqueFd memory(memfd_create("export", MFD_CLOEXEC));
  if (!memory) imagefmt::throw_errno("make a file in memory");
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  imagefmt::write_file(path, imagefmt::as_text({data, size}));
  try {
    const StoreContents contents = read_store_export(path, {.spool_folder = "/tmp", .jobs = 1});
    if (contents.paths.size() != contents.store.entries.size()) abort();
    for (size_t i = 0; i < contents.paths.size(); ++i) {
      const StorePathInfo& info = contents.paths[i];
      if (!store_path_fault(info.path).empty()) abort();
      if (contents.store.entries[i].name != base_name_of(info.path)) abort();
      check_nar(info, imagefmt::sum_nar(contents.store.entries[i].node));
    }
  } catch (const imagefmt::Error& error) {
    // What an export says nothing of cannot be wrong.
    if (std::string_view(error.what()).find("its NAR has") != std::string_view::npos) abort();
  }
  return 0;
}
