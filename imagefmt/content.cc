// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imagefmt/base/file.h"

namespace imagefmt {

namespace {

constexpr uint64_t kStep = 1 << 20;

class MemoryReader : public ContentReader {
 public:
  explicit MemoryReader(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  void read(std::span<uint8_t> into) override {
    ByteView part = as_bytes(*bytes_).subspan(offset_, into.size());
    std::copy(part.begin(), part.end(), into.begin());
    offset_ += into.size();
  }
  void skip(uint64_t size_bytes) override { offset_ += size_bytes; }
  void finish() override {}

 private:
  std::shared_ptr<const std::string> bytes_;
  size_t offset_ = 0;
};

class HostReader : public ContentReader {
 public:
  HostReader(const std::string& path, uint64_t size_bytes, timespec mtime)
      : file_(File::open_for_reading(path)), size_bytes_(size_bytes), mtime_(mtime) {
    check_unchanged();
  }
  void read(std::span<uint8_t> into) override {
    if (file_.read_some(offset_, into) != into.size()) throw_changed();
    offset_ += into.size();
  }
  bool clone(File& to, uint64_t offset, uint64_t size_bytes) const override {
    return to.clone(offset, file_, offset_, size_bytes);
  }
  void skip(uint64_t size_bytes) override { offset_ += size_bytes; }
  uint64_t hole_size() const override {
    const off_t data = lseek(file_.fd(), static_cast<off_t>(offset_), SEEK_DATA);
    if (data < 0) return errno == ENXIO ? size_bytes_ - offset_ : 0;
    return static_cast<uint64_t>(data) - offset_;
  }
  void finish() override { check_unchanged(); }

 private:
  void check_unchanged() const {
    struct stat status = file_.status();
    if (static_cast<uint64_t>(status.st_size) != size_bytes_ ||
        status.st_mtim.tv_sec != mtime_.tv_sec || status.st_mtim.tv_nsec != mtime_.tv_nsec) {
      throw_changed();
    }
  }
  [[noreturn]] void throw_changed() const {
    throw Error(fmt::format("cannot read '{}': it changed while being read", file_.name()));
  }

  File file_;
  uint64_t size_bytes_;
  timespec mtime_;
  uint64_t offset_ = 0;
};

class SourceReader : public ContentReader {
 public:
  explicit SourceReader(std::shared_ptr<const ContentSource> source) : source_(std::move(source)) {}
  void read(std::span<uint8_t> into) override {
    source_->read(offset_, into);
    offset_ += into.size();
  }
  void skip(uint64_t size_bytes) override { offset_ += size_bytes; }
  uint64_t hole_size() const override { return source_->hole_size(offset_); }
  void finish() override {}

 private:
  std::shared_ptr<const ContentSource> source_;
  uint64_t offset_ = 0;
};

}  // namespace

ContentId content_id(std::string_view source) {
  // Half of SHA-256 is still beyond anybody who would make two sources meet.
  const Digest digest = sha256(source);
  ContentId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

std::optional<ContentId> Content::id() const {
  std::optional<ContentId> id = id_;
  if (id && is_uncompressed_) id->front() ^= 0x80;
  return id;
}

Content Content::from_bytes(std::string bytes) {
  uint64_t size_bytes = bytes.size();
  return {InMemory(std::make_shared<const std::string>(std::move(bytes))), size_bytes};
}

Content Content::from_host_file(std::shared_ptr<const std::string> folder, std::string name,
                                uint64_t size_bytes, timespec mtime) {
  return {HostFile{std::move(folder), std::move(name), mtime}, size_bytes};
}

Content Content::from_host_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw_errno(fmt::format("stat '{}'", path));
  if (!S_ISREG(status.st_mode)) {
    throw Error(fmt::format("cannot read '{}': not a regular file", path));
  }
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  return from_host_file(std::make_shared<const std::string>(std::move(folder)),
                        path.substr(slash + 1), static_cast<uint64_t>(status.st_size),
                        status.st_mtim);
}

Content Content::from_source(std::shared_ptr<const ContentSource> source, uint64_t size_bytes) {
  return {std::move(source), size_bytes};
}

std::string Content::host_path() const {
  const HostFile* host = std::get_if<HostFile>(&origin_);
  return host ? *host->folder + '/' + host->name : std::string();
}

std::unique_ptr<ContentReader> Content::open() const {
  if (const InMemory* memory = std::get_if<InMemory>(&origin_)) {
    return std::make_unique<MemoryReader>(*memory);
  }
  if (const HostFile* host = std::get_if<HostFile>(&origin_)) {
    return std::make_unique<HostReader>(host_path(), size_bytes_, host->mtime);
  }
  return std::make_unique<SourceReader>(std::get<InSource>(origin_));
}

std::string Content::read_all(uint64_t limit_bytes) const {
  if (size_bytes_ > limit_bytes) {
    throw Error(fmt::format("cannot read '{}': {} bytes, larger than {}", host_path(), size_bytes_,
                            limit_bytes));
  }
  std::string bytes(size_bytes_, '\0');
  std::unique_ptr<ContentReader> reader = open();
  reader->read({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  reader->finish();
  return bytes;
}

void read_part(const Content& content, uint64_t offset, std::span<uint8_t> into) {
  std::unique_ptr<ContentReader> reader = content.open();
  reader->skip(offset);
  reader->read(into);
  reader->finish();
}

Digest digest(const Content& content) {
  Sha256 hash;
  std::unique_ptr<ContentReader> reader = content.open();
  Bytes part(static_cast<size_t>(std::min(content.size_bytes(), kStep)));
  for (uint64_t left = content.size_bytes(); left != 0;) {
    size_t step = static_cast<size_t>(std::min(left, kStep));
    reader->read({part.data(), step});
    hash.update({part.data(), step});
    left -= step;
  }
  reader->finish();
  return hash.finish();
}

bool operator==(const Content& a, const Content& b) {
  if (a.size_bytes() != b.size_bytes()) return false;
  std::unique_ptr<ContentReader> reader_a = a.open(), reader_b = b.open();
  Bytes part_a(std::min(a.size_bytes(), kStep)), part_b(part_a.size());
  for (uint64_t left = a.size_bytes(); left != 0;) {
    size_t step = static_cast<size_t>(std::min(left, kStep));
    reader_a->read({part_a.data(), step});
    reader_b->read({part_b.data(), step});
    if (!std::equal(part_a.begin(), part_a.begin() + static_cast<ptrdiff_t>(step),
                    part_b.begin())) {
      return false;
    }
    left -= step;
  }
  reader_a->finish();
  reader_b->finish();
  return true;
}

}  // namespace imagefmt
