// SPDX-License-Identifier: Apache-2.0
//
// A file of label rules of any bytes: what is read back from its rules' own text is the same, and a
// tree labelled by it is as explained.
#include "policy/label_rules.h"

#include <cstdlib>
#include <string>

#include "imagefmt/base/bytes.h"
#include "policy/label.h"

using namespace policy;

namespace {

constexpr const char* kWrapped = "/nix/store/1-nginx-1.22/bin/.nginx-wrapped";

LabelRules parse(std::string text) {
  const NamedText mine[] = {{"mine.rules", std::move(text)}};
  return LabelRules::parse(mine);
}

std::string join_texts(const LabelRules& rules) {
  std::string text;
  for (const LabelRule& rule : rules.rules().first(rules.count_of_user())) text += rule.text + '\n';
  return text;
}

imagefmt::FileTree make_tree() {
  imagefmt::FileTree tree;
  for (const char* path : {kWrapped, "/nix/store/2-script", "/nix/store/1-nginx-1.22/lib/a",
                           "/nix/store/1-unit-a/a.service"}) {
    tree.insert(path, imagefmt::make_regular(imagefmt::Content::from_bytes("x"), 0555));
  }
  tree.insert("/etc/a", imagefmt::make_symlink("/nix/store/2-script"));
  return tree;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const FileContexts contexts =
      FileContexts::parse({{{"fc", "/.+ u:r:t\n/ u:r:t\n/usr/.* u:r:usr\n"}}, {}});
  try {
    LabelInput input;
    input.label_rules = parse(std::string(imagefmt::as_text({data, size})));
    const std::string text = join_texts(input.label_rules);
    if (join_texts(parse(text)) != text) abort();

    input.contexts = contexts;
    imagefmt::FileTree tree = make_tree();
    imagefmt::SilentReporter silent;
    label(tree, input, silent);
    expect_labels(
        tree, input,
        [](const std::string&, const imagefmt::Node& node, const ExpectedLabel& expected) {
          if (!(expected.label == node.label)) abort();
        });
    if (!(explain(tree, input, kWrapped).label == tree.find(kWrapped)->label)) abort();
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
