// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <vector>

namespace imagefmt {

namespace fs = std::filesystem;

namespace {

std::string partial_prefix(const fs::path& path) {
  return fmt::format(".{}.partial-", path.filename().string());
}

std::string partial_name(const fs::path& path) {
  return path.parent_path() / fmt::format("{}{}", partial_prefix(path), getpid());
}

/// The absolute path without trailing slashes, so that a parent and a last component exist.
std::string absolute_path(const std::string& path) {
  std::error_code failure;
  fs::path absolute = fs::absolute(path, failure).lexically_normal();
  if (failure) throw_errno(fmt::format("find '{}'", path), failure.value());
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  if (absolute.filename().empty()) {
    throw Error(fmt::format("cannot write '{}': expected the name of a file or a folder", path));
  }
  return absolute;
}

/// The partial outputs of this process. Whoever makes one, or gives one its final name, holds the
/// mutex meanwhile: so discard_outputs() sees all of them and never removes from a final name.
struct Partials {
  std::mutex mutex;
  std::set<std::string> paths;
};
Partials& partials() {
  static Partials* const all = new Partials;  // outlives every thread
  return *all;
}

void remove_partial(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
  std::lock_guard lock(partials().mutex);
  partials().paths.erase(path);
}

// A process that lives holds a lock on its partial output. Between making it and locking it another
// one may take it for a dead process' and remove it; then it is made again.
constexpr int kAttempts = 100;

/// The lock, if nobody has it.
UniqueFd try_lock(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return fd;
}

/// Waits for the lock; false if what `fd` has open was removed before.
bool lock_standing(int fd) {
  while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_nlink != 0;
}

UniqueFd make_partial_folder(const std::string& path) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (mkdir(path.c_str(), 0755) != 0) break;
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && lock_standing(fd.get()) && fchmod(fd.get(), 0755) == 0) return fd;
    rmdir(path.c_str());
  }
  throw_errno(fmt::format("create output folder '{}'", path));
}

/// Removes what killed processes left beside `path`.
void remove_stale_partials(const fs::path& path) {
  const std::string prefix = partial_prefix(path);
  std::error_code ignored;
  std::vector<fs::path> stale;
  for (fs::directory_iterator entry(path.parent_path(), ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(prefix) && name.size() > prefix.size() &&
        name.find_first_not_of("0123456789", prefix.size()) == std::string::npos) {
      stale.push_back(entry->path());
    }
  }
  for (const fs::path& partial : stale) {
    if (UniqueFd lock = try_lock(partial)) fs::remove_all(partial, ignored);
  }
}

dev_t device_of_parent(const fs::path& path) {
  struct stat status {};
  if (stat(path.parent_path().c_str(), &status) == 0) return status.st_dev;
  const int failure = errno;
  throw_errno(fmt::format("write '{}': cannot find the folder '{}'", path.string(),
                          path.parent_path().string()),
              failure);
}

File create_partial_file(const std::string& path, const std::string& partial) {
  device_of_parent(path);
  struct stat standing {};
  // A rename would replace /dev/null as well as any file.
  if (stat(path.c_str(), &standing) == 0 && !S_ISREG(standing.st_mode)) {
    throw Error(fmt::format("cannot write '{}': what stands there is no regular file", path));
  }
  remove_stale_partials(path);
  std::lock_guard lock(partials().mutex);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    File file = File::create(partial);
    if (!lock_standing(file.fd())) continue;
    partials().paths.insert(partial);
    return file;
  }
  throw Error(fmt::format("cannot create '{}': others remove it", partial));
}

void sync_folder(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) throw_errno(fmt::format("sync folder '{}'", path));
}

/// fsync of every regular file and folder below `path`, so that the rename cannot overtake data.
void sync_recursively(const std::string& path) {
  std::error_code failure;
  for (fs::recursive_directory_iterator entry(path, failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    const fs::file_status status = entry->symlink_status(failure);
    if (fs::is_regular_file(status)) File::open_for_reading(entry->path()).sync();
    if (fs::is_directory(status)) sync_folder(entry->path());
  }
  if (failure) throw_errno(fmt::format("sync folder '{}'", path), failure.value());
  sync_folder(path);
}

/// Throws if a new folder could not take the place of what stands at `path`.
void check_replaceable(const fs::path& path) {
  auto refuse = [&](std::string_view reason) {
    throw Error(fmt::format("cannot write output folder '{}': {}", path.string(), reason));
  };
  const dev_t device = device_of_parent(path);
  struct stat standing {};
  if (lstat(path.c_str(), &standing) != 0) return;
  if (!S_ISDIR(standing.st_mode)) refuse("a file stands there");
  if (standing.st_dev != device) refuse("it is a mount point, which cannot be renamed");
}

}  // namespace

File File::open_for_reading(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(fmt::format("open '{}'", path));
  return {std::move(fd), path};
}

File File::create(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw_errno(fmt::format("create '{}'", path));
  if (fchmod(fd.get(), 0644) != 0) throw_errno(fmt::format("set the mode of '{}'", path));
  return {std::move(fd), path};
}

struct stat File::status() const {
  struct stat status {};
  if (fstat(fd(), &status) != 0) throw_errno(fmt::format("stat '{}'", name_));
  return status;
}

uint64_t File::size_bytes() const {
  return static_cast<uint64_t>(status().st_size);
}

size_t File::read_some(uint64_t offset, std::span<uint8_t> into) const {
  size_t done = 0;
  while (done < into.size()) {
    ssize_t count =
        pread(fd(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      throw_errno(fmt::format("read '{}'", name_));
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

void File::read_exactly(uint64_t offset, std::span<uint8_t> into) const {
  size_t done = read_some(offset, into);
  if (done != into.size()) {
    throw Error(fmt::format("cannot read '{}': ends at offset {}, expected {} more bytes", name_,
                            offset + done, into.size() - done));
  }
}

void File::write(uint64_t offset, ByteView bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t count =
        pwrite(fd(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      throw_errno(fmt::format("write '{}'", name_));
    }
    done += static_cast<size_t>(count);
  }
}

void File::resize(uint64_t size_bytes) {
  if (ftruncate(fd(), static_cast<off_t>(size_bytes)) != 0) {
    throw_errno(fmt::format("resize '{}' to {} bytes", name_, size_bytes));
  }
}

void File::sync() {
  if (fsync(fd()) != 0) throw_errno(fmt::format("sync '{}'", name_));
}

void File::sync_range(uint64_t offset, uint64_t size_bytes, unsigned flags) {
  // A failed write of earlier bytes shows here and then no more. ENOSYS: sync() does it all.
  if (sync_file_range(fd(), static_cast<off_t>(offset), static_cast<off_t>(size_bytes), flags) !=
          0 &&
      errno != ENOSYS) {
    throw_errno(fmt::format("write '{}'", name_));
  }
}

void File::begin_sync(uint64_t offset, uint64_t size_bytes) {
  sync_range(offset, size_bytes, SYNC_FILE_RANGE_WRITE);
}

void File::drop_cached(uint64_t offset, uint64_t size_bytes) {
  sync_range(offset, size_bytes,
             SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  // A hint: where it is not taken, the memory is only given back later.
  posix_fadvise(fd(), static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                POSIX_FADV_DONTNEED);
}

std::string read_file(const std::string& path, uint64_t limit_bytes) {
  File file = File::open_for_reading(path);
  struct stat status = file.status();
  if (S_ISDIR(status.st_mode)) throw_errno(fmt::format("read '{}'", path), EISDIR);
  std::string bytes;
  // Grown while reading, not sized by st_size: /proc files say 0.
  while (true) {
    size_t start = bytes.size();
    size_t step =
        std::max<size_t>(4096, static_cast<size_t>(status.st_size) + 1 -
                                   std::min<size_t>(start, static_cast<size_t>(status.st_size)));
    bytes.resize(start + step);
    size_t count = file.read_some(
        start, {reinterpret_cast<uint8_t*>(bytes.data()) + start, bytes.size() - start});
    bytes.resize(start + count);
    if (bytes.size() > limit_bytes) {
      throw Error(fmt::format("cannot read '{}': larger than {} bytes", path, limit_bytes));
    }
    if (count < step) return bytes;
  }
}

void write_file(const std::string& path, std::string_view bytes) {
  File::create(path).write(0, as_bytes(bytes));
}

OutputFile::OutputFile(std::string path)
    : path_(absolute_path(path)),
      partial_(partial_name(path_)),
      file_(create_partial_file(path_, partial_)) {}

OutputFile::~OutputFile() {
  if (!committed_) remove_partial(partial_);
}

void OutputFile::commit() {
  file_.sync();
  {
    std::lock_guard lock(partials().mutex);
    if (rename(partial_.c_str(), path_.c_str()) != 0) {
      throw_errno(fmt::format("rename '{}' to '{}'", partial_, path_));
    }
    partials().paths.erase(partial_);
    committed_ = true;
  }
  sync_folder(fs::path(path_).parent_path());
}

OutputFolder::OutputFolder(std::string path)
    : path_(absolute_path(path)),
      parent_(fs::path(path_).parent_path()),
      partial_(partial_name(path_)) {
  check_replaceable(path_);
  remove_stale_partials(path_);
  std::lock_guard lock(partials().mutex);
  lock_ = make_partial_folder(partial_);
  partials().paths.insert(partial_);
}

OutputFolder::~OutputFolder() {
  if (!committed_) remove_partial(partial_);
}

void OutputFolder::commit() {
  sync_recursively(partial_);
  {
    std::lock_guard lock(partials().mutex);
    if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno != EEXIST) throw_errno(fmt::format("rename '{}' to '{}'", partial_, path_));
      if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
        throw_errno(fmt::format("exchange '{}' and '{}'", partial_, path_));
      }
    }
    committed_ = true;
  }
  // The partial name now holds the old output, if there was one. What of it cannot be removed is
  // left to the next build: this one is done.
  remove_partial(partial_);
  sync_folder(parent_);
}

void discard_outputs() noexcept {
  partials().mutex.lock();  // for good
  for (const std::string& path : partials().paths) {
    // Others may still be writing into it, until it is gone.
    std::error_code failure;
    for (int attempt = 0; attempt < 100; ++attempt) {
      fs::remove_all(path, failure);
      if (!failure) break;
    }
  }
}

}  // namespace imagefmt
