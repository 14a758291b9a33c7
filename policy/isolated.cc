// SPDX-License-Identifier: Apache-2.0
#include "policy/isolated.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/handle.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;
using imagefmt::UniqueFd;

namespace {

// How a child ends: its result file holds strings, or one string, the text of an Error.
constexpr int kReturned = 0;
constexpr int kThrew = 3;
constexpr int kLost = 4;  // the result could not be written

UniqueFd make_memory_file(const char* name) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC));
  if (!fd) imagefmt::throw_errno("create a memory file");
  return fd;
}

bool write_all(int fd, const void* bytes, size_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count) {
    ssize_t written = write(fd, next, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    next += written;
    count -= static_cast<size_t>(written);
  }
  return true;
}

bool write_strings(int fd, const std::vector<std::string>& strings) {
  for (const std::string& string : strings) {
    uint64_t size = string.size();
    if (!write_all(fd, &size, sizeof size) || !write_all(fd, string.data(), size)) return false;
  }
  return true;
}

std::string read_all(int fd, off_t offset) {
  std::string bytes;
  char buffer[1 << 16];
  while (true) {
    ssize_t count = pread(fd, buffer, sizeof buffer, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) imagefmt::throw_errno("read a memory file");
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
    offset += count;
  }
}

std::vector<std::string> read_strings(int fd) {
  std::vector<std::string> strings;
  off_t end = lseek(fd, 0, SEEK_END), offset = 0;
  while (offset < end) {
    uint64_t size = 0;
    if (pread(fd, &size, sizeof size, offset) != sizeof size) break;
    offset += sizeof size;
    std::string string(size, '\0');
    for (size_t done = 0; done < size;) {
      ssize_t count = pread(fd, string.data() + done, size - done, offset);
      if (count <= 0) imagefmt::throw_errno("read the result of a child process");
      done += static_cast<size_t>(count);
      offset += count;
    }
    strings.push_back(std::move(string));
  }
  return strings;
}

/// The lines of `text` that hold something, joined by `; `.
std::string join_lines(std::string_view text) {
  std::string joined;
  for_each_line(text, [&](std::string_view line, size_t) {
    line = trim(line);
    if (line.empty()) return;
    if (!joined.empty()) joined += "; ";
    joined += line;
  });
  return joined;
}

void limit(__rlimit_resource resource, rlim_t value) {
  struct rlimit limits {};
  getrlimit(resource, &limits);
  limits.rlim_cur = std::min(value, limits.rlim_max);
  setrlimit(resource, &limits);
}

/// The size of this process' address space; under AddressSanitizer some 20 TB.
uint64_t address_space_bytes() {
  std::string status = imagefmt::read_file("/proc/self/statm");
  return strtoull(status.c_str(), nullptr, 10) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

[[noreturn]] void be_the_child(const IsolationLimits& limits, const IsolatedBody& body,
                               int result_fd, int printed_fd, uint64_t address_space,
                               pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kLost);
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGXCPU}) signal(number, SIG_DFL);
  // A terminal sends these to all of its processes: the parent says what becomes of them, and its
  // end is this one's too.
  for (int number : {SIGHUP, SIGINT, SIGTERM}) signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.cpu_seconds);
  limit(RLIMIT_AS, address_space + limits.memory_bytes);
  dup2(printed_fd, STDOUT_FILENO);
  dup2(printed_fd, STDERR_FILENO);
  // What the parent had not yet flushed is the parent's to print.
  __fpurge(stdout);
  __fpurge(stderr);
  std::vector<std::string> result;
  int how = kReturned;
  try {
    result = body();
  } catch (const std::bad_alloc&) {
    result = {"out of memory"};
    how = kThrew;
  } catch (const std::exception& error) {
    result = {error.what()};
    how = kThrew;
  }
  _exit(write_strings(result_fd, result) ? how : kLost);
}

std::string describe_end(int status, const IsolationLimits& limits) {
  if (!WIFSIGNALED(status)) return "libsepol gave up";
  int number = WTERMSIG(status);
  if (number == SIGXCPU) return fmt::format("libsepol ran for {} s", limits.cpu_seconds);
  const char* text = sigdescr_np(number);
  return fmt::format("libsepol crashed ({})", text ? text : "unknown signal");
}

}  // namespace

IsolationLimits limits_for_reading(uint64_t size_bytes) {
  const uint64_t mebibytes = size_bytes >> 20;
  return {(mebibytes + 4) << 28, static_cast<unsigned>(2 + 2 * mebibytes)};
}

Isolated::Isolated(std::string_view action, const IsolationLimits& limits, const IsolatedBody& body)
    : action_(action),
      limits_(limits),
      result_(make_memory_file("result")),
      printed_(make_memory_file("printed")) {
  uint64_t address_space = address_space_bytes();
  const pid_t parent = getpid();
  child_ = fork();
  if (child_ < 0) imagefmt::throw_errno("start a child process");
  if (child_ == 0) {
    be_the_child(limits, body, result_.get(), printed_.get(), address_space, parent);
  }
}

Isolated::~Isolated() {
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::vector<std::string> Isolated::finish() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0) {
    if (errno != EINTR) imagefmt::throw_errno("wait for a child process");
  }
  child_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kReturned) return read_strings(result_.get());
  if (WIFEXITED(status) && WEXITSTATUS(status) == kThrew) {
    throw Error(read_strings(result_.get()).at(0));
  }
  std::string last = join_lines(read_all(printed_.get(), 0));
  throw Error(fmt::format("{}: {}{}{}", action_, describe_end(status, limits_),
                          last.empty() ? "" : ": ", last));
}

std::string take_printed() {
  fflush(stdout);
  fflush(stderr);
  // stderr is a memory file here, whose position both streams share through dup2.
  std::string printed = join_lines(read_all(STDERR_FILENO, 0));
  if (ftruncate(STDERR_FILENO, 0) == 0) lseek(STDERR_FILENO, 0, SEEK_SET);
  return printed;
}

}  // namespace policy
