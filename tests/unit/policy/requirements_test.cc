// SPDX-License-Identifier: Apache-2.0
#include "policy/requirements.h"

#include <gtest/gtest.h>

namespace policy {
namespace {

std::vector<std::string> dropped(std::vector<std::string> packages) {
  std::vector<std::string*> pointers;
  for (std::string& package : packages) pointers.push_back(&package);
  drop_met_requirements(pointers, 2);
  return packages;
}

TEST(Requirements, AreDroppedWhereMet) {
  EXPECT_EQ(dropped({"(typeattribute cil_gen_require)\n"
                     "(type a_t)\n"
                     "(typeattribute b)\n"
                     "(typealias c_t)\n"
                     "(role r_r)\n"
                     "(roleattribute s)\n",
                     "(typeattributeset cil_gen_require a_t)\n"
                     "(optional o\n"
                     "    (typeattributeset cil_gen_require b)\n"
                     "    (typeattributeset cil_gen_require c_t)\n"
                     "    (roleattributeset cil_gen_require r_r)\n"
                     "    (allow a_t c_t (file (read)))\n"
                     ")\n"
                     "(roleattributeset cil_gen_require s)\n"}),
            (std::vector<std::string>{"(typeattribute cil_gen_require)\n"
                                      "(type a_t)\n"
                                      "(typeattribute b)\n"
                                      "(typealias c_t)\n"
                                      "(role r_r)\n"
                                      "(roleattribute s)\n",
                                      "\n(optional o\n\n\n\n"
                                      "    (allow a_t c_t (file (read)))\n"
                                      ")\n"
                                      "\n"}));
}

TEST(Requirements, StayWhereNotMetForAll) {
  // Declared in a block only; of the other kind; not of the converter's form.
  std::vector<std::string> packages = {
      "(optional o\n    (type a_t)\n)\n(role b)\n(type c)\n(type )\n",
      "(typeattributeset cil_gen_require a_t)\n"
      "(typeattributeset cil_gen_require b)\n"
      "(roleattributeset cil_gen_require c)\n"
      "(typeattributeset cil_gen_require (and c a_t))\n"
      "(typeattributeset cil_gen_require )\n"
      "(typeattributeset other c)\n"
      "    \n"
      "(typeattributeset cil_gen_require c\n"};
  EXPECT_EQ(dropped(packages), packages);
}

}  // namespace
}  // namespace policy
