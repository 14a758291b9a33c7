// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/equal_files.h"

#include <algorithm>
#include <numeric>

namespace imagefmt {

std::vector<Comparison> choose_comparisons(const std::vector<const Content*>& files,
                                           const std::vector<KnownPlace>& places,
                                           uint64_t least_bytes) {
  std::vector<Comparison> comparisons(files.size());
  auto kind_of = [&](size_t file) {
    return std::pair(files[file]->is_uncompressed(), files[file]->size_bytes());
  };
  std::vector<size_t> order(files.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, kind_of);
  for (auto first = order.begin(); first != order.end();) {
    const auto kind = kind_of(*first);
    const auto end =
        std::find_if(first, order.end(), [&](size_t file) { return kind_of(file) != kind; });
    if (end - first > 1 && kind.second >= std::max<uint64_t>(least_bytes, 1)) {
      const bool known = !places.empty() && std::none_of(first, end, [&](size_t file) {
        return places[file] == kUnknownPlace;
      });
      std::for_each(first, end, [&](size_t file) {
        comparisons[file] = known ? Comparison::kByPlaces : Comparison::kByBytes;
      });
    }
    first = end;
  }
  return comparisons;
}

}  // namespace imagefmt
