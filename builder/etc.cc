// SPDX-License-Identifier: Apache-2.0
#include "builder/etc.h"

#include <charconv>

#include "builder/links.h"

namespace builder {

using imagefmt::Content;
using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using imagefmt::Node;
using imagefmt::Symlink;

namespace {

constexpr std::string_view kStatic = "/etc/static";

std::string etc_origin(std::string_view etc) {
  return fmt::format("the closure's etc '{}'", etc);
}

/// The whole text less one newline; empty if there is no such file.
std::string read_note(const FileTree& tree, const std::string& path) {
  if (!find_following(tree, path)) return {};
  std::string text = read_text_at(tree, path, 4096);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

bool is_note(const Directory& folder, const Entry& entry) {
  if (!entry.node.regular()) return false;
  for (std::string_view suffix : {".mode", ".uid", ".gid"}) {
    std::string_view name = entry.name;
    if (!name.ends_with(suffix)) continue;
    name.remove_suffix(suffix.size());
    return find_entry(folder, name) != nullptr;
  }
  return false;
}

uint16_t parse_mode(std::string_view text, std::string_view file) {
  unsigned mode = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 07777) {
    throw Error(
        fmt::format("bad mode '{}' in '{}': expected 'symlink', 'direct-symlink' or octal "
                    "digits up to 7777",
                    text, file));
  }
  return static_cast<uint16_t>(mode);
}

std::optional<uint32_t> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  uint32_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

class EtcFiller {
 public:
  EtcFiller(Root& root, std::string_view etc, const Accounts& accounts,
            std::vector<std::string>& warnings)
      : root_(root),
        etc_(etc),
        origin_(etc_origin(etc)),
        accounts_(accounts),
        warnings_(warnings) {}

  void fill(Faults& faults) {
    const FileTree& tree = root_.tree();
    attempt(faults, [&] { root_.add(kStatic, make_symlink(etc_), origin_); });
    fill_folder(*folder_at(tree, etc_).node->directory(), "", faults);
  }

 private:
  template <class Body>
  static void attempt(Faults& faults, Body body) {
    try {
      body();
    } catch (const Error& error) {
      faults.add(error.what());
    }
  }

  /// `below` is the folder's path in /etc, with a slash after it, or empty. Nothing is ever added
  /// below /nix/store, so that the folder stays where it is.
  void fill_folder(const Directory& folder, const std::string& below, Faults& faults) {
    for (const Entry& entry : folder.entries) {
      if (is_note(folder, entry)) continue;
      std::string place = below + entry.name;
      bool has_mode = find_entry(folder, entry.name + ".mode") != nullptr;
      if (const Directory* inner = entry.node.directory(); inner && !has_mode) {
        fill_folder(*inner, place + '/', faults);
      } else {
        attempt(faults, [&] {
          root_.add("/etc/" + place, make_entry(entry.node, place, has_mode), origin_);
        });
      }
    }
  }

  Node make_entry(const Node& node, const std::string& place, bool has_mode) {
    std::string source = join_path(etc_, place);
    std::string mode = has_mode ? read_note(root_.tree(), source + ".mode") : "symlink";
    if (mode == "symlink") return make_symlink(join_path(kStatic, place));
    if (mode == "direct-symlink") {
      const Symlink* link = node.symlink();
      return make_symlink(link ? link->target : source);
    }
    uint16_t bits = parse_mode(mode, source + ".mode");
    std::optional<Found> found = find_following(root_.tree(), source);
    if (!found || !found->node->regular()) {
      throw Error(fmt::format("cannot copy '{}' to '/etc/{}': {}", source, place,
                              found ? "not a regular file" : "its link leads to nothing"));
    }
    Node copy = make_regular(found->node->regular()->content, bits);
    copy.uid = owner(source + ".uid", place, &Accounts::find_uid);
    copy.gid = owner(source + ".gid", place, &Accounts::find_gid);
    return copy;
  }

  using Lookup = std::optional<uint32_t> (Accounts::*)(std::string_view) const;
  uint32_t owner(const std::string& file, const std::string& place, Lookup lookup) {
    std::string text = read_note(root_.tree(), file);
    if (text.empty()) return 0;
    if (std::optional<uint32_t> number = parse_number(text)) return *number;
    if (std::optional<uint32_t> id = (accounts_.*lookup)(text)) return *id;
    warnings_.push_back(fmt::format(
        "'/etc/{}' is to belong to '{}', which the image does not have: it belongs to 0", place,
        text));
    return 0;
  }

  Root& root_;
  std::string etc_, origin_;
  const Accounts& accounts_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void fill_etc(Root& root, std::string_view etc, const Accounts& accounts,
              std::vector<std::string>& warnings) {
  Faults faults;
  EtcFiller(root, etc, accounts, warnings).fill(faults);
  faults.throw_if_any();
  root.add_default("/etc/NIXOS", make_regular(Content::from_bytes("")));
}

void add_selinux(Root& root, FileTree selinux) {
  constexpr std::string_view kFolder = "/etc/selinux";
  constexpr std::string_view kOrigin = "the policy";
  const std::string closure(root.origin_of(kStatic));
  const Node* standing = root.tree().find(kFolder);
  if (standing && standing->symlink()) {
    std::string target = standing->symlink()->target;
    Node links = make_directory();
    if (std::optional<Found> source = find_following(root.tree(), kFolder);
        source && source->node->directory()) {
      for (const Entry& entry : source->node->directory()->entries) {
        links.directory()->entries.push_back(
            {entry.name, make_symlink(join_path(target, entry.name))});
      }
    }
    root.replace(kFolder, make_directory(), kOrigin, closure);
    for (Entry& entry : links.directory()->entries) {
      root.add(join_path(kFolder, entry.name), std::move(entry.node), closure);
    }
  }
  for (Entry& entry : selinux.root().directory()->entries) {
    root.replace(join_path(kFolder, entry.name), std::move(entry.node), kOrigin, closure);
  }
}

}  // namespace builder
