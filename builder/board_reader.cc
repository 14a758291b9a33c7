// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "builder/board_fields.h"
#include "builder/private_toml.h"

namespace builder {

using imagefmt::EmbeddedFile;
using imagefmt::Error;
using imagefmt::Faults;

namespace {

constexpr size_t kMaxLayers = 8;

/// One file: the board's own first, then what it extends, and so on.
struct Layer {
  std::string file;
  toml::table table;
};

/// Keys: all that there are, in the order of a definition.
class KeyCollector {
 public:
  std::vector<std::string_view> keys;

  template <class... Rest>
  void text(std::string_view key, Rest&&...) {
    keys.push_back(key);
  }
  template <class... Rest>
  void list(std::string_view key, Rest&&...) {
    keys.push_back(key);
  }
  template <class... Rest>
  void word(std::string_view key, Rest&&...) {
    keys.push_back(key);
  }
  template <class... Rest>
  void words(std::string_view key, Rest&&...) {
    keys.push_back(key);
  }
  template <class... Rest>
  void number(std::string_view key, Rest&&...) {
    keys.push_back(key);
  }
  void flag(std::string_view key, bool) { keys.push_back(key); }
};

/// The value of a key is the one of the first layer that has it, which is what merging the tables
/// and replacing all else comes to; each value keeps the place that it was read from.
class BoardReader {
 public:
  BoardReader(std::string_view text, std::string_view file, std::span<const EmbeddedFile> bases) {
    layers_.push_back({std::string(file), parse_toml(text, file)});
    while (const toml::node* extends = layers_.back().table.get("extends")) {
      add_base(*extends, bases);
    }
  }

  Board read() {
    for (const Layer& layer : layers_) check_keys(layer, layer.table, "");
    Board board;
    read_name(board.name);
    visit_fields(*this, board, true);
    check_values(board);
    if (faults_.empty()) {
      for (std::string_view key : board_keys()) check_use(key, board);
    }
    faults_.throw_if_any();
    return board;
  }

  // What visit_fields() calls.

  void text(std::string_view key, std::string& into, Need need, Check check = check_nothing) {
    if (Found found = find(key, need); found.node) {
      take_text(found, key, [&](std::string text) {
        check(text);
        into = std::move(text);
      });
    }
  }

  template <class Enum>
  void word(std::string_view key, std::string_view what, Enum& into, Need need) {
    if (Found found = find(key, need); found.node) {
      take_text(found, key, [&](const std::string& word) { into = parse_word<Enum>(what, word); });
    }
  }

  void list(std::string_view key, std::vector<std::string>& into, Need need,
            Check check = check_nothing) {
    take_list(key, need, [&](std::string text) {
      check(text);
      into.push_back(std::move(text));
    });
  }

  template <class Enum>
  void words(std::string_view key, std::string_view what, std::vector<Enum>& into) {
    take_list(key, Need::kOptional,
              [&](const std::string& word) { into.push_back(parse_word<Enum>(what, word)); });
  }

  template <class Number>
  void number(std::string_view key, Number& into, Need need, uint64_t most) {
    Found found = find(key, need);
    if (!found.node) return;
    std::optional<int64_t> number = found.node->value_exact<int64_t>();
    if (!number) return faults_.add(wrong_type(found, key, "an integer"));
    if (*number < 0 || static_cast<uint64_t>(*number) > most) {
      return faults_.add(at(found, key, fmt::format("{}, expected 0 to {}", *number, most)));
    }
    into = static_cast<Number>(*number);
  }

  template <class Number>
  void number(std::string_view key, std::optional<Number>& into, uint64_t most) {
    Number value = 0;
    if (!find(key, Need::kOptional).node) return;
    number(key, value, Need::kOptional, most);
    into = value;
  }

  void flag(std::string_view key, bool& into) {
    Found found = find(key, Need::kOptional);
    if (!found.node) return;
    std::optional<bool> flag = found.node->value_exact<bool>();
    if (!flag) return faults_.add(wrong_type(found, key, "a boolean"));
    into = *flag;
  }

 private:
  struct Found {
    const Layer* layer = nullptr;
    const toml::node* node = nullptr;
  };

  void add_base(const toml::node& extends, std::span<const EmbeddedFile> bases) {
    Found place{&layers_.back(), &extends};
    std::optional<std::string> name = extends.value_exact<std::string>();
    if (!name) throw Error(wrong_type(place, "extends", "a string"));
    const EmbeddedFile* base = find_board_file(bases, *name);
    if (!base) throw Error(at(place, "extends", unknown_board(*name, bases).what()));
    if (layers_.size() == kMaxLayers) {
      throw Error(
          at(place, "extends", fmt::format("more than {} boards extend each other", kMaxLayers)));
    }
    layers_.push_back({std::string(base->name), parse_toml(base->bytes, base->name)});
  }

  static std::string at(const Found& place, std::string_view key, std::string_view reason) {
    return fmt::format("{}:{}: key '{}': {}", place.layer->file, place.node->source().begin.line,
                       key, reason);
  }
  static std::string wrong_type(const Found& place, std::string_view key,
                                std::string_view expected) {
    return at(place, key, fmt::format("expected {}, found {}", expected, type_name(*place.node)));
  }

  /// Faults for what no board may have. `path` is empty or ends in '.'.
  void check_keys(const Layer& layer, const toml::table& table, const std::string& path) {
    const std::vector<std::string_view>& keys = board_keys();
    for (const auto& [key, node] : table) {
      std::string full = path + std::string(key.str());
      // A quoted key may hold a dot, and is none of ours then.
      bool known = key.str().find('.') == std::string_view::npos &&
                   std::find(keys.begin(), keys.end(), full) != keys.end();
      bool above = std::any_of(keys.begin(), keys.end(), [&](std::string_view other) {
        return other.substr(0, full.size() + 1) == full + '.';
      });
      Found place{&layer, &node};
      if (above && node.is_table()) {
        check_keys(layer, *node.as_table(), full + '.');
      } else if (above) {
        faults_.add(wrong_type(place, full, "a table"));
      } else if (!known) {
        faults_.add(fmt::format("{}:{}: unknown key {}, expected {}", layer.file,
                                key.source().begin.line, in_quotes(full), siblings(path)));
      }
    }
  }

  static std::string siblings(const std::string& path) {
    std::vector<std::string> words;
    for (std::string_view key : board_keys()) {
      if (key.substr(0, path.size()) != path) continue;
      std::string word(key.substr(0, key.find('.', path.size())));
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
    }
    return one_of(words);
  }

  /// Nothing if no layer has the key.
  Found find_optional(std::string_view key) const {
    for (const Layer& layer : layers_) {
      if (const toml::node* node = layer.table.at_path(key).node()) return {&layer, node};
    }
    return {};
  }

  /// Nothing, with a fault if it is needed, if no layer has the key.
  Found find(std::string_view key, Need need) {
    used_.emplace_back(key);
    Found found = find_optional(key);
    if (!found.node && need == Need::kRequired) {
      faults_.add(fmt::format("{}: key '{}' is missing", layers_.front().file, key));
    }
    return found;
  }

  /// Runs `set(text)` for the string `node`; an Error of it becomes a fault at `key`.
  template <class Set>
  void take_text(const Found& found, std::string_view key, const Set& set) {
    try {
      set(text_in(*found.node));
    } catch (const Error& error) {
      faults_.add(at(found, key, error.what()));
    }
  }

  /// Strings of a list, each to `take`.
  template <class Take>
  void take_list(std::string_view key, Need need, const Take& take) {
    Found found = find(key, need);
    if (!found.node) return;
    const toml::array* list = found.node->as_array();
    if (!list) return faults_.add(wrong_type(found, key, "a list"));
    for (const toml::node& node : *list) take_text({found.layer, &node}, key, take);
  }

  void require(bool good, std::string_view key, std::string_view fault) {
    if (Found found = find_optional(key); found.node && !good) {
      faults_.add(at(found, key, fault));
    }
  }

  /// What no one key is wrong in.
  void check_values(const Board& board) {
    const AndroidBoot& android = board.android;
    const uint32_t page = android.page_size, sector = board.disk.sector_bytes;
    require(page == 0 || (page >= 2048 && std::has_single_bit(page)), "android.page_size",
            "expected 2048, 4096, 8192 or 16384");
    require(sector == 512 || sector == 4096, "disk.sector_bytes", "expected 512 or 4096");
    require(board.disk.firmware_offset.has_value(), "disk.firmware",
            "where it belongs is missing: firmware_offset");
    if (!boots_by(board, BootKind::kAndroid)) return;
    const DtbPlace place = board.dtb_place;
    const bool in_header = place == DtbPlace::kHeader || place == DtbPlace::kHeaderAndAppended;
    require(in_header == (android.header_version == 2) &&
                (place == DtbPlace::kVendorBoot) == (android.header_version >= 3),
            "boot.device_tree",
            fmt::format("'{}' is not possible with header version {}", spell(place),
                        android.header_version));
  }

  /// A fault for a key of the board's own file that says nothing of a board that boots like this one.
  void check_use(std::string_view key, const Board& board) {
    const Layer& own = layers_.front();
    const toml::node* node = own.table.at_path(key).node();
    const bool is_used = std::find(used_.begin(), used_.end(), key) != used_.end();
    if (!node || is_used || key == "name" || key == "extends") return;
    faults_.add(
        at({&own, node}, key,
           boots_by(board, BootKind::kAndroid)
               ? fmt::format("header version {} has no use for it", board.android.header_version)
               : fmt::format("boot kind '{}' has no use for it", to_text(board.boot_kind))));
  }

  void read_name(std::string& into) {
    const Layer& own = layers_.front();
    Found found{&own, own.table.get("name")};
    if (!found.node) return faults_.add(fmt::format("{}: key 'name' is missing", own.file));
    take_text(found, "name", [&](std::string name) {
      for (char c : name) {
        bool legal = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!legal) {
          throw Error(fmt::format("{} is not made of a-z, 0-9, '-' and '_'", in_quotes(name)));
        }
      }
      into = std::move(name);
    });
  }

  std::vector<Layer> layers_;
  std::vector<std::string> used_;  // keys
  Faults faults_;
};

}  // namespace

void check_kernel_param(const std::string& param) {
  for (std::string_view ours : {"root=", "rootfstype=", "init="}) {
    if (param.starts_with(ours)) {
      throw Error(fmt::format("{}, but the build sets {} itself", in_quotes(param), ours));
    }
  }
}

void check_root_device(const std::string& device) {
  bool known = device == kDerivedPartUuid;
  for (std::string_view start : {"/dev/", "PARTUUID=", "PARTLABEL=", "UUID=", "LABEL="}) {
    known |= device.size() > start.size() && device.starts_with(start);
  }
  if (!known || device.find(' ') != device.npos) {
    throw Error(
        fmt::format("{}, expected /dev/…, PARTUUID, PARTUUID=…, PARTLABEL=…, UUID=… or LABEL=…",
                    in_quotes(device)));
  }
}

const std::vector<std::string_view>& board_keys() {
  static const std::vector<std::string_view> keys = [] {
    KeyCollector collector;
    Board any;
    visit_fields(collector, any, false);
    std::vector<std::string_view>& all = collector.keys;
    all.insert(all.begin(), "name");
    all.insert(std::find(all.begin(), all.end(), "arch") + 1, "extends");
    return all;
  }();
  return keys;
}

std::string_view stem_of(const EmbeddedFile& file) {
  return file.name.substr(0, file.name.rfind('.'));
}

const EmbeddedFile* find_board_file(std::span<const EmbeddedFile> files, std::string_view name) {
  for (const EmbeddedFile& file : files) {
    if (stem_of(file) == name) return &file;
  }
  return nullptr;
}

Error unknown_board(std::string_view name, std::span<const EmbeddedFile> files) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : files) names.emplace_back(stem_of(file));
  std::sort(names.begin(), names.end());
  return Error(fmt::format("unknown board {}, expected {}", in_quotes(name), one_of(names)));
}

Board parse_board(std::string_view text, std::string_view file,
                  std::span<const EmbeddedFile> bases) {
  return BoardReader(text, file, bases).read();
}

}  // namespace builder
