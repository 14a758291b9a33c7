// SPDX-License-Identifier: Apache-2.0
//
// What the root of a NixOS system holds beside the store and /etc: the mount points, the folders
// and links that stage 2 and activation make. All of it gives way to what somebody supplies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/accounts.h"
#include "builder/activation.h"
#include "builder/root.h"

namespace builder {

/// The folders, and the links that name the system: /nix/var/nix/profiles/system,
/// /nix/var/nix/gcroots/{booted,current}-system, /etc/mtab, /var/run, /var/lock.
void add_skeleton(Root& root, const std::string& toplevel);

/// /bin/sh and /usr/bin/env, as activation links them, else to those of the toplevel's `sw`; each
/// only where nobody supplies /bin or /usr. Returns a line for each that could not be made.
std::vector<std::string> add_compatibility_links(Root& root, const std::string& toplevel,
                                                 const Activation& activation);

/// The home folders that activation would make.
void add_homes(Root& root, const Accounts& accounts);

/// A folder for each place that the image's /etc/fstab and mount units of /etc/systemd/system mount
/// something on: on a read-only root nobody can make one at boot. Places below /dev, /proc, /run,
/// /sys, /tmp and /var are left to whoever mounts those.
void add_mount_points(Root& root);

/// The path that a mount unit's name stands for (systemd.unit(5), `systemd-escape --unescape
/// --path`): `srv-my\x2ddata.mount` is /srv/my-data. No value if it is no name of a mount unit.
std::optional<std::string> path_of_mount_unit(std::string_view unit);

}  // namespace builder
