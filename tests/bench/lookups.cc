// SPDX-License-Identifier: Apache-2.0
//
// lookups RULES ROOT: our look-ups and libselinux's in one process and thread, for the paths below
// ROOT/nix/store as projected to /usr. libselinux is asked for a part of them in each round, after
// we have been asked for all. Prints `NAME VALUE` lines for tests/bench/run.
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/handle.h"
#include "policy/contexts.h"

namespace fs = std::filesystem;

namespace {

constexpr size_t kRounds = 20;

struct Question {
  std::string path;
  policy::FileType type;
  int mode;
};

std::vector<Question> project(const fs::path& root) {
  std::vector<Question> questions;
  for (const auto& store_path : fs::directory_iterator(root / "nix/store")) {
    const size_t cut = store_path.path().native().size();
    if (!store_path.is_directory()) continue;
    for (const auto& entry : fs::recursive_directory_iterator(store_path)) {
      const std::string path = "/usr" + entry.path().native().substr(cut);
      const bool link = entry.is_symlink(), folder = !link && entry.is_directory();
      questions.push_back({path,
                           link     ? policy::FileType::kSymlink
                           : folder ? policy::FileType::kDirectory
                                    : policy::FileType::kRegular,
                           link     ? S_IFLNK
                           : folder ? S_IFDIR
                                    : S_IFREG});
    }
  }
  // In any order that is the same each time, and not sorted: a part is like the whole.
  std::ranges::sort(questions, {}, [](const Question& q) {
    return std::pair(std::hash<std::string>()(q.path), q.path);
  });
  return questions;
}

uint64_t resident_bytes() {
  const std::string statm = imagefmt::read_file("/proc/self/statm");
  return std::strtoull(statm.c_str() + statm.find(' '), nullptr, 10) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

template <class Body>
double seconds_of(Body body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// As a share of what is asked, so that no look-up can be left out.
size_t labelled = 0;

int measure(const std::string& rules, const fs::path& root) {
  const std::vector<Question> questions = project(root);
  const uint64_t before = resident_bytes();
  policy::FileContexts ours = policy::FileContexts::load(rules);
  std::vector<double> builds, our_rates, ratios;
  auto ask_all = [&] {
    for (const Question& q : questions) labelled += ours.lookup(q.path, q.type) != nullptr;
  };
  ask_all();  // makes the automaton's states
  const uint64_t memory = resident_bytes() - before;
  for (size_t i = 0; i < 5; ++i) {
    builds.push_back(seconds_of([&] { ours = policy::FileContexts::load(rules); }));
  }
  ask_all();

  const selinux_opt option{SELABEL_OPT_PATH, rules.c_str()};
  imagefmt::Handle<selabel_handle, selabel_close> peer(selabel_open(SELABEL_CTX_FILE, &option, 1));
  if (!peer) imagefmt::throw_errno("open the rules with libselinux");
  const size_t part = questions.size() / (kRounds * 5);
  for (size_t round = 0; round < kRounds; ++round) {
    const double our_seconds = seconds_of(ask_all);
    const double peer_seconds = seconds_of([&] {
      for (size_t i = round * part; i < (round + 1) * part; ++i) {
        char* context = nullptr;
        labelled += selabel_lookup_raw(peer.get(), &context, questions[i].path.c_str(),
                                       questions[i].mode) == 0;
        freecon(context);
      }
    });
    our_rates.push_back(static_cast<double>(questions.size()) / our_seconds);
    ratios.push_back(our_rates.back() * peer_seconds / static_cast<double>(part));
  }
  std::printf("paths %zu\nlabelled %zu\nours %.0f\nratio %.1f\nbuild_ms %.1f\nmemory %.0f\n",
              questions.size(), labelled, median(our_rates), median(ratios), median(builds) * 1e3,
              static_cast<double>(memory));
  return labelled == 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fputs("usage: lookups RULES ROOT\n", stderr);
    return 2;
  }
  return measure(argv[1], argv[2]);
} catch (const std::exception& error) {
  std::fprintf(stderr, "lookups: %s\n", error.what());
  return 1;
}
