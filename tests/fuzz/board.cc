// SPDX-License-Identifier: Apache-2.0
#include "builder/board.h"

#include <cstdlib>

#include "imagefmt/base/bytes.h"

using namespace builder;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = imagefmt::as_text({data, size});
  const imagefmt::EmbeddedFile bases[] = {{"self.toml", text}};
  try {
    Board board = parse_board(text, "board.toml", bases);
    if (!(parse_board(serialize_board(board), "again.toml", {}) == board)) abort();
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
