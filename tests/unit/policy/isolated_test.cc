// SPDX-License-Identifier: Apache-2.0
#include "policy/isolated.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

constexpr IsolationLimits kLimits = {uint64_t{1} << 30, 5};

std::string error_in(const IsolatedBody& body) {
  return error_of([&] { run_isolated("cannot do 'it'", kLimits, body); });
}

TEST(Isolated, GivesBackStrings) {
  std::string large(3 << 20, 'x');
  std::vector<std::string> expected = {"", std::string("a\0b", 3), large};
  EXPECT_EQ(run_isolated("cannot do 'it'", kLimits, [&] { return expected; }), expected);
  EXPECT_TRUE(
      run_isolated("cannot do 'it'", kLimits, [] { return std::vector<std::string>(); }).empty());
}

TEST(Isolated, ThrowsWhatTheBodyThrows) {
  EXPECT_EQ(error_in([]() -> std::vector<std::string> { throw imagefmt::Error("one\ntwo"); }),
            "one\ntwo");
}

TEST(Isolated, OutlivesEveryWayToEnd) {
  EXPECT_EQ(error_in([]() -> std::vector<std::string> {
              raise(SIGSEGV);
              return {};
            }),
            "cannot do 'it': libsepol crashed (Segmentation fault)");
  EXPECT_EQ(error_in([]() -> std::vector<std::string> { abort(); }),
            "cannot do 'it': libsepol crashed (Aborted)");
  EXPECT_EQ(error_in([]() -> std::vector<std::string> {
              fprintf(stderr, "Out of memory\n  really\n\n");
              exit(1);
            }),
            "cannot do 'it': libsepol gave up: Out of memory; really");
  EXPECT_EQ(error_in([]() -> std::vector<std::string> { _exit(0); }), "(no error)");
  EXPECT_EQ(error_of([] {
              run_isolated("cannot do 'it'", {uint64_t{1} << 30, 1},
                           []() -> std::vector<std::string> {
                             while (true) (void)getppid();
                           });
            }),
            "cannot do 'it': libsepol ran for 1 s");
}

TEST(Isolated, LimitsMemory) {
  std::string error = error_in([]() -> std::vector<std::string> {
    std::vector<std::string> all;
    for (int i = 0; i < 64; ++i) all.emplace_back(size_t{64} << 20, '\0');
    return all;
  });
  // It is the allocator's choice whether to throw.
  EXPECT_TRUE(error == "out of memory" || error.starts_with("cannot do 'it': libsepol ")) << error;
}

TEST(Isolated, ChangesNothingHere) {
  int value = 1;
  run_isolated("cannot do 'it'", kLimits, [&]() -> std::vector<std::string> {
    value = 2;
    setenv("INTAGLIO_ISOLATED", "1", 1);
    return {};
  });
  EXPECT_EQ(value, 1);
  EXPECT_EQ(getenv("INTAGLIO_ISOLATED"), nullptr);
}

TEST(Isolated, KeepsWhatIsPrintedToItself) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  std::vector<std::string> printed = run_isolated("cannot do 'it'", kLimits, [] {
    std::vector<std::string> result;
    fprintf(stderr, "one\n");
    printf(" two\n");
    result.push_back(take_printed());
    result.push_back(take_printed());
    fprintf(stderr, "three");
    result.push_back(take_printed());
    return result;
  });
  EXPECT_EQ(testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(printed.at(1), "");
  EXPECT_EQ(printed.at(2), "three");
  EXPECT_NE(printed.at(0).find("one"), std::string::npos);
  EXPECT_NE(printed.at(0).find("two"), std::string::npos);
}

TEST(Isolated, IsASnapshotAndMayNest) {
  int value = 1;
  Isolated outer("cannot do 'it'", kLimits, [&]() -> std::vector<std::string> {
    Isolated inner("cannot do 'it'", kLimits,
                   [&] { return std::vector<std::string>{std::to_string(value)}; });
    value = 3;
    return {inner.finish().at(0), std::to_string(value)};
  });
  value = 2;
  EXPECT_EQ(outer.finish(), (std::vector<std::string>{"1", "3"}));
}

TEST(Isolated, IsKilledWhenNobodyWaits) {
  auto started = std::chrono::steady_clock::now();
  {
    Isolated sleeper("cannot do 'it'", kLimits, []() -> std::vector<std::string> {
      sleep(100);
      return {};
    });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(50));
}

TEST(Isolated, WorksOnManyThreads) {
  std::vector<std::string> results(64);
  imagefmt::parallel_for(8, results.size(), [&](size_t i) {
    results[i] = run_isolated("cannot do 'it'", kLimits, [&] {
                   return std::vector<std::string>{std::to_string(i)};
                 }).at(0);
  });
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], std::to_string(i));
}

}  // namespace
}  // namespace policy
