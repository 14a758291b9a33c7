// SPDX-License-Identifier: Apache-2.0
//
// The text as a unit file, as a command line, and as a name; then as a unit and its drop-in in a tree.
#include "builder/unit_file.h"

#include <cstdlib>

#include "builder/units.h"
#include "imagefmt/base/bytes.h"
#include "imagefmt/base/error.h"

using namespace builder;

namespace {

void check_command(std::string_view program) {
  // It goes into look-ups and messages.
  if (program.empty() || program.size() > 4095 || program.find('\0') != program.npos) abort();
}

void read_texts(std::string_view text) {
  for (const Assignment& assignment : parse_unit_file(text).assignments) {
    if (assignment.key.empty() || assignment.section.find('\n') != std::string::npos) abort();
    for (const std::string* part : {&assignment.key, &assignment.value}) {
      if (part->find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) abort();
    }
  }
  try {
    for (const ExecCommand& command : parse_exec(text)) check_command(command.program);
  } catch (const imagefmt::Error&) {
  }
  std::optional<UnitName> name = UnitName::parse(text);
  if (name && name->text() != text) abort();
  if (name && name->is_instance() && !UnitName::parse(name->template_name())) abort();
}

void read_tree(std::string_view text) {
  // Its first line is where one name leads.
  const std::string target(text.substr(0, std::min(text.find('\n'), size_t{255})));
  if (target.empty() || target.find('\0') != std::string::npos) return;
  const std::string folder = "/etc/systemd/system/";
  imagefmt::FileTree tree;
  auto file = [&] {
    return imagefmt::make_regular(imagefmt::Content::from_bytes(std::string(text)));
  };
  tree.insert(folder + "a-b@.service", file());
  tree.insert(folder + "a-@.service.d/x.conf", file());
  tree.insert(folder + "a-b@i.service.d/y.conf", file());
  tree.insert(folder + "c.service", imagefmt::make_symlink(target));
  tree.insert(folder + "d.service", imagefmt::make_symlink("c.service"));
  for (const Unit& unit : read_units(tree, UnitManager::kSystem)) {
    for (const UnitCommand& command : unit.commands) check_command(command.program);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = imagefmt::as_text({data, size});
  read_texts(text);
  read_tree(text);
  return 0;
}
