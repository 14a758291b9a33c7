// SPDX-License-Identifier: Apache-2.0
//
// How long work tells of itself. Libraries never print; the program gives them a Reporter.
#pragma once

#include <cstdint>
#include <string_view>

namespace imagefmt {

/// What a stage does with bytes: each kind has a limit of its own, which the machine sets.
enum class Work { kRead, kCompressed, kWritten };

/// begin() and warn() throw where memory is short: nothing is left out in silence.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// A stage begins; stages do not nest. `total` is in `unit`s (bytes, or inodes, or modules);
  /// 0 if unknown.
  virtual void begin(std::string_view stage, uint64_t total, std::string_view unit) = 0;
  /// Called from any thread.
  virtual void advance(uint64_t amount) noexcept = 0;
  virtual void end() noexcept = 0;
  /// What the stage has done to `size_bytes` more. Called from any thread.
  virtual void count(Work, uint64_t /*size_bytes*/) noexcept {}
  /// Something that the user should know and that does not stop the work.
  virtual void warn(std::string_view message) = 0;
};

/// For tests and for work nobody watches.
class SilentReporter : public Reporter {
 public:
  void begin(std::string_view, uint64_t, std::string_view) override {}
  void advance(uint64_t) noexcept override {}
  void end() noexcept override {}
  void warn(std::string_view) override {}
};

/// `Stage stage(reporter, "writing root.squashfs", bytes);` for the length of a scope.
class Stage {
 public:
  Stage(Reporter& reporter, std::string_view name, uint64_t total = 0,
        std::string_view unit = "bytes")
      : reporter_(reporter) {
    reporter_.begin(name, total, unit);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage() { reporter_.end(); }
  void advance(uint64_t amount) noexcept { reporter_.advance(amount); }
  void count(Work work, uint64_t size_bytes) noexcept { reporter_.count(work, size_bytes); }

 private:
  Reporter& reporter_;
};

}  // namespace imagefmt
