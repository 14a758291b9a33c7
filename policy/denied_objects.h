// SPDX-License-Identifier: Apache-2.0
//
// Which files of an image an AVC message speaks of: its object, and the program that was denied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/audit_log.h"
#include "policy/contexts.h"

namespace policy {

/// A file of the labelled tree.
struct FoundFile {
  std::string path;
  imagefmt::Label label;
};

struct DeniedObject {
  enum class Kind {
    kNoFile,     // a process, a capability, a socket …
    kImage,      // `files` are what it can be
    kMadeLater,  // on a file system that is filled at run time
    kKernel,     // on a file system of the kernel's, labelled by genfscon
    kElsewhere,  // a file, but none of the image as far as the message tells
  };
  Kind kind = Kind::kNoFile;
  FileType type = FileType::kAny;  // as the class says
  /// Sorted by path. One alone is the object itself; of several, by the message's `name`, it is one.
  std::vector<FoundFile> files;
  bool by_inode = false;  // told by the inode number
};

/// Looks up a log's messages in one walk through the tree.
class DeniedObjects {
 public:
  /// `image`, if there is one, is what was mounted as the root and built from a tree of the same
  /// shape as `tree`: its inode numbers are what the kernel logs. Both must outlive this.
  DeniedObjects(const imagefmt::FileTree& tree, const imagefmt::NumberedTree* image,
                const std::vector<AvcMessage>& messages);

  DeniedObject object_of(const AvcMessage& message) const;
  /// The executables that the process can have run: by its `exe`, or else named as its `comm`.
  std::vector<FoundFile> programs_of(std::string_view exe, std::string_view comm) const;

 private:
  struct Candidate {
    std::string path;
    const imagefmt::Node* node;
  };
  const std::vector<Candidate>* named(std::string_view name) const;

  const imagefmt::FileTree& tree_;
  const imagefmt::NumberedTree* image_;
  std::vector<std::pair<std::string, std::vector<Candidate>>> by_name_;  // sorted by name
};

/// The file type of an object class: kRegular for `file`; kAny for what is no file.
FileType file_type_of_class(std::string_view object_class);

}  // namespace policy
