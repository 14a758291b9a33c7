// SPDX-License-Identifier: Apache-2.0
//
// Any text as file_contexts: what parses gives libselinux's answer for each path and type. The input
// is rules, substitutions and paths, one a line, with an empty line between the three.
#include <cstdio>
#include <cstdlib>

#include "imagefmt/base/bytes.h"
#include "policy/contexts.h"
#include "policy/text_lines.h"
#include "tests/unit/policy/libselinux.h"

using namespace policy;

namespace {

std::string_view take_part(std::string_view& text) {
  const size_t end = text.find("\n\n");
  std::string_view part = text.substr(0, end == text.npos ? end : end + 1);
  text.remove_prefix(end == text.npos ? text.size() : end + 2);
  return part;
}

void check_path(const FileContexts& ours, const oracle::Libselinux& reference,
                const std::string& path) {
  for (FileType type : oracle::kAllTypes) {
    std::string found;
    try {
      found = oracle::answer(ours.lookup(path, type));
    } catch (const imagefmt::Error&) {
      continue;  // PCRE2 gave up, which libselinux calls no match
    }
    const std::string expected = reference.lookup(path, type);
    if (found == expected) continue;
    std::fprintf(stderr, "'%s' type '%s': libselinux says %s, we say %s\n", path.c_str(),
                 std::string(type_field(type)).c_str(), expected.c_str(), found.c_str());
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool is_before_3_8 = oracle::libselinux_is_before_3_8();
  if (!is_before_3_8) return 0;  // policy/contexts.h says which version is followed
  std::string_view text = imagefmt::as_text({data, size});
  FileContextsText given;
  given.rules.push_back({"file_contexts", std::string(take_part(text))});
  given.substitutions.push_back({"file_contexts.subs", std::string(take_part(text))});
  std::optional<FileContexts> ours;
  try {
    ours = FileContexts::parse(given, Contradictions::kLastWins);
  } catch (const imagefmt::Error&) {
    return 0;
  }
  const oracle::Libselinux reference(given);  // takes what we take, or throws
  for_each_line(text.substr(0, 2000), [&](std::string_view line, size_t) {
    check_path(*ours, reference, std::string(line.substr(0, line.find('\0'))));
  });
  return 0;
}
