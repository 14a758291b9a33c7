// SPDX-License-Identifier: Apache-2.0
//
// Which files are equal, where a reference (reference.h) may hold some of them already.
#pragma once

#include <cstdint>
#include <vector>

#include "imagefmt/content.h"

namespace imagefmt {

/// Where a reference holds a file: a number that files have in common if and only if they are equal.
using KnownPlace = uint64_t;
constexpr KnownPlace kUnknownPlace = ~uint64_t{0};

/// The places of `files`, which `known` holds but for those that are null; none if it is null itself.
template <class Known, class KnownFile>
std::vector<KnownPlace> places_of(const std::vector<const KnownFile*>& files, const Known* known) {
  std::vector<KnownPlace> places;
  if (!known) return places;
  places.reserve(files.size());
  for (const KnownFile* file : files) {
    places.push_back(file ? known->place_of(*file) : kUnknownPlace);
  }
  return places;
}

/// How it shows whether a file is equal to another one.
enum class Comparison : uint8_t {
  kNone,      // it is not: no other one has its size
  kByPlaces,  // of files whose places are all known
  kByBytes,
};

/// An item a file. `places`: an item a file, or none if there is no reference. Files of fewer than
/// `least_bytes` are not compared, nor are empty ones, nor those that are compressed to those that are
/// not.
std::vector<Comparison> choose_comparisons(const std::vector<const Content*>& files,
                                           const std::vector<KnownPlace>& places,
                                           uint64_t least_bytes);

}  // namespace imagefmt
