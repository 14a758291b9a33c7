// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/image.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/dump.h"

namespace builder {

namespace {

struct Node {
  std::string path, line, digest;
};

/// Lines of `inspect`, and for regular files a digest of the bytes, which the line does not hold.
std::vector<Node> nodes_of(const imagefmt::FileTree& tree) {
  std::vector<Node> nodes;
  imagefmt::walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
    const imagefmt::Regular* file = node.regular();
    nodes.push_back({path, imagefmt::dump_node(path, node),
                     file ? imagefmt::to_hex(imagefmt::digest(file->content)) : ""});
  });
  std::sort(nodes.begin(), nodes.end(),
            [](const Node& a, const Node& b) { return a.path < b.path; });
  return nodes;
}

}  // namespace

void add_diff_command(CLI::App& app, Run& chosen) {
  struct Options {
    std::string a, b;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("diff", "Compare two images, inode by inode");
  command->add_option("A", options->a, "the first image")->required();
  command->add_option("B", options->b, "the second image")->required();
  command->footer(
      "Prints the lines of `inspect` that differ, `-` for A and `+` for B, each followed by the\n"
      "SHA-256 of the bytes where only these differ. Exit status 1 if anything differs.\n\n"
      "Example:\n"
      "  intaglio diff old/root.squashfs new/root.squashfs");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      std::vector<Node> a = nodes_of(read_image(options->a));
      std::vector<Node> b = nodes_of(read_image(options->b));
      bool differ = false;
      size_t i = 0, j = 0;
      while (i < a.size() || j < b.size()) {
        int order = i == a.size() ? 1 : j == b.size() ? -1 : a[i].path.compare(b[j].path);
        bool same_line = order == 0 && a[i].line == b[j].line;
        if (!same_line || a[i].digest != b[j].digest) {
          differ = true;
          if (order <= 0) {
            io.out << '-' << a[i].line << (same_line ? "\t" + a[i].digest : "") << '\n';
          }
          if (order >= 0) {
            io.out << '+' << b[j].line << (same_line ? "\t" + b[j].digest : "") << '\n';
          }
        }
        if (order <= 0) ++i;
        if (order >= 0) ++j;
      }
      return differ ? 1 : 0;
    };
  });
}

}  // namespace builder
