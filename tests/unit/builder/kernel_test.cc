// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel.h"

#include <archive.h>
#include <gtest/gtest.h>

#include <random>

#include "builder/kernel_image.h"
#include "tests/support/packed.h"
#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using imagefmt::as_bytes;
using tests::error_of;
using tests::pack;
using tests::TinyStore;

const std::string kBanner =
    "Linux version 6.12.41 (nixbld@localhost) (gcc 14.3.0) #1-NixOS SMP PREEMPT_DYNAMIC\n";
const std::string kConfig = "#\n# Linux/x86 6.12.41\n#\nCONFIG_LSM=\"landlock,yama,bpf\"\n";

std::string gzip(const std::string& bytes) {
  return pack(archive_write_add_filter_gzip, bytes);
}

void put16(std::string& bytes, size_t offset, unsigned value) {
  bytes[offset] = static_cast<char>(value);
  bytes[offset + 1] = static_cast<char>(value >> 8);
}
void put32(std::string& bytes, size_t offset, size_t value) {
  put16(bytes, offset, static_cast<unsigned>(value & 0xffff));
  put16(bytes, offset + 2, static_cast<unsigned>(value >> 16));
}

/// Bytes that repeat little and still can be compressed.
std::string noise(size_t size) {
  std::mt19937 engine(7);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = "abcdefgh"[engine() % 8];
  return bytes;
}

/// What a kernel is before it is packed. The banner's parts come before it, so that no compressor
/// leaves it in one piece.
std::string vmlinux(const std::string& more = "") {
  return noise(300000) + "Linux version %s (%s)" + std::string(70, '\0') + "on 6.12." + "41 (nixb" +
         kBanner + more + noise(200000);
}
std::string ikconfig() {
  return "IKCFG_ST" + gzip(kConfig) + "IKCFG_ED";
}

/// A bzImage of boot protocol 2.15.
std::string x86_image(const std::string& version, const std::string& payload) {
  std::string image((3 + 1) * 512, '\0');
  image[0x1f1] = 3;
  put16(image, 0x1fe, 0xaa55);
  image.replace(0x202, 4, "HdrS");
  put16(image, 0x206, 0x20f);
  if (!version.empty()) {
    put16(image, 0x20e, 0x400);
    image.replace(0x600, version.size(), version);
  }
  put32(image, 0x248, 100);
  put32(image, 0x24c, payload.size());
  return image + std::string(100, '\0') + payload + noise(1000);
}

std::string zboot_image(const std::string& payload) {
  std::string image("MZ\0\0zimg", 8);
  image.resize(512);
  put32(image, 8, 512);
  put32(image, 12, payload.size());
  return image + payload;
}

std::string release_of(const std::string& image) {
  return kernel_release(as_bytes(image), "k");
}

TEST(KernelImage, TellsItsReleaseInEveryForm) {
  EXPECT_EQ(release_of(x86_image("6.1.0-56-amd64 (debian-kernel@lists) #1 SMP", "")),
            "6.1.0-56-amd64");
  EXPECT_EQ(release_of(vmlinux()), "6.12.41") << "arm64 Image, vmlinux";
  EXPECT_EQ(release_of(gzip(vmlinux())), "6.12.41") << "Image.gz";
  EXPECT_EQ(release_of(zboot_image(gzip(vmlinux()))), "6.12.41");
  EXPECT_EQ(release_of(x86_image("", gzip(vmlinux()))), "6.12.41");
  EXPECT_EQ(release_of(noise(5000) + gzip(vmlinux())), "6.12.41") << "anywhere";
  EXPECT_EQ(release_of(kBanner), "6.12.41") << "nothing around it";
  EXPECT_EQ(release_of("Linux version 7.0-rc1+ "), "7.0-rc1+") << "at the very end";
}

TEST(KernelImage, HoldsTheVmlinuxThatItIsMadeOf) {
  const std::string elf =
      "\x7f"
      "ELF" +
      vmlinux();
  auto vmlinux_in = [](const std::string& image) { return vmlinux_of(as_bytes(image), "k"); };
  EXPECT_EQ(vmlinux_in(elf), elf);
  EXPECT_EQ(vmlinux_in(gzip(elf)), elf);
  EXPECT_EQ(vmlinux_in(x86_image("6.1 #1", gzip(elf))), elf);
  const std::string packed = pack(archive_write_add_filter_xz, elf);
  EXPECT_EQ(vmlinux_in(x86_image("6.1 #1", packed + "size")), elf) << "the build appends a size";
  const std::string refusal = "cannot read kernel image 'k': it is no vmlinux, and holds none";
  EXPECT_EQ(error_of([&] { vmlinux_in(x86_image("6.1 #1", gzip(vmlinux()))); }), refusal);
  const std::string cut = gzip(elf).substr(0, 5000);
  EXPECT_EQ(error_of([&] { vmlinux_in(x86_image("6.1 #1", cut)); }), refusal);
  EXPECT_EQ(error_of([&] { vmlinux_in(""); }), refusal);
}

TEST(KernelImage, UnpacksWhatKernelsArePackedWith) {
  const struct {
    const char* name;
    int (*filter)(archive*);
  } kFilters[] = {{"bzip2", archive_write_add_filter_bzip2},
                  {"xz", archive_write_add_filter_xz},
                  {"lzma", archive_write_add_filter_lzma},
                  {"zstd", archive_write_add_filter_zstd},
                  {"lz4", archive_write_add_filter_lz4}};
  for (const auto& filter : kFilters) {
    std::string packed = pack(filter.filter, vmlinux());
    if (packed.empty()) continue;  // then libarchive cannot read it either
    SCOPED_TRACE(filter.name);
    ASSERT_EQ(packed.find("Linux version 6.12"), packed.npos);
    EXPECT_EQ(release_of(packed), "6.12.41");
    // x86 counts the unpacked size that the kernel's build appends, zboot does not.
    const std::string size("\x12\x34\0\0", 4);
    EXPECT_EQ(release_of(zboot_image(packed) + size), "6.12.41");
    EXPECT_EQ(release_of(x86_image("", packed + size)), "6.12.41");
  }
}

TEST(KernelImage, FindsABannerAcrossParts) {
  for (size_t before : {(size_t{1} << 20) - 5, (size_t{1} << 20) - 14, (size_t{1} << 20) - 20}) {
    EXPECT_EQ(release_of(std::string(before, '\0') + kBanner + std::string(100, '\0')), "6.12.41");
  }
}

TEST(KernelImage, RefusesWhatTellsNone) {
  const std::string message =
      "cannot read kernel image 'k': it tells no release, neither in an x86 header nor in a banner "
      "'Linux version …'";
  std::string far = x86_image("", "");
  put16(far, 0x20e, 0xfff0);  // behind the setup code
  std::string endless = x86_image(std::string(200, '6'), "");
  const std::string cut = zboot_image(gzip(vmlinux())).substr(0, 700);
  for (const std::string& image :
       {std::string(), std::string("MZ"), noise(100000), std::string("Linux version "),
        std::string("Linux version 6.1"), std::string("Linux version %s (x) "),
        "Linux version 6." + std::string(70, '1') + " ", std::string("Linux version 6 "),
        std::string("Linux version 6.1\n.2 "), far, endless, cut, std::string("MZ\0\0zimg", 8),
        x86_image("", "").substr(0, 0x206)}) {
    EXPECT_EQ(error_of([&] { release_of(image); }), message);
  }
}

TEST(KernelImage, CarriesItsConfiguration) {
  for (const std::string& image :
       {vmlinux(ikconfig()), gzip(vmlinux(ikconfig())),
        x86_image("6.1 #1", gzip(vmlinux(ikconfig()))), zboot_image(gzip(vmlinux(ikconfig()))),
        vmlinux("IKCFG_ST, but nothing packed behind it" + ikconfig())}) {
    EXPECT_EQ(kernel_config(as_bytes(image)), kConfig);
  }
  EXPECT_EQ(kernel_config(as_bytes(vmlinux())), std::nullopt);
  EXPECT_EQ(kernel_config({}), std::nullopt);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "IKCFG_ST";
  EXPECT_EQ(kernel_config(as_bytes(many)), std::nullopt);
}

TEST(KernelImage, SurvivesDamage) {
  std::mt19937 engine(3);
  const std::string small = std::string(3000, 'x') + kBanner + ikconfig();
  const std::string images[] = {x86_image("6.1.2 #1", gzip(small)), zboot_image(gzip(small)),
                                gzip(small), small};
  for (int round = 0; round < 400; ++round) {
    std::string image = images[round % 4];
    for (int hit = 0; hit < 4; ++hit) {
      size_t place = engine() % (engine() % 2 ? image.size() : std::min<size_t>(image.size(), 600));
      image[place] = static_cast<char>(engine());
    }
    if (engine() % 4 == 0) image.resize(engine() % image.size());
    try {
      std::string release = release_of(image);
      ASSERT_LE(release.size(), 64u);
      ASSERT_EQ(release.find_first_of(" /\n"), release.npos);
    } catch (const imagefmt::Error&) {
    }
    kernel_config(as_bytes(image));
  }
}

// Debian and others install kernels whose file or folder names tell the release.
struct System : TinyStore {
  System() : toplevel(add("system")), linux(add("linux")), modules(add("modules")) {
    file(toplevel + "/init");
    file(toplevel + "/nixos-version");
    link(toplevel + "/kernel", linux + "/Image");
    file(toplevel + "/kernel-params", "quiet");
    link(toplevel + "/kernel-modules", modules);
    folder(modules);
  }
  Kernel kernel() const {
    Closure closure = read();
    return read_kernel(closure, read_bootspec(closure));
  }
  std::optional<std::string> config() const {
    Closure closure = read();
    return read_kernel_config(closure, read_bootspec(closure), kernel());
  }
  std::string toplevel, linux, modules;
};

TEST(Kernel, FindsModulesAndConfiguration) {
  System system;
  system.file(system.linux + "/Image", vmlinux(ikconfig()));
  std::string own = system.modules + "/lib/modules/6.12.41";
  system.folder(own);
  Kernel kernel = system.kernel();
  EXPECT_EQ(kernel.release, "6.12.41");
  EXPECT_EQ(kernel.modules, own);
  EXPECT_EQ(system.config(), kConfig);

  system.link(own + "/build", "/nix/store/" + std::string(32, '0') + "-linux-dev/build");
  EXPECT_EQ(system.config(), kConfig);
  system.file(own + "/config", "CONFIG_X=m\n");
  EXPECT_EQ(system.config(), "CONFIG_X=m\n");
  system.file(system.linux + "/config", "CONFIG_X=y\n");
  EXPECT_EQ(system.config(), "CONFIG_X=y\n");
  system.file(system.linux + "/config-6.12.41", "CONFIG_X=n\n");
  EXPECT_EQ(system.config(), "CONFIG_X=n\n");
}

TEST(Kernel, ReadsAConfigurationFromAFile) {
  tests::TempDir folder;
  auto read = [&](const std::string& name, const std::string& bytes) {
    imagefmt::write_file(folder / name, bytes);
    std::string text;
    const std::string error = error_of([&] { text = read_config_file(folder / name); });
    return error == "(no error)" ? text : error;
  };
  EXPECT_EQ(read("plain", kConfig), kConfig);
  EXPECT_EQ(read("config.gz", gzip(kConfig)), kConfig) << "/proc/config.gz";
  EXPECT_EQ(read("carries", zboot_image(gzip(vmlinux(ikconfig())))), kConfig);
  const std::string none = "cannot find the configuration of kernel '" + folder / "bzImage" +
                           "': it carries none (CONFIG_IKCONFIG), and there is no "
                           "'config-6.12.41' and no 'config' beside it";
  EXPECT_EQ(read("bzImage", vmlinux() + '\0'), none);
  imagefmt::write_file(folder / "config-6.12.40", "CONFIG_X=m\n");
  EXPECT_EQ(read("bzImage", vmlinux() + '\0'), none);
  imagefmt::write_file(folder / "config", "CONFIG_X=y\n");
  EXPECT_EQ(read("bzImage", vmlinux() + '\0'), "CONFIG_X=y\n");
  imagefmt::write_file(folder / "config-6.12.41", "CONFIG_X=n\n");
  EXPECT_EQ(read("bzImage", vmlinux() + '\0'), "CONFIG_X=n\n");
}

TEST(Kernel, NeedsModulesOfItsOwnRelease) {
  System system;
  system.file(system.linux + "/Image", vmlinux());
  const std::string message = "cannot use kernel '" + system.linux +
                              "/Image': its release is '6.12.41', and '" + system.modules +
                              "/lib/modules' has ";
  EXPECT_EQ(error_of([&] { system.kernel(); }), message + "no folder of any");
  system.folder(system.modules + "/lib/modules/6.12.40");
  system.folder(system.modules + "/lib/modules/6.1.0");
  EXPECT_EQ(error_of([&] { system.kernel(); }), message + "folders of others: '6.1.0', '6.12.40'");

  std::filesystem::remove(system.host(system.toplevel + "/kernel-modules"));
  EXPECT_EQ(system.kernel().modules, std::nullopt) << "all of it is built in";
}

}  // namespace
}  // namespace builder
