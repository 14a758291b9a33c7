// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "builder/narinfo.h"
#include "builder/store_name.h"
#include "imagefmt/tree.h"

using namespace builder;

namespace {

void check(const NarInfo& narinfo) {
  const StorePathInfo& info = narinfo.info;
  if (!store_path_fault(info.path).empty() || info.nar_hash.size() != 64) abort();
  if (parse_nar_hash("sha256:" + to_base32(info.nar_hash)) != info.nar_hash) abort();
  for (const std::string& reference : info.references) {
    if (!store_path_fault(reference).empty()) abort();
  }
  if (narinfo.url.empty() || narinfo.url[0] == '/' ||
      ("/" + narinfo.url + "/").find("/../") != std::string::npos) {
    abort();
  }
  static const TrustedKey key =
      parse_trusted_key("test-1:seaYrFG8QM+/VRvzqCLOM2t1RN8irLRfb5hldbnfxB4=");
  check_signed(narinfo, {key});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = imagefmt::as_text({data, size});
  try {
    check(parse_narinfo(text, "narinfo"));
  } catch (const imagefmt::Error&) {
  }
  try {
    parse_trusted_key(text);
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
