// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "imagefmt/tar/tar.h"
#include "tests/fuzz/any_image.h"

/// As a file, and as a stream, which gives the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const imagefmt::TarOptions options{.spool_folder = "/tmp"};
  fuzz::read_any_image(data, size, [&](std::shared_ptr<const imagefmt::File> file, auto) {
    return imagefmt::read_tar(file, options);
  });
  fuzz::read_any_image(data, size, [&](const std::shared_ptr<const imagefmt::File>&, auto) {
    std::istringstream stream(std::string(imagefmt::as_text({data, size})));
    return imagefmt::read_tar(stream, "stream", options);
  });
  return 0;
}
