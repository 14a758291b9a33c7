// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uboot/fit.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/uboot/fdt.h"

namespace imagefmt::uboot {

namespace {

const FitImage* find_image(const Fit& fit, std::string_view name) {
  const auto found = std::ranges::find(fit.images, name, &FitImage::name);
  return found == fit.images.end() ? nullptr : &*found;
}

/// As the specification of device trees has it for names of nodes.
bool is_node_name(std::string_view name) {
  auto is_allowed = [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c)) ||
           std::string_view(",._+-@").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, is_allowed);
}

class Checks {
 public:
  explicit Checks(const Fit& fit) : fit_(fit) {}

  void all() {
    text("the description", fit_.description);
    std::set<std::string_view> names;
    for (const FitImage& image : fit_.images) {
      node(image.name, names);
      const std::string what = fmt::format("image '{}'", image.name);
      for (const std::string* word :
           {&image.description, &image.type, &image.arch, &image.os, &image.compression}) {
        text(what, *word);
      }
      unless(!image.data.empty(), fmt::format("{} has no data", what));
      unless(!image.type.empty(), fmt::format("{} has no type", what));
    }
    names.clear();
    for (const FitConfiguration& configuration : fit_.configurations) {
      node(configuration.name, names);
      part(configuration, configuration.kernel, {"kernel", "kernel_noload"});
      part(configuration, configuration.device_tree, {"flat_dt"});
      part(configuration, configuration.ramdisk, {"ramdisk"});
      unless(!configuration.kernel.empty(),
             fmt::format("configuration '{}' has no kernel", configuration.name));
      for (const std::string& machine : configuration.compatible) {
        text(fmt::format("configuration '{}'", configuration.name), machine);
        unless(!machine.empty(), fmt::format("configuration '{}' is for a machine without a name",
                                             configuration.name));
      }
    }
    unless(names.contains(fit_.default_configuration),
           fmt::format("its default configuration '{}' is not there", fit_.default_configuration));
    faults_.throw_if_any();
  }

 private:
  void unless(bool good, std::string fault) {
    if (!good) faults_.add(std::move(fault));
  }
  void text(std::string_view what, const std::string& text) {
    unless(text.find('\0') == std::string::npos, fmt::format("{} has a text with a NUL", what));
  }
  void node(std::string_view name, std::set<std::string_view>& names) {
    unless(is_node_name(name), fmt::format("'{}' is no name of a node", name));
    unless(names.insert(name).second, fmt::format("the name '{}' is there twice", name));
  }
  void part(const FitConfiguration& configuration, const std::string& name,
            std::initializer_list<std::string_view> types) {
    if (name.empty()) return;
    const FitImage* image = find_image(fit_, name);
    if (!image) {
      faults_.add(fmt::format("configuration '{}' names the image '{}', which is not there",
                              configuration.name, name));
    } else if (std::ranges::find(types, image->type) == types.end()) {
      faults_.add(fmt::format("configuration '{}' wants a {}, and image '{}' is a {}",
                              configuration.name, *types.begin(), name, image->type));
    }
  }

  const Fit& fit_;
  Faults faults_;
};

/// Writes a tree in order, which needs room for all of it.
class FdtWriter {
 public:
  explicit FdtWriter(uint64_t room) {
    if (room > INT32_MAX) {
      throw Error(fmt::format("it would have {} bytes, at most {} are possible", room, INT32_MAX));
    }
    bytes_.resize(room);
    check(fdt_create(bytes_.data(), static_cast<int>(bytes_.size())));
    check(fdt_finish_reservemap(bytes_.data()));
  }
  void begin(const std::string& name) { check(fdt_begin_node(bytes_.data(), name.c_str())); }
  void end() { check(fdt_end_node(bytes_.data())); }
  void bytes(const char* property, std::string_view value) {
    check(fdt_property(bytes_.data(), property, value.data(), static_cast<int>(value.size())));
  }
  /// With its NUL; nothing if it is empty.
  void text(const char* property, const std::string& value) {
    if (!value.empty()) bytes(property, {value.c_str(), value.size() + 1});
  }
  void number(const char* property, uint32_t value) {
    bytes(property, as_text(bytes_of(be32(value))));
  }
  std::string finish() {
    check(fdt_finish(bytes_.data()));
    bytes_.resize(fdt_totalsize(bytes_.data()));
    return std::move(bytes_);
  }

 private:
  static void check(int result) { check_fdt(result, "its tree"); }
  std::string bytes_;
};

void write_image(FdtWriter& out, const FitImage& image) {
  out.begin(image.name);
  out.text("description", image.description);
  out.bytes("data", image.data);
  out.text("type", image.type);
  out.text("arch", image.arch);
  out.text("os", image.os);
  out.text("compression", image.compression);
  if (image.load) out.number("load", *image.load);
  if (image.entry) out.number("entry", *image.entry);
  out.begin("hash-1");
  out.text("algo", "sha256");
  const Digest digest = sha256(image.data);
  out.bytes("value", as_text(digest));
  out.end();
  out.end();
}

void write_configuration(FdtWriter& out, const FitConfiguration& configuration) {
  out.begin(configuration.name);
  out.text("kernel", configuration.kernel);
  out.text("fdt", configuration.device_tree);
  out.text("ramdisk", configuration.ramdisk);
  std::string machines;
  for (const std::string& machine : configuration.compatible) machines += machine + '\0';
  if (!machines.empty()) out.bytes("compatible", machines);
  out.end();
}

/// More than the tree takes: each property has a header and is padded, as the names of nodes are.
uint64_t room_for(const Fit& fit) {
  constexpr uint64_t kRest = 4096, kOfNode = 512;
  uint64_t room = kRest + fit.description.size() + fit.default_configuration.size();
  for (const FitImage& image : fit.images) {
    room = checked_add(room,
                       kOfNode + image.name.size() + image.description.size() + image.type.size() +
                           image.arch.size() + image.os.size() + image.compression.size(),
                       "its size");
    room = checked_add(room, image.data.size(), "its size");
  }
  for (const FitConfiguration& configuration : fit.configurations) {
    room += kOfNode + configuration.name.size() + configuration.kernel.size() +
            configuration.device_tree.size() + configuration.ramdisk.size();
    for (const std::string& machine : configuration.compatible) room += machine.size() + 1;
  }
  return room;
}

std::string digest_of(const std::string& algorithm, std::string_view data) {
  if (algorithm == "sha256") {
    const Digest digest = sha256(data);
    return std::string(as_text(digest));
  }
  if (algorithm == "crc32") return std::string(as_text(bytes_of(be32(crc32(0, as_bytes(data))))));
  throw Error(fmt::format("a hash of the kind '{}', expected sha256 or crc32", algorithm));
}

void check_hashes(const Fdt& tree, int node, std::string_view data) {
  for (const int hash : tree.children(node)) {
    const std::string name = tree.name(hash);
    if (!name.starts_with("hash")) continue;
    with_context(name, [&] {
      const std::string expected = digest_of(tree.text(hash, "algo"), data);
      const std::string_view found = tree.find(hash, "value").value_or("");
      if (found != expected) {
        throw Error(fmt::format("its value is {}, and that of the data is {}",
                                to_hex(as_bytes(found)), to_hex(as_bytes(expected))));
      }
    });
  }
}

FitImage read_image(const Fdt& tree, int node) {
  FitImage image;
  image.name = tree.name(node);
  return with_context(fmt::format("image '{}'", image.name), [&] {
    const std::optional<std::string_view> data = tree.find(node, "data");
    if (!data) throw Error("it has no data in the tree");
    image.data = *data;
    image.description = tree.text(node, "description");
    image.type = tree.text(node, "type");
    image.arch = tree.text(node, "arch");
    image.os = tree.text(node, "os");
    image.compression = tree.text(node, "compression");
    image.load = tree.number(node, "load");
    image.entry = tree.number(node, "entry");
    check_hashes(tree, node, image.data);
    return std::move(image);
  });
}

}  // namespace

std::string serialize_fit(const Fit& fit) {
  return with_context("cannot make a FIT image", [&] {
    Checks(fit).all();
    FdtWriter out(room_for(fit));
    out.begin("");
    out.number("timestamp", fit.time);
    out.text("description", fit.description);
    out.number("#address-cells", 1);
    out.begin("images");
    for (const FitImage& image : fit.images) write_image(out, image);
    out.end();
    out.begin("configurations");
    out.text("default", fit.default_configuration);
    for (const FitConfiguration& configuration : fit.configurations) {
      write_configuration(out, configuration);
    }
    out.end();
    out.end();
    return out.finish();
  });
}

Fit parse_fit(ByteView bytes) {
  return with_context("cannot read the FIT image", [&] {
    const Fdt tree(bytes);
    const int root = tree.node("/"), configurations = tree.node("/configurations");
    Fit fit;
    fit.description = tree.text(root, "description");
    fit.time = tree.number(root, "timestamp").value_or(0);
    fit.default_configuration = tree.text(configurations, "default");
    for (const int node : tree.children(tree.node("/images"))) {
      fit.images.push_back(read_image(tree, node));
    }
    for (const int node : tree.children(configurations)) {
      FitConfiguration configuration;
      configuration.name = tree.name(node);
      configuration.kernel = tree.text(node, "kernel");
      configuration.device_tree = tree.text(node, "fdt");
      configuration.ramdisk = tree.text(node, "ramdisk");
      configuration.compatible = tree.texts(node, "compatible");
      fit.configurations.push_back(std::move(configuration));
    }
    Checks(fit).all();
    return fit;
  });
}

std::vector<std::string> compatible_of_device_tree(ByteView bytes) {
  return with_context("cannot read the device tree", [&] {
    const Fdt tree(bytes);
    std::vector<std::string> machines = tree.texts(tree.node("/"), "compatible");
    if (machines.empty()) throw Error("it does not say what machine it is for");
    return machines;
  });
}

}  // namespace imagefmt::uboot
