// SPDX-License-Identifier: Apache-2.0
//
// /etc as NixOS's activation leaves it (nixos/modules/system/etc/{etc.nix,setup-etc.pl}):
//
//   /etc/static            a link to the `etc` folder of the closure
//   /etc/<entry>           a link to /etc/static/<entry>, for each symlink of that folder; so a
//                          folder that is one link (systemd/system) stays one link
//   <entry>.mode           beside an entry: `symlink` is as without it; `direct-symlink` links to
//                          where the entry itself points; an octal mode copies the file
//   <entry>.uid, .gid      the copy's owner: `+N`, N, or a name of the image
//   /etc/NIXOS             an empty file that says what this system is
//
// The three kinds of files beside an entry are not in /etc, nor is /etc/.clean, which is the memory
// of a script that does not run here. As in NixOS, a folder without entries is not made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/accounts.h"
#include "builder/root.h"

namespace builder {

/// Fills /etc of `root` from `etc`, a folder of the store that lies in `root`. Owners are looked up
/// in `accounts`; an unknown name gives 0 and a warning, as NixOS would do without one. Throws with
/// every mistake: a bad mode, a copy of what is no file, an entry that somebody else supplies.
void fill_etc(Root& root, std::string_view etc, const Accounts& accounts,
              std::vector<std::string>& warnings);

/// Puts `selinux` (config, <policy name>/…) at /etc/selinux. The entries that the closure has there
/// are kept, but for those of the same names; if the closure has made /etc/selinux a link it
/// becomes a folder of links. Throws if something other than the closure supplies one of the names.
void add_selinux(Root& root, imagefmt::FileTree selinux);

}  // namespace builder
