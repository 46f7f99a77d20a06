// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/engine_key.h"

#include <charconv>
#include <string_view>
#include <type_traits>

namespace muster::tensorrt {
namespace {

// "name=LENGTH:value\n": no value can look like another's line.
class Lines {
 public:
  explicit Lines(std::string_view what) { text_ = std::string(what) + "\n"; }
  void add(std::string_view name, std::string_view value) {
    text_ += std::string(name) + "=" + std::to_string(value.size()) + ":" + std::string(value);
    text_ += '\n';
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  void add(std::string_view name, Number value) {
    // The shortest text that reads back as the same number, in every locale.
    char digits[40];
    const auto written = std::to_chars(digits, digits + sizeof(digits), value);
    add(name, std::string_view(digits, static_cast<std::size_t>(written.ptr - digits)));
  }
  [[nodiscard]] DigestBytes digest() const {
    Digest digest;
    digest.add(text_);
    return digest.finish();
  }

 private:
  std::string text_;
};

// What kernels are measured on, and the code that measures them.
void add_machine(const std::string& library, const DeviceFacts& device, Lines& lines) {
  lines.add("library", library);
  lines.add("driver", device.driver_version);
  lines.add("gpu", device.name);
  lines.add("compute_major", device.compute_major);
  lines.add("compute_minor", device.compute_minor);
  lines.add("multiprocessors", device.multiprocessors);
}

void add_pixels(const PixelScaling& pixels, Lines& lines) {
  lines.add("scale", pixels.scale);
  for (const double mean : pixels.mean)
    lines.add("mean", mean);
  for (const double std : pixels.std)
    lines.add("std", std);
}

}  // namespace

DigestBytes engine_key(const EngineIngredients& ingredients) {
  Lines lines("muster engine 1");
  const BuildOptions& build = ingredients.build;
  lines.add("model", as_text(ingredients.model));
  add_machine(ingredients.library, ingredients.device, lines);
  lines.add("precision", precision_name(build.precision));
  lines.add("workspace", build.workspace_bytes);
  lines.add("level", build.level);
  lines.add("profiles", profiles_text(build.profiles));
  if (build.pixels) add_pixels(*build.pixels, lines);
  return lines.digest();
}

DigestBytes timing_key(const std::string& library, const DeviceFacts& device) {
  Lines lines("muster timing 1");
  add_machine(library, device, lines);
  return lines.digest();
}

}  // namespace muster::tensorrt
