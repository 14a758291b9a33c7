// SPDX-License-Identifier: Apache-2.0
//
// Reads the files of kernel-configs/.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "builder/kernel_config.h"
#include "builder/lsm.h"
#include "builder/private_kernel_table.h"
#include "builder/private_toml.h"
#include "builder/text.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;

namespace {

using Condition = KernelTable::Condition;

const KernelTable::Words kWords = {
    {"arch", {"x86_64", "aarch64"}},
    {"compression", {"zstd", "xz", "gzip", "lz4", "none"}},
    {"initrd", {"gzip", "bzip2", "lzma", "xz", "lz4", "zstd"}},
    {"mode", {"enforcing", "permissive"}},
    {"profile", {"devel", "production"}},
    {"root", {"squashfs", "ext4", "erofs"}},
};

/// One table of a file. Each of its keys is asked for once; whatever is left then is unknown.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string_view file, Faults& faults)
      : table_(table), file_(file), faults_(faults) {}

  std::string place() const { return place_of(table_); }

  /// Runs `set(node)` if the key is there; an Error of it becomes a fault. Whether it is there.
  bool read(std::string_view key, const std::function<void(const toml::node&)>& set) {
    keys_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (!node) return false;
    try {
      set(*node);
    } catch (const Error& error) {
      faults_.add(fmt::format("{}: key '{}': {}", place_of(*node), key, error.what()));
    }
    return true;
  }
  void read_text(std::string_view key, std::string& into) {
    if (!read(key, [&](const toml::node& node) { into = text_in(node); })) missing(key);
  }
  void missing(std::string_view key) {
    faults_.add(fmt::format("{}: key '{}' is missing", place(), key));
  }
  /// A list of strings, each after `check`, which throws what is wrong with one.
  std::vector<std::string> find_list(std::string_view key,
                                     const std::function<void(const std::string&)>& check) {
    std::vector<std::string> texts;
    read(key, [&](const toml::node& node) {
      if (!node.is_array()) throw Error(fmt::format("expected a list, found {}", type_name(node)));
      for (const toml::node& item : *node.as_array()) {
        texts.push_back(text_in(item));
        check(texts.back());
      }
    });
    return texts;
  }
  /// One of `words`: its index, or 0 if that is wrong or not there.
  size_t find_word(std::string_view key, const std::vector<std::string>& words) {
    size_t index = 0;
    read(key, [&](const toml::node& node) { index = index_of(words, text_in(node)); });
    return index;
  }
  static size_t index_of(const std::vector<std::string>& words, const std::string& word) {
    const auto at = std::find(words.begin(), words.end(), word);
    if (at == words.end()) {
      throw Error(fmt::format("expected {}, found {}", one_of(words), in_quotes(word)));
    }
    return static_cast<size_t>(at - words.begin());
  }
  void end() {
    for (const auto& [key, node] : table_) {
      if (std::find(keys_.begin(), keys_.end(), key.str()) == keys_.end()) {
        faults_.add(fmt::format("{}:{}: unknown key {}, expected {}", file_,
                                key.source().begin.line, in_quotes(key.str()), one_of(keys_)));
      }
    }
  }

 private:
  std::string place_of(const toml::node& node) const {
    return fmt::format("{}:{}", file_, std::max(node.source().begin.line, 1u));
  }

  const toml::table& table_;
  std::string_view file_;
  Faults& faults_;
  std::vector<std::string> keys_;
};

void check_symbol(const std::string& symbol) {
  if (!is_config_symbol(symbol) || symbol.starts_with("CONFIG_")) {
    throw Error(fmt::format("{} is no name of an option without its CONFIG_", in_quotes(symbol)));
  }
}

class GroupReader {
 public:
  GroupReader(const imagefmt::EmbeddedFile& file, Faults& faults)
      : file_(file.name), faults_(faults) {}

  KernelTable::Group read(const toml::table& table) {
    KernelTable::Group group;
    TableReader reader(table, file_, faults_);
    reader.read_text("description", group.description);
    if (!table.contains("applies")) reader.missing("applies");
    group.on_request = reader.find_word("applies", {"always", "on request"}) == 1;
    group.when = read_condition(reader);
    group.includes = reader.find_list("includes", [](const std::string&) {});
    reader.read("lsm", [&](const toml::node& node) {
      group.lsm = text_in(node);
      find_lsm(group.lsm);
    });
    const bool there = reader.read("require", [&](const toml::node& node) {
      const toml::array* list = node.as_array();
      if (!list || !list->is_homogeneous(toml::node_type::table)) {
        throw Error("expected [[require]] tables");
      }
      for (const toml::node& item : *list) {
        group.requirements.push_back(read_requirement(*item.as_table()));
      }
    });
    if (!there) reader.missing("require");
    reader.end();
    return group;
  }

 private:
  Condition read_condition(TableReader& owner) {
    Condition when;
    owner.read("when", [&](const toml::node& node) {
      if (!node.is_table()) throw Error(fmt::format("expected a table, found {}", type_name(node)));
      TableReader reader(*node.as_table(), file_, faults_);
      for (const auto& [key, words] : kWords) {
        std::vector<std::string> list = reader.find_list(
            key, [&words = words](const std::string& word) { TableReader::index_of(words, word); });
        if (!list.empty()) when.any_of.emplace(key, std::move(list));
      }
      auto read_version = [&](std::string_view key, std::optional<policy::KernelVersion>& into) {
        reader.read(key, [&](const toml::node& version) {
          into = policy::parse_kernel_version(text_in(version));
        });
      };
      read_version("since", when.kernels.since);
      read_version("before", when.kernels.before);
      when.if_set = reader.find_list("with", check_symbol);
      reader.end();
    });
    return when;
  }

  static void refuse_unless_on(const KernelRequirement& option) {
    const bool is_known = !option.value.empty();  // else that is a fault of its own
    if (is_known && option.value != "y") throw Error("it is for an option whose value is y");
  }

  void read_value(TableReader& reader, KernelRequirement& option) {
    const bool there = reader.read("value", [&](const toml::node& node) {
      if (const std::optional<int64_t> number = node.value_exact<int64_t>()) {
        option.kind = ValueKind::kNumber;
        option.value = fmt::format("{}", *number);
        return;
      }
      option.value = text_in(node);
      if (option.value != "y" && option.value != "m" && option.value != "n") {
        option.kind = ValueKind::kText;
      }
    });
    if (!there) reader.missing("value");
    reader.read("match", [&](const toml::node& node) {
      option.at_least = TableReader::index_of({"exact", "at least"}, text_in(node)) == 1;
      if (option.at_least && option.value != "m" && option.kind != ValueKind::kNumber) {
        throw Error("'at least' is for m and numbers");
      }
    });
    reader.read("module", [&](const toml::node& node) {
      option.module = text_in(node);
      refuse_unless_on(option);
    });
    option.choice = reader.find_list("choice", [&](const std::string& symbol) {
      check_symbol(symbol);
      refuse_unless_on(option);
    });
  }

  KernelTable::Requirement read_requirement(const toml::table& table) {
    KernelTable::Requirement requirement;
    KernelRequirement& option = requirement.option;
    TableReader reader(table, file_, faults_);
    requirement.place = reader.place();
    const bool there = reader.read("symbol", [&](const toml::node& node) {
      option.symbol = text_in(node);
      check_symbol(option.symbol);
    });
    if (!there) reader.missing("symbol");
    read_value(reader, option);
    if (!table.contains("severity")) reader.missing("severity");
    option.severity = reader.find_word("severity", {"warning", "error"}) == 1 ? Severity::kError
                                                                              : Severity::kWarning;
    reader.read("overrides_nixpkgs", [&](const toml::node& node) {
      const std::optional<bool> flag = node.value_exact<bool>();
      if (!flag) throw Error(fmt::format("expected a boolean, found {}", type_name(node)));
      option.overrides_nixpkgs = *flag;
    });
    reader.read_text("reason", option.reason);
    reader.read_text("source", option.source);
    requirement.when = read_condition(reader);
    reader.end();
    return requirement;
  }

  std::string_view file_;
  Faults& faults_;
};

}  // namespace

KernelTable::Group parse_requirement_group(const imagefmt::EmbeddedFile& file, Faults& faults) {
  return GroupReader(file, faults).read(parse_toml(file.bytes, file.name));
}

}  // namespace builder
