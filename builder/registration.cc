// SPDX-License-Identifier: Apache-2.0
#include "builder/registration.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;

namespace {

/// A file with more is something else altogether, and a message takes more room than its line.
constexpr size_t kMostFaults = 1000;

/// A reference and the line that names it, for messages after all paths are known.
struct Reference {
  size_t from = 0;  // index of the record in the order of the file
  std::string_view to;
  size_t line = 0;
};

class RegistrationParser {
 public:
  RegistrationParser(std::string_view text, std::string_view name) : lines_(text), name_(name) {}

  std::vector<RegisteredPath> parse() {
    std::string_view path;
    while (whole_ && lines_.next(path)) {
      parse_record(path);
      whole_ &= faults_.messages().size() < kMostFaults;
    }
    if (whole_ && records_.empty())
      faults_.add(fmt::format("cannot read '{}': it registers no path", name_));
    // Nothing can be said of references to paths behind a broken record, or with broken names.
    if (whole_ && well_named_) check_references();
    faults_.throw_if_any();
    std::sort(records_.begin(), records_.end(), by_path);
    return std::move(records_);
  }

 private:
  static bool by_path(const RegisteredPath& a, const RegisteredPath& b) {
    return a.info.path < b.info.path;
  }

  void add_fault(size_t line, std::string_view reason) {
    faults_.add(fmt::format("{}:{}: {}", name_, line, reason));
  }

  bool next_line(std::string_view& line, std::string_view wanted) {
    if (lines_.next(line)) return true;
    add_fault(lines_.number(), fmt::format("the file ends before the {} of {}", wanted,
                                           in_quotes(records_.back().info.path)));
    return whole_ = false;
  }

  bool check_store_path(std::string_view path, std::string_view what) {
    std::string fault = store_path_fault(path);
    if (fault.empty()) return true;
    add_fault(lines_.number(), fmt::format("bad {} {}: {}", what, in_quotes(path), fault));
    return false;
  }

  /// Runs `parse`; an Error becomes a fault of the line at hand, and the result false.
  template <class Parse>
  bool try_parse(Parse parse) {
    try {
      parse();
      return true;
    } catch (const Error& error) {
      add_fault(lines_.number(), error.what());
      return false;
    }
  }

  void parse_record(std::string_view path) {
    well_named_ &= check_store_path(path, "store path");
    records_.push_back({{std::string(path), {}, 0, {}}, lines_.number()});
    StorePathInfo& info = records_.back().info;
    std::string_view line;
    if (!next_line(line, "hash")) return;
    try_parse([&] { info.nar_hash = parse_nar_hash(line); });
    if (!next_line(line, "size")) return;
    try_parse([&] { info.nar_size_bytes = parse_decimal(line, "size"); });
    if (!next_line(line, "deriver")) return;
    if (!line.empty()) check_store_path(line, "deriver");
    if (!next_line(line, "count of references")) return;
    parse_references(line);
  }

  void parse_references(std::string_view count_line) {
    uint64_t count = 0;
    // Without the count nothing tells where the next record begins.
    if (!try_parse([&] { count = parse_decimal(count_line, "count of references"); })) {
      whole_ = false;
      return;
    }
    // A reference takes a line, and a line a byte at least: a claim, not yet a size to reserve.
    if (count > lines_.remaining_bytes()) {
      add_fault(lines_.number(), fmt::format("{} references announced for {}, more than the file "
                                             "can hold",
                                             count, in_quotes(records_.back().info.path)));
      whole_ = false;
      return;
    }
    std::vector<std::string>& references = records_.back().info.references;
    for (uint64_t i = 0; i < count; ++i) {
      std::string_view reference;
      if (!next_line(reference, fmt::format("reference {} of {}", i + 1, count))) return;
      check_store_path(reference, "reference");
      references.emplace_back(reference);
      references_.push_back({records_.size() - 1, reference, lines_.number()});
    }
    std::sort(references.begin(), references.end());
    auto twice = std::adjacent_find(references.begin(), references.end());
    if (twice != references.end()) {
      add_fault(lines_.number(),
                fmt::format("{} refers to {} twice", in_quotes(records_.back().info.path),
                            in_quotes(*twice)));
    }
  }

  void check_references() {
    std::vector<std::pair<std::string_view, size_t>> known;
    for (const RegisteredPath& record : records_) known.push_back({record.info.path, record.line});
    std::sort(known.begin(), known.end());
    for (size_t i = 1; i < known.size(); ++i) {
      if (known[i].first == known[i - 1].first) {
        add_fault(known[i].second, fmt::format("{} is registered already, in line {}",
                                               in_quotes(known[i].first), known[i - 1].second));
      }
    }
    for (const Reference& reference : references_) {
      auto place = std::lower_bound(known.begin(), known.end(),
                                    std::pair<std::string_view, size_t>(reference.to, 0));
      if (place == known.end() || place->first != reference.to) {
        add_fault(reference.line, fmt::format("{} refers to {}, which is not in the closure",
                                              in_quotes(records_[reference.from].info.path),
                                              in_quotes(reference.to)));
      }
    }
  }

  LineReader lines_;
  std::string_view name_;
  Faults faults_;
  bool whole_ = true;       // false once the place of the next record is unknown
  bool well_named_ = true;  // false once a record's path is no store path
  std::vector<RegisteredPath> records_;
  std::vector<Reference> references_;
};

}  // namespace

const StorePathInfo* find_store_path(const std::vector<StorePathInfo>& paths,
                                     std::string_view path) {
  const auto place = std::lower_bound(
      paths.begin(), paths.end(), path,
      [](const StorePathInfo& info, std::string_view key) { return info.path < key; });
  return place != paths.end() && place->path == path ? &*place : nullptr;
}

uint64_t parse_decimal(std::string_view text, std::string_view what) {
  uint64_t value = 0;
  std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range) {
    throw Error(fmt::format("bad {} {}: larger than 64 bits hold", what, in_quotes(text)));
  }
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    throw Error(fmt::format("bad {} {}: expected a decimal number", what, in_quotes(text)));
  }
  return value;
}

std::vector<ListedPath> parse_store_paths(std::string_view text, std::string_view name) {
  Faults faults;
  std::vector<ListedPath> paths;
  LineReader lines(text);
  for (std::string_view line; faults.messages().size() < kMostFaults && lines.next(line);) {
    std::string fault = store_path_fault(line);
    if (!fault.empty()) {
      faults.add(fmt::format("{}:{}: bad store path {}: {}", name, lines.number(), in_quotes(line),
                             fault));
    }
    paths.push_back({std::string(line), lines.number()});
  }
  if (paths.empty()) faults.add(fmt::format("cannot read '{}': it lists no path", name));
  std::stable_sort(paths.begin(), paths.end(),
                   [](const ListedPath& a, const ListedPath& b) { return a.path < b.path; });
  for (size_t i = 1; i < paths.size(); ++i) {
    if (paths[i].path == paths[i - 1].path) {
      faults.add(fmt::format("{}:{}: {} is listed already, in line {}", name, paths[i].line,
                             in_quotes(paths[i].path), paths[i - 1].line));
    }
  }
  faults.throw_if_any();
  return paths;
}

std::vector<RegisteredPath> parse_registration(std::string_view text, std::string_view name) {
  return RegistrationParser(text, name).parse();
}

}  // namespace builder
