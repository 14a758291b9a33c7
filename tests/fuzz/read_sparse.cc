// SPDX-License-Identifier: Apache-2.0
//
// What unfolds must unfold to the same when it is folded anew.
#include <sys/mman.h>

#include <cstdlib>

#include "imagefmt/sparse/sparse.h"

using namespace imagefmt;

namespace {

struct Memory {
  UniqueFd fd{memfd_create("sparse", MFD_CLOEXEC)};
  std::string path = fmt::format("/proc/self/fd/{}", fd.get());
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kLimit = 1 << 22;
  const Memory sparse, raw, again, unfolded;
  write_file(sparse.path, as_text({data, size}));
  try {
    const File file = File::open_for_reading(sparse.path);
    const SparsePiece piece{&file, read_sparse(file)};
    File out = File::create(raw.path);
    unfold_sparse({&piece, 1}, out, kLimit);

    const File whole = File::open_for_reading(raw.path);
    File folded = File::create(again.path);
    write_sparse(plan_sparse(whole, {.block_size = piece.image.block_size}), whole, folded);
    const File reading = File::open_for_reading(again.path);
    const SparsePiece second{&reading, read_sparse(reading)};
    File twice = File::create(unfolded.path);
    unfold_sparse({&second, 1}, twice, kLimit);
    if (read_file(unfolded.path) != read_file(raw.path)) abort();
  } catch (const Error&) {
  }
  return 0;
}
