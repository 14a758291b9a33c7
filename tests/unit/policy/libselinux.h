// SPDX-License-Identifier: Apache-2.0
//
// libselinux's own look-up, as the oracle of ours, and the refpolicy that both are asked about.
#pragma once

#include <gtest/gtest.h>
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/handle.h"
#include "policy/contexts.h"
#include "policy/text_lines.h"
#include "tests/support/temp_dir.h"

namespace policy::oracle {

inline const std::array<FileType, 8> kAllTypes = {
    FileType::kAny,       FileType::kRegular, FileType::kDirectory, FileType::kSymlink,
    FileType::kCharacter, FileType::kBlock,   FileType::kFifo,      FileType::kSocket};

inline int mode_of(FileType type) {
  constexpr std::array<int, 8> kModes = {0,       S_IFREG, S_IFDIR, S_IFLNK,
                                         S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
  return kModes[static_cast<size_t>(type)];
}

/// What we found, in the words of `contexts lookup`.
inline std::string answer(const ContextRule* rule) {
  return rule ? std::string(rule->context.text()) : "<<no match>>";
}

/// `selabel_lookup_raw`. One thread at a time.
class Libselinux {
 public:
  /// The texts are written into a folder of their own, so that nothing of the host is read.
  /// REQUIRES: at most three rule texts and two of substitutions.
  explicit Libselinux(const FileContextsText& text) {
    constexpr std::array<const char*, 3> kRules = {"", ".homedirs", ".local"};
    constexpr std::array<const char*, 2> kSubstitutions = {".subs", ".subs_dist"};
    for (size_t i = 0; i < text.rules.size(); ++i) {
      imagefmt::write_file(path() + kRules.at(i), with_sentinel(text.rules[i].text));
    }
    for (size_t i = 0; i < text.substitutions.size(); ++i) {
      imagefmt::write_file(path() + kSubstitutions.at(i), text.substitutions[i].text);
    }
    selinux_callback silence{};
    silence.func_log = ignore_message;
    selinux_set_callback(SELINUX_CB_LOG, silence);
    std::string name = path();
    selinux_opt option{SELABEL_OPT_PATH, name.c_str()};
    handle_.reset(selabel_open(SELABEL_CTX_FILE, &option, 1));
    if (!handle_) imagefmt::throw_errno("open the rules with libselinux");
  }

  /// The context, `<<none>>` or `<<no match>>`.
  std::string lookup(const std::string& key, FileType type) const {
    char* context = nullptr;
    if (selabel_lookup_raw(handle_.get(), &context, key.c_str(), mode_of(type)) != 0) {
      return "<<no match>>";
    }
    std::string text = context;
    freecon(context);
    return text == kSentinel ? "<<none>>" : text;
  }

 private:
  static int ignore_message(int, const char*, ...) { return 0; }
  // libselinux answers ENOENT for `<<none>>` and for no match alike.
  static constexpr std::string_view kSentinel = "<none-of-the-test>";
  /// Where `<<none>>` is a rule's context, and nowhere else.
  static std::string with_sentinel(std::string_view text) {
    std::string result;
    for_each_line(text, [&](std::string_view line, size_t) {
      const std::vector<std::string_view> fields = split_blanks(line);
      const size_t place = fields.size() == 2 ? 1 : 2;
      if (place < fields.size() && fields[place] == "<<none>>") {
        const size_t start = static_cast<size_t>(fields[place].data() - line.data());
        result += line.substr(0, start);
        result += kSentinel;
        line.remove_prefix(start + fields[place].size());
      }
      result += line;
      result += '\n';
    });
    return result;
  }
  std::string path() const { return folder_ / "file_contexts"; }

  tests::TempDir folder_;
  imagefmt::Handle<selabel_handle, selabel_close> handle_;
};

/// Whether libselinux here is one that matches as 3.4 does (policy/contexts.h says what differs).
inline bool libselinux_is_before_3_8() {
  FileContextsText text;
  text.rules.push_back({"file_contexts", "/a\\-b/c  u:r:t\n"});
  return Libselinux(text).lookup("/a-b/c", FileType::kAny) == "<<no match>>";
}

/// Debian's refpolicy (`default`, or `mls`) as its package's installation made it; empty if not
/// installed.
inline FileContextsText refpolicy_contexts(const std::string& name = "default") {
  const std::string path = "/etc/selinux/" + name + "/contexts/files/file_contexts";
  FileContextsText text;
  if (!std::filesystem::exists(path)) return text;
  for (const char* suffix : {"", ".homedirs"}) {
    text.rules.push_back(
        {std::string("file_contexts") + suffix, imagefmt::read_file(path + suffix)});
  }
  text.substitutions.push_back(
      {"file_contexts.subs_dist", imagefmt::read_file(path + ".subs_dist")});
  return text;
}

}  // namespace policy::oracle

/// A failure in CI, a visible skip elsewhere.
#define REQUIRE_REFPOLICY(contexts)                                           \
  if ((contexts).rules.empty()) {                                             \
    constexpr const char* kMissing = "a package selinux-policy-* is missing"; \
    ASSERT_EQ(std::getenv("CI"), nullptr) << kMissing;                        \
    GTEST_SKIP() << kMissing;                                                 \
  }
