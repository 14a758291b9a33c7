// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace imagefmt {

namespace fs = std::filesystem;

namespace {

std::string partial_name(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.partial-{}", path.filename().string(), getpid());
}

/// The absolute path without trailing slashes, so that a parent and a last component exist.
std::string absolute_path(const std::string& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  return absolute;
}

void sync_folder(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) throw_errno(fmt::format("sync folder '{}'", path));
}

/// fsync of every regular file and folder below `path`, so that the rename cannot overtake data.
void sync_recursively(const std::string& path) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    File::open_for_reading(entry.path()).sync();
  }
  sync_folder(path);
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

uint64_t File::size_bytes() const { return static_cast<uint64_t>(status().st_size); }

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

std::string read_file(const std::string& path, uint64_t limit_bytes) {
  File file = File::open_for_reading(path);
  struct stat status = file.status();
  if (S_ISDIR(status.st_mode)) throw_errno(fmt::format("read '{}'", path), EISDIR);
  std::string bytes;
  // Grown while reading, not sized by st_size: /proc files say 0.
  while (true) {
    size_t start = bytes.size();
    size_t step = std::max<size_t>(4096, static_cast<size_t>(status.st_size) + 1 - std::min<size_t>(
                                             start, static_cast<size_t>(status.st_size)));
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
    : path_(absolute_path(path)), partial_(partial_name(path_)), file_(File::create(partial_)) {}

OutputFile::~OutputFile() {
  if (!committed_) unlink(partial_.c_str());
}

void OutputFile::commit() {
  file_.sync();
  if (rename(partial_.c_str(), path_.c_str()) != 0) {
    throw_errno(fmt::format("rename '{}' to '{}'", partial_, path_));
  }
  committed_ = true;
  sync_folder(fs::path(path_).parent_path());
}

OutputFolder::OutputFolder(std::string path)
    : path_(absolute_path(path)),
      parent_(fs::path(path_).parent_path()),
      partial_(partial_name(path_)) {
  std::error_code ignored;
  fs::file_status standing = fs::symlink_status(path_, ignored);
  if (fs::exists(standing) && !fs::is_directory(standing)) {
    throw Error(fmt::format("cannot write output folder '{}': a file stands there", path_));
  }
  std::string prefix = fmt::format(".{}.partial-", fs::path(path_).filename().string());
  for (const fs::directory_entry& entry : fs::directory_iterator(parent_, ignored)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    UniqueFd stale(open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (stale && flock(stale.get(), LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
  }
  if (mkdir(partial_.c_str(), 0755) != 0 || chmod(partial_.c_str(), 0755) != 0) {
    throw_errno(fmt::format("create output folder '{}'", partial_));
  }
  lock_ = UniqueFd(open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_ || flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw_errno(fmt::format("lock output folder '{}'", partial_));
  }
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(partial_, ignored);
}

void OutputFolder::commit() {
  sync_recursively(partial_);
  if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    committed_ = true;
  } else if (errno == EEXIST) {
    if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
      throw_errno(fmt::format("exchange '{}' and '{}'", partial_, path_));
    }
    committed_ = true;
    // The partial name now holds the old output.
    std::error_code failure;
    fs::remove_all(partial_, failure);
    if (failure) throw_errno(fmt::format("remove '{}'", partial_), failure.value());
  } else {
    throw_errno(fmt::format("rename '{}' to '{}'", partial_, path_));
  }
  sync_folder(parent_);
}

}  // namespace imagefmt
