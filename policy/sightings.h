// SPDX-License-Identifier: Apache-2.0
//
// Private: which store files the root's tree links to, and from where. NixOS keeps every
// configuration file in a store path of its own and links to it from /etc; a daemon that may read
// /etc must be able to read each name on the way.
//
// Links below /etc are followed to files and into folders. Links elsewhere count where they lead to
// a file (`/bin/sh`): what leads to a folder there (`/usr`, `/bin`, `/nix/var/nix/profiles/system`,
// `/run/current-system`) is a second name of things that have their place already.
// `/etc/static` is /etc itself, once more, and below `/etc/profiles` are packages.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "imagefmt/tree.h"

namespace policy {

/// The places that a node of the store is seen at, sorted, each once. Good while the tree does not
/// change its shape.
using Sightings = std::unordered_map<const imagefmt::Node*, std::vector<std::string>>;

/// `etc_trees` are the store paths that become /etc (their folder `etc`, or they themselves), by
/// base name: an image whose /etc is made at boot has no links in its root yet. Throws if the links
/// multiply without bound.
Sightings find_sightings(const imagefmt::FileTree& tree,
                         const std::vector<std::string>& etc_trees = {});

}  // namespace policy
