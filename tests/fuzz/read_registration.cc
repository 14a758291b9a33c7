// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "builder/registration.h"
#include "builder/store_name.h"
#include "imagefmt/base/bytes.h"

using namespace builder;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = imagefmt::as_text({data, size});
  try {
    std::vector<RegisteredPath> paths = parse_registration(text, "registration");
    for (size_t i = 0; i < paths.size(); ++i) {
      const StorePathInfo& info = paths[i].info;
      if (!store_path_fault(info.path).empty() || info.nar_hash.size() != 64) abort();
      if (i && paths[i - 1].info.path >= info.path) abort();
      for (const std::string& reference : info.references) {
        if (!store_path_fault(reference).empty()) abort();
      }
    }
  } catch (const imagefmt::Error&) {
  }
  try {
    for (const ListedPath& listed : parse_store_paths(text, "store-paths")) {
      if (!store_path_fault(listed.path).empty() || listed.line == 0) abort();
    }
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
