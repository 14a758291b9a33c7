// SPDX-License-Identifier: Apache-2.0
#include "builder/contents.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "builder/links.h"
#include "builder/private_json.h"
#include "builder/resolve.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/scan.h"

namespace builder {

using imagefmt::Content;
using imagefmt::Directory;
using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using imagefmt::Node;
using imagefmt::throw_errno;
using imagefmt::with_context;
using nlohmann::json;
using Type = ContentsEntry::Type;

namespace {

constexpr size_t kMaxEntries = 100'000;

const std::string& text_of(const json& value, std::string_view key) {
  if (!value.is_string()) throw Error(fmt::format("'{}' is no string", key));
  const std::string& text = value.get_ref<const std::string&>();
  if (text.find('\0') != text.npos) throw Error(fmt::format("'{}' holds a NUL byte", key));
  return text;
}

std::string parse_target(const std::string& text) {
  if (!text.starts_with('/')) {
    throw Error(fmt::format("bad target {}: expected an absolute path", in_quotes(text)));
  }
  std::string target;
  for (size_t start = 1; start < text.size();) {
    size_t end = std::min(text.find('/', start), text.size());
    std::string name = text.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") throw Error(fmt::format("bad target {}: it has a '..'", in_quotes(text)));
    imagefmt::check_entry_name(name);
    target += '/' + name;
  }
  return target.empty() ? "/" : target;
}

Type parse_type(const std::string& text) {
  if (text == "symlink") return Type::kSymlink;
  if (text == "file") return Type::kFile;
  if (text == "directory") return Type::kDirectory;
  throw Error(
      fmt::format("bad type {}: expected 'symlink', 'file' or 'directory'", in_quotes(text)));
}

uint16_t parse_mode(const std::string& text) {
  unsigned mode = 0;
  bool good = !text.empty() && text.size() <= 5;
  for (char digit : text) {
    good = good && digit >= '0' && digit <= '7';
    mode = mode * 8 + static_cast<unsigned>(digit - '0');
  }
  if (!good || mode > 07777) {
    throw Error(fmt::format("bad mode {}: expected octal digits up to 7777", in_quotes(text)));
  }
  return static_cast<uint16_t>(mode);
}

ContentsEntry::Owner parse_owner(const json& value, std::string_view key) {
  if (value.is_number_unsigned() && value.get<uint64_t>() < 0xffffffff) {
    return value.get<uint32_t>();
  }
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    throw Error(fmt::format("'{}' is neither a name nor a number from 0 to 4294967294", key));
  }
  return value.get<std::string>();
}

ContentsEntry parse_entry(const json& object) {
  if (!object.is_object()) throw Error("expected an object");
  ContentsEntry entry;
  bool has_target = false, has_type = false;
  for (const auto& [key, value] : object.items()) {
    if (key == "target") {
      entry.target = parse_target(text_of(value, key));
      has_target = true;
    } else if (key == "type") {
      entry.type = parse_type(text_of(value, key));
      has_type = true;
    } else if (key == "source") {
      if (!value.is_null()) entry.source = text_of(value, key);
    } else if (key == "mode") {
      if (!value.is_null()) entry.mode = parse_mode(text_of(value, key));
    } else if (key == "user") {
      entry.user = parse_owner(value, key);
    } else if (key == "group") {
      entry.group = parse_owner(value, key);
    } else {
      throw Error(fmt::format("unknown key {}", in_quotes(key)));
    }
  }
  if (!has_target) throw Error("'target' is missing");
  if (!has_type) throw Error("'type' is missing");
  if (entry.source.empty() && entry.type != Type::kDirectory) throw Error("'source' is missing");
  if (entry.target == "/" && entry.type != Type::kDirectory) {
    throw Error("bad target '/': the root is a directory");
  }
  return entry;
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) throw_errno(fmt::format("stat '{}'", path));
  return status;
}

std::string read_link(const std::string& path) {
  char target[4096];  // PATH_MAX: Linux has no longer ones
  ssize_t length = readlink(path.c_str(), target, sizeof target);
  if (length < 0) throw_errno(fmt::format("read link '{}'", path));
  return {target, static_cast<size_t>(length)};
}

/// What is read for a source of the host, links followed. A store path that is not of the closure
/// lies below the store root all the same, and so does one that a link of it names.
std::string host_source(std::string path, const std::string& store_root) {
  for (size_t links = 0; links <= kMaxLinks; ++links) {
    path = std::filesystem::path(path).lexically_normal().string();
    std::string host = store_path_of(path).empty() ? path : store_root + path;
    if (!S_ISLNK(status_of(host).st_mode)) return host;
    std::string target = read_link(host);
    path = target.starts_with('/') ? target : path.substr(0, path.rfind('/') + 1) + target;
  }
  throw Error(fmt::format("cannot read '{}': more than {} symlinks", path, kMaxLinks));
}

/// The host's modes depend on its umask: all that is taken of them is who may execute.
Node read_file_node(const std::string& path) {
  bool executable = (status_of(path).st_mode & S_IXUSR) != 0;
  return make_regular(Content::from_host_file(path), executable ? 0755 : 0644);
}

/// The modes that a copy has, from canonical ones.
void set_copy_modes(Node& node) {
  if (node.symlink()) return;
  node.mode = node.directory() || (node.mode & S_IXUSR) != 0 ? 0755 : 0644;
  if (Directory* directory = node.directory()) {
    for (imagefmt::Entry& entry : directory->entries) set_copy_modes(entry.node);
  }
}

Node copy_source(const ContentsEntry& entry, const imagefmt::FileTree& tree,
                 const std::string& store_root, const std::string& folder) {
  std::string path = entry.source.starts_with('/') ? entry.source : join_path(folder, entry.source);
  if (std::optional<Found> found = find_following(tree, path);
      found && !store_path_of(found->path).empty()) {
    Node node = found->node->clone();
    set_copy_modes(node);
    return node;
  }
  std::string source = host_source(path, store_root);
  if (!S_ISDIR(status_of(source).st_mode)) return read_file_node(source);
  Node node = imagefmt::scan_folder(source, {.metadata = imagefmt::Metadata::kCanonical});
  set_copy_modes(node);
  return node;
}

Node make_node(const ContentsEntry& entry, const imagefmt::FileTree& tree,
               const std::string& store_root, const std::string& folder) {
  if (entry.type == Type::kSymlink) return make_symlink(entry.source);
  if (entry.source.empty()) return make_directory(entry.mode.value_or(0755));
  Node node = copy_source(entry, tree, store_root, folder);
  bool is_folder = node.directory() != nullptr;
  if (is_folder != (entry.type == Type::kDirectory)) {
    throw Error(fmt::format("cannot read '{}': {}", entry.source,
                            is_folder ? "a folder, expected a file" : "not a folder"));
  }
  if (entry.mode) node.mode = *entry.mode;
  return node;
}

uint32_t find_owner(const ContentsEntry::Owner& owner, std::string_view kind,
                    const std::optional<uint32_t>& found) {
  if (const uint32_t* number = std::get_if<uint32_t>(&owner)) return *number;
  if (found) return *found;
  throw Error(fmt::format("the image has no {} '{}'", kind, std::get<std::string>(owner)));
}

void set_owner(Node& node, uint32_t uid, uint32_t gid) {
  node.uid = uid;
  node.gid = gid;
  if (Directory* directory = node.directory()) {
    for (imagefmt::Entry& entry : directory->entries) set_owner(entry.node, uid, gid);
  }
}

}  // namespace

std::vector<ContentsEntry> parse_contents(std::string_view text, std::string_view name) {
  json document = parse_json(text, name);
  if (!document.is_array()) throw Error(fmt::format("cannot read '{}': expected a list", name));
  if (document.size() > kMaxEntries) {
    throw Error(fmt::format("cannot read '{}': {} entries, expected at most {}", name,
                            document.size(), kMaxEntries));
  }
  std::vector<ContentsEntry> entries;
  Faults faults;
  for (size_t i = 0; i < document.size(); ++i) {
    std::string origin = fmt::format("entry {} of '{}'", i + 1, name);
    try {
      entries.push_back(parse_entry(document[i]));
      entries.back().origin = std::move(origin);
    } catch (const Error& error) {
      faults.add(fmt::format("{}: {}", origin, error.what()));
    }
  }
  faults.throw_if_any();
  return entries;
}

void add_contents(Root& root, const std::vector<ContentsEntry>& entries,
                  const std::string& store_root, const std::string& folder,
                  const Accounts& accounts) {
  Faults faults;
  for (const ContentsEntry& entry : entries) {
    try {
      Node node = with_context(entry.origin, [&] {
        Node made = make_node(entry, root.tree(), store_root, folder);
        const std::string* user = std::get_if<std::string>(&entry.user);
        const std::string* group = std::get_if<std::string>(&entry.group);
        set_owner(made, find_owner(entry.user, "user", accounts.find_uid(user ? *user : "")),
                  find_owner(entry.group, "group", accounts.find_gid(group ? *group : "")));
        return made;
      });
      root.add(entry.target, std::move(node), entry.origin);
    } catch (const Error& error) {
      faults.add(error.what());
    }
  }
  faults.throw_if_any();
}

}  // namespace builder
