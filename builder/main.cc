// SPDX-License-Identifier: Apache-2.0
#include <execinfo.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>

#include "builder/cli.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/thread.h"

namespace {

/// Ctrl-C and its like end the program as ever, but take what it was writing with them.
/// REQUIRES: called before any thread is started.
void clean_up_on_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGHUP, SIGINT, SIGTERM}) {
    struct sigaction action {};
    // What the caller has us ignore, as nohup does, stays ignored.
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      sigaddset(&signals, number);
    }
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  imagefmt::start_thread([signals] {
    int number = 0;
    if (sigwait(&signals, &number) != 0) return;
    imagefmt::discard_outputs();
    // To end by the signal itself tells a shell to stop its script.
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    raise(number);
  }).detach();
}

/// Where there is none, a stream may not be able to say so either.
void say_out_of_memory() noexcept {
  constexpr std::string_view kMessage = "intaglio: out of memory\n";
  (void)!write(STDERR_FILENO, kMessage.data(), kMessage.size());
}

/// Where there is no memory is no bug, even if it is found out in a function that must not throw, as
/// CLI11 and the C++ library have them: that ends the program as elsewhere.
[[noreturn]] void terminate() noexcept {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
    // What left such a function may not be known here; but whether there is memory is.
    ::operator delete(::operator new(1 << 16));
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
    imagefmt::discard_outputs();
    _exit(1);
  } catch (const std::exception& error) {
    std::cerr << "intaglio: internal error: " << error.what() << std::endl;
  }
  std::abort();
}

/// Where an error passes a function of the C library, as libre2's may pass pthread_once, that library
/// loads libgcc, and ends the program if there is no memory for it. This loads it now.
void prepare_to_unwind() {
  void* frame = nullptr;
  backtrace(&frame, 1);
}

int run(int argc, char** argv) {
  prepare_to_unwind();
  std::ios::sync_with_stdio(false);
  umask(022);  // modes of outputs do not depend on the caller's
  clean_up_on_signals();
  builder::Io io{std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) == 1};
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    const char* end = epoch + std::strlen(epoch);
    auto [stop, failure] = std::from_chars(epoch, end, io.source_date_epoch);
    if (failure != std::errc() || stop != end || io.source_date_epoch < 0) {
      std::cerr << fmt::format("intaglio: SOURCE_DATE_EPOCH is no number of seconds: '{}'\n",
                               epoch);
      return 2;
    }
  }
  return builder::run({argv + 1, argv + argc}, io);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(terminate);
  try {
    return run(argc, argv);
  } catch (const imagefmt::Error& error) {
    std::cerr << "intaglio: " << error.what() << '\n';
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
  } catch (const std::exception& error) {
    // Not one of ours: a bug, but it still gets a line and a status of 1.
    std::cerr << "intaglio: internal error: " << error.what() << '\n';
  }
  return 1;
}
