// SPDX-License-Identifier: Apache-2.0
#include "builder/terminal.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <condition_variable>
#include <new>
#include <ostream>

#include "builder/text.h"
#include "imagefmt/base/thread.h"

namespace builder {

std::string format_amount(uint64_t amount, std::string_view unit) {
  if (unit == "bytes") {
    static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
    double value = static_cast<double>(amount);
    size_t step = 0;
    while (value >= 1000 && step + 1 < std::size(kUnits)) {
      value /= 1000;
      ++step;
    }
    return step ? fmt::format("{:.1f} {}", value, kUnits[step]) : fmt::format("{} B", amount);
  }
  std::string digits = fmt::format("{}", amount);
  for (size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return fmt::format("{} {}", digits, unit);
}

std::string format_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  unsigned whole = static_cast<unsigned>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this process and of its children that have ended.
double cpu_seconds_now() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return seconds;
}

/// `  (read 400.0 MB/s, written 52.1 MB/s)`; empty where no bytes were counted.
std::string format_rates(const StageTime& stage) {
  std::string rates;
  for (const imagefmt::Work work : kWorks) {
    if (stage.bytes_of(work) == 0 || stage.seconds < 0.05) continue;
    const double rate = static_cast<double>(stage.bytes_of(work)) / stage.seconds;
    rates += fmt::format("{}{} {}/s", rates.empty() ? "" : ", ", to_text(work),
                         format_amount(static_cast<uint64_t>(rate), "bytes"));
  }
  return rates.empty() ? rates : fmt::format("  ({})", rates);
}

}  // namespace

const char* to_text(imagefmt::Work work) {
  switch (work) {
    case imagefmt::Work::kRead:
      return "read";
    case imagefmt::Work::kCompressed:
      return "compressed";
    case imagefmt::Work::kWritten:
      break;
  }
  return "written";
}

TerminalReporter::TerminalReporter(std::ostream& err, Form form)
    : err_(err), form_(form), cpu_made_(cpu_seconds_now()) {
  if (form_ != Form::kLive) return;
  painter_ = imagefmt::start_thread([this](std::stop_token stop) {
    std::mutex sleep;
    std::condition_variable_any wake;
    std::unique_lock lock(sleep);
    while (!wake.wait_for(lock, stop, std::chrono::milliseconds(250), [] { return false; })) {
      if (stop.stop_requested()) return;
      std::lock_guard guard(mutex_);
      draw();
    }
  });
}

TerminalReporter::~TerminalReporter() {
  if (running_) end();
}

double TerminalReporter::seconds() const {
  return seconds_since(made_);
}

double TerminalReporter::cpu_seconds() const {
  return cpu_seconds_now() - cpu_made_;
}

void TerminalReporter::draw() noexcept try {
  if (!running_) return;
  uint64_t done = done_;
  double seconds = seconds_since(start_);
  std::string line = current_.name;
  if (done) line += fmt::format("  {}", format_amount(done, current_.unit));
  if (total_) line += fmt::format(" of {}", format_amount(total_, current_.unit));
  if (done && seconds > 0.5) {
    double rate = static_cast<double>(done) / seconds;
    line += fmt::format("  {}/s", format_amount(static_cast<uint64_t>(rate), current_.unit));
    if (total_ > done) {
      line += fmt::format("  {} left", format_seconds(static_cast<double>(total_ - done) / rate));
    }
  }
  err_ << "\r\x1b[K" << line << std::flush;
} catch (const std::bad_alloc&) {  // the next time, perhaps
}

void TerminalReporter::print(const StageTime& stage) noexcept try {
  if (form_ == Form::kQuiet) return;
  if (form_ == Form::kLive) err_ << "\r\x1b[K";
  err_ << stage.name;
  if (stage.amount) err_ << "  " << format_amount(stage.amount, stage.unit);
  err_ << "  " << format_seconds(stage.seconds) << format_rates(stage) << std::endl;
} catch (const std::bad_alloc&) {
  err_ << std::endl;
}

void TerminalReporter::begin(std::string_view stage, uint64_t total, std::string_view unit) {
  std::lock_guard guard(mutex_);
  stages_.reserve(stages_.size() + 1);  // end() cannot say that there is no memory
  current_ = {};
  current_.name = stage;
  current_.unit = unit;
  total_ = total;
  done_ = 0;
  start_ = Clock::now();
  cpu_start_ = cpu_seconds_now();
  running_ = true;
  if (form_ == Form::kLive) draw();
}

void TerminalReporter::advance(uint64_t amount) noexcept {
  done_ += amount;
}

void TerminalReporter::count(imagefmt::Work work, uint64_t size_bytes) noexcept {
  std::lock_guard guard(mutex_);
  current_.bytes[static_cast<size_t>(work)] += size_bytes;
}

void TerminalReporter::end() noexcept {
  std::lock_guard guard(mutex_);
  running_ = false;
  current_.seconds = seconds_since(start_);
  current_.cpu_seconds = cpu_seconds_now() - cpu_start_;
  current_.amount = done_;
  print(current_);
  stages_.push_back(std::move(current_));
}

void TerminalReporter::warn(std::string_view message) {
  std::lock_guard guard(mutex_);
  if (form_ == Form::kLive) err_ << "\r\x1b[K";
  err_ << "intaglio: warning: " << escape_controls(message) << std::endl;
  warnings_.emplace_back(message);
}

}  // namespace builder
