// SPDX-License-Identifier: Apache-2.0
//
// Progress as a person sees it, and the times of the stages for the report. The only file that
// reads a clock: nothing that it measures reaches an artifact.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <iosfwd>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "builder/io.h"
#include "imagefmt/base/reporter.h"

namespace builder {

constexpr std::array kWorks = {imagefmt::Work::kRead, imagefmt::Work::kCompressed,
                               imagefmt::Work::kWritten};
/// `read`, `compressed`, `written`.
const char* to_text(imagefmt::Work work);

struct StageTime {
  std::string name;
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads, and of child processes that ended
  uint64_t amount = 0;
  std::string unit;
  std::array<uint64_t, kWorks.size()> bytes{};  // of each kind of work

  uint64_t bytes_of(imagefmt::Work work) const { return bytes[static_cast<size_t>(work)]; }
};

/// On a terminal one live line (stage, amount, rate, time left), rewritten four times a second and
/// by a line of its own when the stage ends; elsewhere a line a stage. Quiet: warnings only.
class TerminalReporter : public imagefmt::Reporter {
 public:
  enum class Form { kLive, kPlain, kQuiet };
  TerminalReporter(std::ostream& err, Form form);
  TerminalReporter(Io& io, bool quiet)
      : TerminalReporter(io.err, quiet                ? Form::kQuiet
                                 : io.err_is_terminal ? Form::kLive
                                                      : Form::kPlain) {}
  ~TerminalReporter() override;

  void begin(std::string_view stage, uint64_t total, std::string_view unit) override;
  void advance(uint64_t amount) noexcept override;
  void count(imagefmt::Work work, uint64_t size_bytes) noexcept override;
  void end() noexcept override;
  void warn(std::string_view message) override;

  const std::vector<StageTime>& stages() const { return stages_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Since this was made.
  double seconds() const;
  double cpu_seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  void draw() noexcept;
  void print(const StageTime& stage) noexcept;

  std::ostream& err_;
  Form form_;
  std::mutex mutex_;  // guards everything below but done_
  StageTime current_;
  uint64_t total_ = 0;
  bool running_ = false;
  Clock::time_point start_;
  double cpu_start_ = 0;
  const Clock::time_point made_ = Clock::now();
  const double cpu_made_;
  std::vector<StageTime> stages_;
  std::vector<std::string> warnings_;
  std::atomic<uint64_t> done_ = 0;
  std::jthread painter_;
};

/// `1.4 GB`, `12,345 inodes`.
std::string format_amount(uint64_t amount, std::string_view unit);
/// `42 s`, `3 min 05 s`.
std::string format_seconds(double seconds);

}  // namespace builder
