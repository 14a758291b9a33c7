// SPDX-License-Identifier: Apache-2.0
#include "policy/sightings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "imagefmt/base/error.h"

namespace policy {
namespace {

using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::FileTree;
using imagefmt::Node;

constexpr std::string_view kStore = "/nix/store/";
constexpr std::string_view kEtc = "/etc";
constexpr std::string_view kBelowEtc = "/etc/";
constexpr std::string_view kStatic = "/etc/static";
constexpr std::string_view kProfiles = "/etc/profiles/";
constexpr int kMaxHops = 40;            // as the kernel: MAXSYMLINKS
constexpr size_t kMaxFoldersDeep = 16;  // links into folders on one way
constexpr size_t kMaxNamesSeen = 400'000;

class Finder {
 public:
  explicit Finder(const FileTree& tree) : tree_(tree) {}

  Sightings run(const std::vector<std::string>& etc_trees) {
    walk(tree_.root(), "", "");
    for (const std::string& base_name : etc_trees) {
      std::string path = std::string(kStore) + base_name;
      const Node* inner = tree_.find(path + "/etc");
      if (inner && inner->directory()) path += "/etc";
      const Node* folder = tree_.find(path);
      if (!folder || !folder->directory()) continue;
      ++links_deep_;
      walk_folder(*folder, path, std::string(kEtc));
      --links_deep_;
    }
    for (auto& [node, places] : found_) {
      std::sort(places.begin(), places.end());
      places.erase(std::unique(places.begin(), places.end()), places.end());
    }
    return std::move(found_);
  }

 private:
  /// The entries of `folder`, which lies at `path` and is seen at `place`.
  void walk(const Node& folder, const std::string& path, const std::string& place) {
    for (const Entry& entry : folder.directory()->entries) {
      std::string own = path + '/' + entry.name, seen = place + '/' + entry.name;
      if (own + '/' == kStore) continue;
      if (links_deep_ && ++names_seen_ > kMaxNamesSeen) {
        throw imagefmt::Error(
            fmt::format("cannot label the tree: its links below /etc lead to more than {} names",
                        kMaxNamesSeen));
      }
      if (entry.node.directory()) {
        walk_folder(entry.node, own, seen);
      } else if (entry.node.symlink()) {
        follow(own, seen);
      } else {
        note(entry.node, own, seen);
      }
    }
  }

  void walk_folder(const Node& folder, const std::string& path, const std::string& place) {
    // A folder that links to itself, or to one above it, ends here.
    if (std::find(way_.begin(), way_.end(), &folder) != way_.end()) return;
    if (way_.size() == imagefmt::kMaxDepth) return;
    note(folder, path, place);
    way_.push_back(&folder);
    walk(folder, path, place);
    way_.pop_back();
  }

  void note(const Node& node, std::string_view path, const std::string& place) {
    if (!path.starts_with(kStore)) return;
    found_[&node].push_back(place);
  }

  /// Follows the link at `path`; the names on its chain are seen at `place`.
  void follow(const std::string& path, const std::string& place) {
    struct Name {
      const Node* node;
      std::string path;
    };
    std::vector<Name> chain;
    std::string at;                  // without links
    std::vector<std::string> ahead;  // components, the next one last
    push_components(path, ahead);
    const Node* node = &tree_.root();
    for (int hops = 0; !ahead.empty();) {
      std::string name = std::move(ahead.back());
      ahead.pop_back();
      if (name == ".") continue;
      if (name == "..") {
        at.resize(at.empty() ? 0 : at.rfind('/'));
        node = tree_.find(at.empty() ? "/" : at);
        continue;
      }
      const Directory* folder = node->directory();
      const Entry* entry = folder ? find_entry(*folder, name) : nullptr;
      if (!entry) return note_chain_of(chain, place);  // leads out of the tree, as into /run
      const bool is_last = ahead.empty();
      if (const imagefmt::Symlink* link = entry->node.symlink()) {
        if (++hops > kMaxHops) return;
        if (is_last) chain.push_back({&entry->node, at + '/' + name});
        if (link->target.starts_with('/')) {
          at.clear();
          node = &tree_.root();
        }
        push_components(link->target, ahead);
        continue;
      }
      at += '/' + name;
      node = &entry->node;
    }
    if (node->directory()) {
      if (!place.starts_with(kBelowEtc) || place.starts_with(kProfiles)) return;
      note_chain_of(chain, place);
      // What a folder outside the store links to is found there.
      if (!at.starts_with(kStore) || links_deep_ == kMaxFoldersDeep) return;
      ++links_deep_;
      walk_folder(*node, at, place == kStatic ? std::string(kEtc) : place);
      --links_deep_;
    } else {
      chain.push_back({node, at});
      note_chain_of(chain, place);
    }
  }

  template <class Chain>
  void note_chain_of(const Chain& chain, const std::string& place) {
    for (const auto& name : chain) note(*name.node, name.path, place);
  }

  static void push_components(std::string_view path, std::vector<std::string>& ahead) {
    while (!path.empty()) {
      size_t slash = path.rfind('/');
      std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
      if (!last.empty()) ahead.emplace_back(last);
      path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    }
  }

  const FileTree& tree_;
  Sightings found_;
  std::vector<const Node*> way_;
  size_t links_deep_ = 0, names_seen_ = 0;
};

}  // namespace

Sightings find_sightings(const FileTree& tree, const std::vector<std::string>& etc_trees) {
  return Finder(tree).run(etc_trees);
}

}  // namespace policy
