// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <new>
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
  // Outlives every thread, and is there where there is no memory.
  alignas(Partials) static std::byte storage[sizeof(Partials)];
  static Partials* const all = new (storage) Partials;
  return *all;
}

/// Tries again, since others may still be writing into it, and memory may be short just now.
void remove_all(const std::string& path) noexcept {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return;  // a file needs no memory
    try {
      std::error_code failure;
      fs::remove_all(path, failure);
      if (!failure) return;
    } catch (const std::bad_alloc&) {
    }
  }
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

/// Throws if a new file could not take the place of what stands at `path`.
void check_file_is_replaceable(const std::string& path) {
  device_of_parent(path);
  struct stat standing {};
  // A rename would replace /dev/null as well as any file.
  if (stat(path.c_str(), &standing) == 0 && !S_ISREG(standing.st_mode)) {
    throw Error(fmt::format("cannot write '{}': what stands there is no regular file", path));
  }
}

UniqueFd open_to_sync(const std::string& folder) {
  UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno(fmt::format("sync folder '{}'", folder));
  return fd;
}

void sync_folder(const std::string& path) {
  const UniqueFd fd = open_to_sync(path);
  if (fsync(fd.get()) != 0) throw_errno(fmt::format("sync folder '{}'", path));
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
void check_folder_is_replaceable(const fs::path& path) {
  auto refuse = [&](std::string_view reason) {
    throw Error(fmt::format("cannot write output folder '{}': {}", path.string(), reason));
  };
  const dev_t device = device_of_parent(path);
  struct stat standing {};
  if (lstat(path.c_str(), &standing) != 0) return;
  if (!S_ISDIR(standing.st_mode)) refuse("a file stands there");
  if (standing.st_dev != device) refuse("it is a mount point, which cannot be renamed");
}

/// How a new output took its place: from nothing, from what has the partial name since, or from
/// what is gone, where the file system knows no exchange.
enum class Placing { kNew, kExchanged, kReplaced };

Placing take_place(const std::string& partial, const std::string& path) {
  auto try_rename = [&](unsigned flags) {
    return renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, path.c_str(), flags) == 0;
  };
  if (try_rename(RENAME_NOREPLACE)) return Placing::kNew;
  if (errno == EEXIST && try_rename(RENAME_EXCHANGE)) return Placing::kExchanged;
  const bool is_unknown = errno == EINVAL || errno == ENOSYS;
  if (is_unknown && rename(partial.c_str(), path.c_str()) == 0) return Placing::kReplaced;
  throw_errno(fmt::format("rename '{}' to '{}'", partial, path));
}

/// Undoes take_place(), as far as there is a way back.
void give_back(Placing placing, const std::string& partial, const std::string& path) {
  if (placing == Placing::kReplaced) return;
  const unsigned flags = placing == Placing::kNew ? RENAME_NOREPLACE : RENAME_EXCHANGE;
  (void)renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, partial.c_str(), flags);
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

File File::create_unnamed(const std::string& folder) {
  std::string path = folder + "/.intaglio-XXXXXX";
  UniqueFd fd(open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  // Not every file system can make one; for a moment it has a name then.
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR)) {
    fd = UniqueFd(mkostemp(path.data(), O_CLOEXEC));
    if (fd) unlink(path.c_str());
  }
  if (!fd) throw_errno(fmt::format("create a temporary file in '{}'", folder));
  return {std::move(fd), fmt::format("a temporary file in {}", folder)};
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

bool File::clone(uint64_t offset, const File& from, uint64_t from_offset, uint64_t size_bytes) {
  file_clone_range range{};
  range.src_fd = from.fd();
  range.src_offset = from_offset;
  range.src_length = size_bytes;
  range.dest_offset = offset;
  return ioctl(fd(), FICLONERANGE, &range) == 0;
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

Partial::Partial(std::string path) : final_(absolute_path(path)), path_(partial_name(final_)) {}

Partial::~Partial() {
  remove();
}

void Partial::remove() noexcept {
  if (exists_) remove_all(path_);
  exists_ = false;
  std::lock_guard lock(partials().mutex);
  partials().paths.erase(path_);
}

File Partial::make_file() {
  check_file_is_replaceable(final_);
  remove_stale_partials(final_);
  std::lock_guard lock(partials().mutex);
  partials().paths.insert(path_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd fd(open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd) throw_errno(fmt::format("create '{}'", path_));
    exists_ = true;
    if (fchmod(fd.get(), 0644) != 0) throw_errno(fmt::format("set the mode of '{}'", path_));
    if (lock_standing(fd.get())) return File(std::move(fd), path_);
  }
  throw Error(fmt::format("cannot create '{}': others remove it", path_));
}

UniqueFd Partial::make_folder() {
  check_folder_is_replaceable(final_);
  remove_stale_partials(final_);
  std::lock_guard lock(partials().mutex);
  partials().paths.insert(path_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (mkdir(path_.c_str(), 0755) != 0) break;
    exists_ = true;
    UniqueFd fd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd && errno != ENOENT) break;
    if (!fd || !lock_standing(fd.get())) continue;
    if (fchmod(fd.get(), 0755) != 0) break;
    return fd;
  }
  throw_errno(fmt::format("create output folder '{}'", path_));
}

void Partial::commit() {
  const std::string parent = fs::path(final_).parent_path();
  const UniqueFd folder = open_to_sync(parent);
  {
    std::lock_guard lock(partials().mutex);
    const Placing placing = take_place(path_, final_);
    if (fsync(folder.get()) != 0) {
      const int failure = errno;
      give_back(placing, path_, final_);
      throw_errno(fmt::format("sync folder '{}'", parent), failure);
    }
  }
  // The partial name now holds the old output, if there was one. What of it cannot be removed is
  // left to the next run: this one is done.
  remove();
}

OutputFile::OutputFile(std::string path) : partial_(std::move(path)), file_(partial_.make_file()) {}

void OutputFile::commit() {
  file_.sync();
  partial_.commit();
}

OutputFolder::OutputFolder(std::string path)
    : partial_(std::move(path)), lock_(partial_.make_folder()) {}

void OutputFolder::commit() {
  sync_recursively(partial_.path());
  partial_.commit();
}

void discard_outputs() noexcept {
  partials().mutex.lock();  // for good
  for (const std::string& path : partials().paths) remove_all(path);
}

}  // namespace imagefmt
