// SPDX-License-Identifier: Apache-2.0
#include "builder/board.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"

namespace builder {

using imagefmt::EmbeddedFile;
using imagefmt::Error;
using imagefmt::Faults;

namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxLayers = 8;

template <class Enum>
using Spelling = std::pair<std::string_view, Enum>;

constexpr std::array kArchs = {Spelling<Arch>{"x86_64", Arch::kX86_64},
                               Spelling<Arch>{"aarch64", Arch::kAarch64}};
constexpr std::array kBootKinds = {Spelling<BootKind>{"direct", BootKind::kDirect}};
constexpr std::array kRootFormats = {Spelling<RootFormat>{"squashfs", RootFormat::kSquashfs},
                                     Spelling<RootFormat>{"ext4", RootFormat::kExt4},
                                     Spelling<RootFormat>{"erofs", RootFormat::kErofs}};

/// Every key that a board may have, in the order of a definition.
constexpr std::array<std::string_view, 9> kKeys = {"name",        "description", "arch",
                                                   "extends",     "boot.kind",   "kernel.cmdline",
                                                   "root.format", "root.device", "qemu.command"};

/// `a, b or c`.
std::string any_of(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return text;
}

template <class Spellings>
std::string_view spell(const Spellings& spellings, auto value) {
  for (const auto& spelling : spellings) {
    if (spelling.second == value) return spelling.first;
  }
  __builtin_unreachable();
}

template <class Spellings>
auto parse_word(const Spellings& spellings, std::string_view what, std::string_view word) {
  std::vector<std::string> words;
  for (const auto& spelling : spellings) {
    if (spelling.first == word) return spelling.second;
    words.emplace_back(spelling.first);
  }
  throw Error(fmt::format("unknown {} {}, expected {}", what, in_quotes(word), any_of(words)));
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::floating_point:
      return "a float";
    default:
      return "a date or time";
  }
}

/// One file: the board's own first, then what it extends, and so on.
struct Layer {
  std::string file;
  toml::table table;
};

toml::table parse_toml(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}: malformed TOML: {}", file, error.source().begin.line,
                            error.description()));
  }
}

std::string_view stem_of(const EmbeddedFile& file) {
  return file.name.substr(0, file.name.rfind('.'));
}

const EmbeddedFile* find_file(std::span<const EmbeddedFile> files, std::string_view name) {
  for (const EmbeddedFile& file : files) {
    if (stem_of(file) == name) return &file;
  }
  return nullptr;
}

Error unknown_board(std::string_view name, std::span<const EmbeddedFile> files) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : files) names.emplace_back(stem_of(file));
  std::sort(names.begin(), names.end());
  return Error(fmt::format("unknown board {}, expected {}", in_quotes(name), any_of(names)));
}

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
    read_text("description", board.description);
    read_word("arch", "arch", kArchs, board.arch);
    read_word("boot.kind", "boot kind", kBootKinds, board.boot_kind);
    read_list(
        find("kernel.cmdline"), "kernel.cmdline", board.cmdline, [](const std::string& param) {
          for (std::string_view ours : {"root=", "rootfstype=", "init="}) {
            if (param.compare(0, ours.size(), ours) == 0) {
              throw Error(fmt::format("{}, but the build sets {} itself", in_quotes(param), ours));
            }
          }
        });
    read_word("root.format", "root format", kRootFormats, board.root_format);
    read_device(board.root_device);
    read_list(find_optional("qemu.command"), "qemu.command", board.qemu_command,
              [](const std::string&) {});
    faults_.throw_if_any();
    return board;
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
    const EmbeddedFile* base = find_file(bases, *name);
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
    for (const auto& [key, node] : table) {
      std::string full = path + std::string(key.str());
      // A quoted key may hold a dot, and is none of ours then.
      bool known = key.str().find('.') == std::string_view::npos &&
                   std::find(kKeys.begin(), kKeys.end(), full) != kKeys.end();
      bool above = std::any_of(kKeys.begin(), kKeys.end(), [&](std::string_view other) {
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
    for (std::string_view key : kKeys) {
      if (key.substr(0, path.size()) != path) continue;
      std::string word(key.substr(0, key.find('.', path.size())));
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
    }
    return any_of(words);
  }

  /// Nothing if no layer has the key.
  Found find_optional(std::string_view key) const {
    for (const Layer& layer : layers_) {
      if (const toml::node* node = layer.table.at_path(key).node()) return {&layer, node};
    }
    return {};
  }

  /// Nothing, with a fault, if no layer has the key.
  Found find(std::string_view key) {
    Found found = find_optional(key);
    if (!found.node) {
      faults_.add(fmt::format("{}: key '{}' is missing", layers_.front().file, key));
    }
    return found;
  }

  /// Runs `set(text)` for the string `node`; an Error of it becomes a fault at `key`.
  template <class Set>
  void take_text(const Found& found, std::string_view key, const Set& set) {
    std::optional<std::string> text = found.node->value_exact<std::string>();
    if (!text) return faults_.add(wrong_type(found, key, "a string"));
    try {
      if (text->empty()) throw Error("it is empty");
      if (has_control_character(*text)) {
        throw Error(fmt::format("a control character in {}", in_quotes(*text)));
      }
      set(std::move(*text));
    } catch (const Error& error) {
      faults_.add(at(found, key, error.what()));
    }
  }

  void read_text(std::string_view key, std::string& into) {
    if (Found found = find(key); found.node) {
      take_text(found, key, [&](std::string text) { into = std::move(text); });
    }
  }

  template <class Spellings, class Enum>
  void read_word(std::string_view key, std::string_view what, const Spellings& spellings,
                 Enum& into) {
    if (Found found = find(key); found.node) {
      take_text(found, key,
                [&](const std::string& word) { into = parse_word(spellings, what, word); });
    }
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

  /// Strings, each after `check`, which throws what is wrong with one.
  template <class Check>
  void read_list(Found found, std::string_view key, std::vector<std::string>& into, Check check) {
    if (!found.node) return;
    const toml::array* list = found.node->as_array();
    if (!list) return faults_.add(wrong_type(found, key, "a list"));
    for (const toml::node& node : *list) {
      take_text({found.layer, &node}, key, [&](std::string text) {
        check(text);
        into.push_back(std::move(text));
      });
    }
  }

  void read_device(std::string& into) {
    if (Found found = find("root.device"); found.node) {
      take_text(found, "root.device", [&](std::string device) {
        bool known = false;
        for (std::string_view start : {"/dev/", "PARTUUID=", "PARTLABEL=", "UUID=", "LABEL="}) {
          known |= device.size() > start.size() && device.compare(0, start.size(), start) == 0;
        }
        if (!known || device.find(' ') != device.npos) {
          throw Error(fmt::format("{}, expected /dev/…, PARTUUID=…, PARTLABEL=…, UUID=… or LABEL=…",
                                  in_quotes(device)));
        }
        into = std::move(device);
      });
    }
  }

  std::vector<Layer> layers_;
  Faults faults_;
};

Board parse_embedded(const EmbeddedFile& file) {
  Board board = parse_board(file.bytes, file.name, embedded_boards());
  if (board.name != stem_of(file)) {
    throw Error(fmt::format("{}: the board names itself '{}'", file.name, board.name));
  }
  return board;
}

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {  // control characters were refused when it was read
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

/// The inside of a list.
std::string toml_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + toml_string(text);
  return list;
}

}  // namespace

std::string_view to_text(Arch arch) {
  return spell(kArchs, arch);
}
std::string_view to_text(BootKind kind) {
  return spell(kBootKinds, kind);
}
std::string_view to_text(RootFormat format) {
  return spell(kRootFormats, format);
}

bool is_arch_of(Arch arch, std::string_view nix_system) {
  return nix_system.substr(0, nix_system.find('-')) == to_text(arch);
}

Board parse_board(std::string_view text, std::string_view file,
                  std::span<const EmbeddedFile> bases) {
  return BoardReader(text, file, bases).read();
}

Board find_board(const std::string& name_or_file) {
  constexpr std::string_view kEnding = ".toml";
  if (name_or_file.size() > kEnding.size() &&
      std::string_view(name_or_file).substr(name_or_file.size() - kEnding.size()) == kEnding) {
    return parse_board(imagefmt::read_file(name_or_file, kMaxFileBytes), name_or_file,
                       embedded_boards());
  }
  const EmbeddedFile* file = find_file(embedded_boards(), name_or_file);
  if (!file) throw unknown_board(name_or_file, embedded_boards());
  return parse_embedded(*file);
}

std::vector<Board> all_boards() {
  std::vector<Board> boards;
  for (const EmbeddedFile& file : embedded_boards()) boards.push_back(parse_embedded(file));
  std::sort(boards.begin(), boards.end(),
            [](const Board& a, const Board& b) { return a.name < b.name; });
  return boards;
}

std::string serialize_board(const Board& board) {
  std::string text = fmt::format(
      "name = {}\ndescription = {}\narch = {}\n\n[boot]\nkind = {}\n\n[kernel]\ncmdline = [{}]\n\n"
      "[root]\nformat = {}\ndevice = {}\n",
      toml_string(board.name), toml_string(board.description), toml_string(to_text(board.arch)),
      toml_string(to_text(board.boot_kind)), toml_list(board.cmdline),
      toml_string(to_text(board.root_format)), toml_string(board.root_device));
  if (!board.qemu_command.empty()) {
    text += fmt::format("\n[qemu]\ncommand = [{}]\n", toml_list(board.qemu_command));
  }
  return text;
}

}  // namespace builder
