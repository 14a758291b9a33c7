// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uefi/pe.h"

#include <algorithm>
#include <array>
#include <bit>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"

namespace imagefmt::uefi {

namespace {

constexpr size_t kOffsetOfPeOffset = 0x3c;
constexpr uint16_t kPe32Plus = 0x20b;
constexpr uint16_t kSymbolsStripped = 0x0004 | 0x0008;  // line numbers, local symbols
constexpr size_t kCertificateTable = 4;                 // among the data directories
constexpr size_t kMaxSections = 96;                     // as Windows and firmware have it
constexpr uint32_t kContainsCode = 0x20, kContainsData = 0x40, kReadable = 0x40000000;

struct CoffHeader {
  le32 signature;  // 0x00: "PE\0\0"
  le16 machine;    // 0x04
  le16 section_count;
  le32 time;
  le32 symbol_table;  // 0x0c: place in the file
  le32 symbol_count;
  le16 optional_size;  // 0x14
  le16 characteristics;
};
static_assert(sizeof(CoffHeader) == 24);

struct OptionalHeader {
  le16 magic;  // 0x00
  std::array<uint8_t, 30> code_and_entry;
  le32 section_alignment;  // 0x20
  le32 file_alignment;
  std::array<uint8_t, 16> versions;
  le32 memory_bytes;  // 0x38: SizeOfImage
  le32 headers_bytes;
  le32 checksum;  // 0x40
  std::array<uint8_t, 40> stack_and_heap;
  le32 directory_count;  // 0x6c
};
static_assert(sizeof(OptionalHeader) == 112);

struct DataDirectory {
  le32 address, size;
};

struct SectionHeader {
  std::array<char, 8> name;
  le32 memory_bytes;  // 0x08: VirtualSize
  le32 address;
  le32 file_bytes;  // 0x10: SizeOfRawData
  le32 file_offset;
  std::array<uint8_t, 12> relocations;
  le32 characteristics;  // 0x24
};
static_assert(sizeof(SectionHeader) == 40);

constexpr uint32_t kSignature = 0x00004550;

/// The headers, and where in the file they are.
struct Headers {
  size_t coff_offset = 0, optional_offset = 0, sections_offset = 0;
  CoffHeader coff;
  OptionalHeader optional;
  DataDirectory certificates{};
  std::vector<SectionHeader> sections;
};

Headers parse_headers(ByteView bytes) {
  Headers headers;
  if (bytes.size() < kOffsetOfPeOffset + 4 || bytes[0] != 'M' || bytes[1] != 'Z') {
    throw Error("not a PE executable");
  }
  Cursor start(bytes.subspan(kOffsetOfPeOffset), "the DOS header");
  headers.coff_offset = start.take_struct<le32>();
  if (headers.coff_offset > bytes.size()) throw Error("not a PE executable");
  Cursor cursor(bytes.subspan(headers.coff_offset), "the PE header");
  headers.coff = cursor.take_struct<CoffHeader>();
  if (headers.coff.signature != kSignature) throw Error("not a PE executable");
  headers.optional_offset = headers.coff_offset + cursor.offset();
  Cursor optional(cursor.take(headers.coff.optional_size), "the optional header");
  headers.optional = optional.take_struct<OptionalHeader>();
  if (headers.optional.magic != kPe32Plus) {
    throw Error(fmt::format("its kind is {:#x}, expected PE32+ ({:#x})",
                            uint16_t{headers.optional.magic}, kPe32Plus));
  }
  if (!std::has_single_bit(uint32_t{headers.optional.section_alignment}) ||
      !std::has_single_bit(uint32_t{headers.optional.file_alignment})) {
    throw Error(fmt::format("its alignments {} and {} are no powers of two",
                            uint32_t{headers.optional.section_alignment},
                            uint32_t{headers.optional.file_alignment}));
  }
  if (headers.optional.directory_count > kCertificateTable) {
    optional.take(kCertificateTable * sizeof(DataDirectory));
    headers.certificates = optional.take_struct<DataDirectory>();
  }
  headers.sections_offset = headers.coff_offset + cursor.offset();
  if (headers.coff.section_count > kMaxSections) {
    throw Error(fmt::format("it has {} sections, more than {}",
                            uint16_t{headers.coff.section_count}, kMaxSections));
  }
  for (uint16_t i = 0; i < headers.coff.section_count; ++i) {
    headers.sections.push_back(cursor.take_struct<SectionHeader>());
  }
  return headers;
}

std::string name_of(const SectionHeader& section) {
  return {section.name.begin(), std::find(section.name.begin(), section.name.end(), '\0')};
}

/// Each section has bytes of its own, so that one may be replaced.
void require_apart(const Headers& headers) {
  struct Range {
    uint64_t begin, end;
    std::string what;
  };
  std::vector<Range> ranges = {
      {0, headers.sections_offset + headers.sections.size() * sizeof(SectionHeader),
       "its headers"}};
  for (const SectionHeader& section : headers.sections) {
    const uint64_t begin = section.file_offset, size = section.file_bytes;
    if (size == 0) continue;
    ranges.push_back({begin, begin + size, fmt::format("section '{}'", name_of(section))});
  }
  std::ranges::stable_sort(ranges, {}, &Range::begin);
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin < ranges[i - 1].end) {
      throw Error(fmt::format("{} starts at {}, inside of {}, up to {}", ranges[i].what,
                              ranges[i].begin, ranges[i - 1].what, ranges[i - 1].end));
    }
  }
}

Pe to_pe(ByteView bytes, const Headers& headers) {
  require_apart(headers);
  Pe pe;
  pe.machine = headers.coff.machine;
  pe.memory_bytes = headers.optional.memory_bytes;
  pe.is_signed = headers.certificates.size != 0;
  for (const SectionHeader& header : headers.sections) {
    const uint64_t offset = header.file_offset, size = header.file_bytes;
    if (offset > bytes.size() || size > bytes.size() - offset) {
      throw Error(fmt::format("section '{}' ends at {}, behind the file's end at {}",
                              name_of(header), offset + size, bytes.size()));
    }
    // Zeros fill a section's last part of the file.
    const size_t used = static_cast<size_t>(std::min<uint64_t>(size, header.memory_bytes));
    pe.sections.push_back({name_of(header), header.address, header.memory_bytes,
                           bytes.subspan(static_cast<size_t>(offset), used)});
  }
  return pe;
}

/// Adds sections to the bytes of an executable.
class Addition {
 public:
  explicit Addition(ByteView executable) : headers_(parse_headers(executable)) {
    if (headers_.certificates.size != 0) throw Error("it is signed");
    to_pe(executable, headers_);
    uint64_t end = headers_.optional.headers_bytes;
    for (const SectionHeader& section : headers_.sections) {
      end = std::max<uint64_t>(end, uint64_t{section.file_offset} + section.file_bytes);
      memory_end_ =
          std::max<uint64_t>(memory_end_, uint64_t{section.address} + section.memory_bytes);
    }
    if (end > executable.size()) throw Error("its headers end behind its last byte");
    const ByteView kept = executable.first(static_cast<size_t>(end));
    bytes_.assign(kept.begin(), kept.end());
  }

  void add(const NewSection& section) {
    if (section.name.empty() || section.name.size() > sizeof(SectionHeader::name)) {
      throw Error(fmt::format("the name '{}' has {} bytes, expected 1 to 8", section.name,
                              section.name.size()));
    }
    auto same = std::ranges::find(headers_.sections, section.name, name_of);
    if (same != headers_.sections.end()) return replace(*same, section);
    SectionHeader header{};
    std::ranges::copy(section.name, header.name.begin());
    const uint64_t memory_bytes = std::max<uint64_t>(section.size_bytes, section.bytes.size());
    const uint64_t address = align_up(memory_end_, headers_.optional.section_alignment);
    const uint64_t offset = align_up(bytes_.size(), headers_.optional.file_alignment);
    const uint64_t file_bytes = align_up(section.bytes.size(), headers_.optional.file_alignment);
    if (address + memory_bytes > kMaxSize || offset + file_bytes > kMaxSize) {
      throw Error(fmt::format("section '{}' of {} bytes ends behind {}", section.name, memory_bytes,
                              kMaxSize));
    }
    header.memory_bytes = static_cast<uint32_t>(memory_bytes);
    header.address = static_cast<uint32_t>(address);
    header.file_bytes = static_cast<uint32_t>(file_bytes);
    header.file_offset = static_cast<uint32_t>(offset);
    header.characteristics = (section.is_code ? kContainsCode : kContainsData) | kReadable;
    headers_.sections.push_back(header);
    bytes_.resize(offset);
    append(bytes_, section.bytes);
    bytes_.resize(offset + file_bytes);
    memory_end_ = address + memory_bytes;
  }

  Bytes finish() {
    const size_t end = headers_.sections_offset + headers_.sections.size() * sizeof(SectionHeader);
    const uint32_t room = headers_.optional.headers_bytes;
    if (end > room || headers_.sections.size() > kMaxSections) {
      throw Error(fmt::format("its headers have room for {} bytes, {} are needed for {} sections",
                              room, end, headers_.sections.size()));
    }
    headers_.coff.section_count = static_cast<uint16_t>(headers_.sections.size());
    headers_.coff.symbol_table = headers_.coff.symbol_count = 0;
    headers_.coff.characteristics =
        static_cast<uint16_t>(headers_.coff.characteristics | kSymbolsStripped);
    headers_.optional.memory_bytes =
        static_cast<uint32_t>(align_up(memory_end_, headers_.optional.section_alignment));
    headers_.optional.checksum = 0;
    put(headers_.coff_offset, bytes_of(headers_.coff));
    put(headers_.optional_offset, bytes_of(headers_.optional));
    for (size_t i = 0; i < headers_.sections.size(); ++i) {
      put(headers_.sections_offset + i * sizeof(SectionHeader), bytes_of(headers_.sections[i]));
    }
    return std::move(bytes_);
  }

 private:
  static constexpr uint64_t kMaxSize = INT32_MAX;

  void replace(SectionHeader& header, const NewSection& section) {
    if (section.bytes.size() > header.file_bytes) {
      throw Error(fmt::format("its section '{}' has room for {} bytes, expected {}", section.name,
                              uint32_t{header.file_bytes}, section.bytes.size()));
    }
    // What lies behind it in memory may lie close.
    for (const SectionHeader& other : headers_.sections) {
      if (other.address > header.address &&
          section.bytes.size() > uint32_t{other.address} - uint32_t{header.address}) {
        throw Error(fmt::format("its section '{}' has room for {} bytes, expected {}", section.name,
                                uint32_t{other.address} - uint32_t{header.address},
                                section.bytes.size()));
      }
    }
    auto place = bytes_.begin() + static_cast<ptrdiff_t>(uint32_t{header.file_offset});
    std::fill(std::copy(section.bytes.begin(), section.bytes.end(), place),
              place + static_cast<ptrdiff_t>(uint32_t{header.file_bytes}), uint8_t{0});
    header.memory_bytes = static_cast<uint32_t>(section.bytes.size());
    memory_end_ = std::max<uint64_t>(memory_end_, uint64_t{header.address} + section.bytes.size());
  }

  void put(size_t offset, ByteView bytes) {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<ptrdiff_t>(offset));
  }

  Headers headers_;
  uint64_t memory_end_ = 0;
  Bytes bytes_;
};

}  // namespace

Pe parse_pe(ByteView bytes, std::string_view name) {
  return with_context(fmt::format("cannot read '{}'", name),
                      [&] { return to_pe(bytes, parse_headers(bytes)); });
}

const PeSection* find_section(const Pe& pe, std::string_view name) {
  auto found = std::ranges::find(pe.sections, name, &PeSection::name);
  return found == pe.sections.end() ? nullptr : &*found;
}

Bytes add_sections(ByteView executable, std::string_view name,
                   const std::vector<NewSection>& sections) {
  return with_context(fmt::format("cannot add sections to '{}'", name), [&] {
    Addition addition(executable);
    for (const NewSection& section : sections) addition.add(section);
    return addition.finish();
  });
}

}  // namespace imagefmt::uefi
