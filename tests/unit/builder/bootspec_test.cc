// SPDX-License-Identifier: Apache-2.0
#include "builder/bootspec.h"

#include <gtest/gtest.h>

#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using tests::error_of;
using tests::TinyStore;

/// The keys of one system, as JSON.
std::string facts(const std::string& toplevel, const std::string& more = "") {
  return R"("init": ")" + toplevel + R"(/init", "initrd": ")" + toplevel +
         R"(/initrd", "kernel": ")" + toplevel +
         R"(/kernel", "kernelParams": ["quiet", "dyndbg=\"file a +p\""], "label": "NixOS", )"
         R"("system": "x86_64-linux", "toplevel": ")" +
         toplevel + '"' + more;
}

std::string rfc(const std::string& toplevel, const std::string& specialisations) {
  return R"({"org.nixos.bootspec.v1": {)" + facts(toplevel) +
         R"(}, "org.nixos.specialisation.v1": {)" + specialisations + "}}";
}

void expect_facts(const Bootspec& spec, const std::string& toplevel) {
  EXPECT_EQ(spec.toplevel, toplevel);
  EXPECT_EQ(spec.init, toplevel + "/init");
  EXPECT_EQ(spec.kernel, toplevel + "/kernel");
  EXPECT_EQ(spec.initrd, toplevel + "/initrd");
  EXPECT_EQ(spec.kernel_params, (std::vector<std::string>{"quiet", "dyndbg=\"file a +p\""}));
  EXPECT_EQ(spec.label, "NixOS");
  EXPECT_EQ(spec.system, "x86_64-linux");
}

TEST(Bootspec, ReadsEveryFormThatNixosWrote) {
  const std::string forms[] = {
      rfc("/t", "\"b\": " + rfc("/b", "") + ", \"a\": " + rfc("/a", "")),
      R"({"v1": {)" +
          facts("/t", R"(, "specialisation": {"a": {)" + facts("/a") + R"(}, "b": {)" +
                          facts("/b", R"(, "specialisation": {})") + "}}") +
          "}}",
      R"({"schemaVersion": 1, )" +
          facts("/t", R"(, "specialisation": {"a": {)" + facts("/a") + R"(}, "b": {"v1": {)" +
                          facts("/b") + "}}}") +
          "}",
  };
  for (const std::string& text : forms) {
    Bootspec spec = parse_bootspec(text, "boot.json");
    EXPECT_EQ(spec.name, "");
    expect_facts(spec, "/t");
    ASSERT_EQ(spec.specialisations.size(), 2u) << text;
    EXPECT_EQ(spec.specialisations[0].name, "a");
    expect_facts(spec.specialisations[0], "/a");
    EXPECT_EQ(spec.specialisations[1].name, "b");
    expect_facts(spec.specialisations[1], "/b");
  }
}

TEST(Bootspec, SystemAndInitrdMayBeAbsent) {
  Bootspec spec = parse_bootspec(
      R"({"org.nixos.bootspec.v1": {"init": "/i", "initrd": null, "kernel": "/k",
          "kernelParams": [], "label": "L", "toplevel": "/t", "initrdSecrets": "/s"},
          "org.example.extension": 1})",
      "boot.json");
  EXPECT_EQ(spec.initrd, std::nullopt);
  EXPECT_EQ(spec.system, "");
  EXPECT_TRUE(spec.kernel_params.empty());
}

TEST(Bootspec, RefusesWhatIsMalformed) {
  auto v1 = [](const std::string& body) { return R"({"org.nixos.bootspec.v1": {)" + body + "}}"; };
  auto with = [&](std::string from, const std::string& to) {
    std::string body = facts("/t");
    body.replace(body.find(from), from.size(), to);
    return v1(body);
  };
  std::string nested = rfc("/t", "");
  for (int i = 0; i < 5; ++i) nested = rfc("/t", "\"s\": " + nested);
  const std::string key = "cannot read 'f': key 'org.nixos.bootspec.v1";
  const struct {
    const char* what;
    std::string text, message;
  } kCases[] = {
      {"no JSON", "{\n  \"a\": nope\n}", "f:2:9: malformed JSON"},
      {"nothing", "", "f:1:1: malformed JSON"},
      {"cut", "{\"v1\": {", "f:1:9: malformed JSON"},
      {"a list", "[]", "cannot read 'f': key '': expected an object, found array"},
      {"another version", R"({"org.nixos.bootspec.v2": {}})",
       key + "': it is missing, and no older form is there"},
      {"form of another type", R"({"org.nixos.bootspec.v1": 1})",
       key + "': expected an object, found number"},
      {"key missing", v1(R"("toplevel": "/t")"), key + ".init': it is missing"},
      {"no kernel", with(R"("kernel": "/t/kernel", )", ""), key + ".kernel': it is missing"},
      {"kernel of another type", with(R"("/t/kernel")", "{}"),
       key + ".kernel': expected a string, found object"},
      {"params of another type", with(R"(["quiet", "dyndbg=\"file a +p\""])", R"("quiet")"),
       key + ".kernelParams': expected a list, found string"},
      {"a param of another type", with(R"("quiet")", "true"),
       key + ".kernelParams[0]': expected a string, found boolean"},
      {"two lines in a param", with("quiet", R"(qui\net)"),
       key + ".kernelParams[0]': a control character in 'qui\\012et'"},
      {"NUL in a path", with("/t/kernel", R"(/t/ker\u0000nel)"),
       key + ".kernel': a control character in '/t/ker\\000nel'"},
      {"specialisation of another type", rfc("/t", R"("a": [])"),
       "cannot read 'f': key 'org.nixos.specialisation.v1.a': expected an object, found array"},
      {"specialisation's key", rfc("/t", R"("a": {"org.nixos.bootspec.v1": {}})"),
       "cannot read 'f': key 'org.nixos.specialisation.v1.a.org.nixos.bootspec.v1.toplevel': it is "
       "missing"},
      {"specialisation's name", rfc("/t", R"("a/b": {})"),
       "cannot read 'f': key 'org.nixos.specialisation.v1.a/b': bad file name 'a/b': a name with "
       "'/'"},
      {"older form's specialisation",
       R"({"v1": {)" + facts("/t", R"(, "specialisation": 1)") + "}}",
       "cannot read 'f': key 'v1.specialisation': expected an object, found number"},
      {"nested without end", nested,
       "cannot read 'f': key '" +
           [] {
             std::string path;
             for (int i = 0; i < 5; ++i)
               path += std::string(i ? "." : "") + "org.nixos.specialisation.v1.s";
             return path;
           }() +
           "': more than 4 specialisations in each other"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { parse_bootspec(c.text, "f"); }), c.message) << c.what;
  }
}

TEST(KernelParams, AreSeparatedAsLinuxDoes) {
  EXPECT_EQ(
      split_kernel_params("  quiet\tlsm=yama,bpf dyndbg=\"file a +p\" \"a b\"c \n"),
      (std::vector<std::string>{"quiet", "lsm=yama,bpf", "dyndbg=\"file a +p\"", "\"a b\"c"}));
  EXPECT_TRUE(split_kernel_params(" \n").empty());
}

/// A system with a kernel and an initrd in store paths of their own.
struct System : TinyStore {
  System() : toplevel(add("system")), kernel(add("linux")), initrd(add("initrd")) {
    file(toplevel + "/init");
    file(toplevel + "/nixos-version", "24.11pre\n");
    file(kernel + "/bzImage");
    file(initrd + "/initrd");
    link(toplevel + "/kernel", kernel + "/bzImage");
    link(toplevel + "/initrd", initrd + "/initrd");
    file(toplevel + "/system", "aarch64-linux");
  }
  std::string toplevel, kernel, initrd;
};

TEST(Bootspec, FollowsItsLinks) {
  System system;
  std::string quiet = system.add("quiet");
  system.file(quiet + "/init");
  system.file(quiet + "/nixos-version");
  system.file(quiet + "/kernel");
  system.file(quiet + "/initrd");
  system.link(system.toplevel + "/specialisation/quiet", quiet);
  system.file(system.toplevel + "/boot.json", rfc(system.toplevel, "\"quiet\": " + rfc(quiet, "")));
  Bootspec spec = read_bootspec(system.read());
  EXPECT_EQ(spec.kernel, system.kernel + "/bzImage");
  EXPECT_EQ(spec.initrd, system.initrd + "/initrd");
  EXPECT_EQ(spec.init, system.toplevel + "/init");
  EXPECT_EQ(spec.system, "x86_64-linux");
  ASSERT_EQ(spec.specialisations.size(), 1u);
  EXPECT_EQ(spec.specialisations[0].kernel, quiet + "/kernel");
}

TEST(Bootspec, IsPiecedTogetherFromFiles) {
  System system;
  std::string quiet = system.add("quiet");
  system.file(quiet + "/init");
  system.file(quiet + "/nixos-version");
  system.file(quiet + "/kernel");
  system.file(quiet + "/kernel-params", "quiet");
  system.link(system.toplevel + "/specialisation/quiet", quiet);
  EXPECT_EQ(error_of([&] { read_bootspec(system.read()); }),
            "cannot learn how '" + system.toplevel +
                "' boots: it has neither 'boot.json' nor 'kernel-params'");
  system.file(system.toplevel + "/kernel-params", "loglevel=4 lsm=landlock,yama,bpf\n");
  Bootspec spec = read_bootspec(system.read());
  EXPECT_EQ(spec.toplevel, system.toplevel);
  EXPECT_EQ(spec.kernel, system.kernel + "/bzImage");
  EXPECT_EQ(spec.initrd, system.initrd + "/initrd");
  EXPECT_EQ(spec.init, system.toplevel + "/init");
  EXPECT_EQ(spec.kernel_params, (std::vector<std::string>{"loglevel=4", "lsm=landlock,yama,bpf"}));
  EXPECT_EQ(spec.label, "NixOS 24.11pre");
  EXPECT_EQ(spec.system, "aarch64-linux");
  ASSERT_EQ(spec.specialisations.size(), 1u);
  EXPECT_EQ(spec.specialisations[0].name, "quiet");
  EXPECT_EQ(spec.specialisations[0].initrd, std::nullopt);
  EXPECT_EQ(spec.specialisations[0].system, "");
}

TEST(Bootspec, RefusesWhatTheClosureDoesNotHold) {
  auto message = [](const std::string& from, const std::string& to) {
    System system;
    std::string text = rfc(system.toplevel, "");
    text.replace(text.find(from), from.size(), to);
    system.file(system.toplevel + "/boot.json", text);
    std::string error = error_of([&] { read_bootspec(system.read()); });
    for (size_t at; (at = error.find(system.toplevel)) != error.npos;) {
      error.replace(at, system.toplevel.size(), "TOP");
    }
    return error;
  };
  EXPECT_EQ(message("/kernel\"", "/vmlinux\""),
            "'TOP': cannot resolve 'TOP/vmlinux': nothing stands there");
  EXPECT_EQ(message("/initrd\"", "/../../../../boot/initrd\""),
            "'TOP': cannot resolve 'TOP/../../../../boot/initrd': it leads to '/boot/initrd', "
            "outside of the closure");
  EXPECT_EQ(message("/kernel\"", "\""), "'TOP': cannot use 'TOP': not a regular file");
  EXPECT_EQ(message("/init\"", "/ini\""), "'TOP': cannot resolve 'TOP/ini': nothing stands there");
  EXPECT_EQ(message("\"toplevel\": \"", "\"toplevel\": \"/x"),
            "cannot use 'TOP/boot.json': it describes '/xTOP'");
  EXPECT_EQ(
      message("specialisation.v1\": {", "specialisation.v1\": {\"s\": " + rfc("/nix/store/s", "")),
      "cannot boot '/nix/store/s': it is no store path of the closure");
}

}  // namespace
}  // namespace builder
