// SPDX-License-Identifier: Apache-2.0
#include "model_config/image_settings.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

using Color = ImagePreprocessing::Color;
using Layout = ImagePreprocessing::Layout;

constexpr std::string_view kKeys[] = {"image.color", "image.layout", "image.type", "image.height",
                                      "image.width", "image.scale",  "image.mean", "image.std"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

// A number, or a fraction such as "1/255", that a float can hold.
std::optional<double> number(std::string_view text) {
  const std::size_t slash = text.find('/');
  std::optional<double> value = parse_double(trimmed(text.substr(0, slash)));
  if (value && slash != std::string_view::npos) {
    const std::optional<double> denominator = parse_double(trimmed(text.substr(slash + 1)));
    if (!denominator || *denominator == 0) return std::nullopt;
    *value /= *denominator;
  }
  if (!value || !(std::abs(*value) <= std::numeric_limits<float>::max())) return std::nullopt;
  return value;
}

// One number or three, separated by commas.
std::optional<std::vector<double>> numbers(std::string_view text) {
  std::vector<double> values;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::optional<double> value = number(text.substr(0, comma));
    if (!value || values.size() == 3) return std::nullopt;
    values.push_back(*value);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (values.size() == 2) return std::nullopt;
  return values;
}

std::optional<Color> color(std::string_view text) {
  for (const Color candidate : {Color::kGrayscale, Color::kRgb, Color::kBgr}) {
    if (text == color_name(candidate)) return candidate;
  }
  return std::nullopt;
}

std::optional<Layout> layout(std::string_view text) {
  for (const Layout candidate : {Layout::kNchw, Layout::kNhwc}) {
    if (text == layout_name(candidate)) return candidate;
  }
  return std::nullopt;
}

std::optional<DataType> type(std::string_view text) {
  const Result<DataType> parsed = parse_data_type(text);
  if (!parsed.ok()) return std::nullopt;
  if (*parsed != DataType::kFp32 && *parsed != DataType::kUint8) return std::nullopt;
  return *parsed;
}

std::optional<std::int64_t> side(std::string_view text) {
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < 1 || *value > kMaxImageSide) return std::nullopt;
  return value;
}

std::optional<double> nonzero(std::string_view text) {
  const std::optional<double> value = number(text);
  // What is smaller would be 0 as a float.
  return value && std::abs(*value) >= std::numeric_limits<float>::min() ? value : std::nullopt;
}

std::optional<std::vector<double>> divisors(std::string_view text) {
  std::optional<std::vector<double>> values = numbers(text);
  if (!values) return values;
  for (const double value : *values) {
    if (value < std::numeric_limits<float>::min()) return std::nullopt;
  }
  return values;
}

}  // namespace

std::string_view color_name(Color color) noexcept {
  switch (color) {
    case Color::kGrayscale:
      return "grayscale";
    case Color::kRgb:
      return "rgb";
    case Color::kBgr:
      return "bgr";
  }
  return "";
}

std::string_view layout_name(Layout layout) noexcept {
  return layout == Layout::kNchw ? "nchw" : "nhwc";
}

void read_image_parameter(std::string_view key, const std::string& value, int line,
                          ImageSettings& settings, Problems& problems) {
  if (settings.first_line == 0 || line < settings.first_line) settings.first_line = line;
  const auto take = [&](auto& setting, auto parsed, std::string_view expected) {
    if (parsed) {
      setting = {*std::move(parsed), line};
    } else {
      problems.add(line, fmt::format("parameter '{}' is '{}'; it must be {}", key, printable(value),
                                     expected));
    }
  };
  const std::string_view text = trimmed(value);
  if (key == "image.color") {
    take(settings.color, color(text), "grayscale, rgb or bgr");
  } else if (key == "image.layout") {
    take(settings.layout, layout(text), "nchw or nhwc");
  } else if (key == "image.type") {
    take(settings.type, type(text), "FP32 or UINT8");
  } else if (key == "image.height") {
    take(settings.height, side(text),
         fmt::format("a number of pixels from 1 to {}", kMaxImageSide));
  } else if (key == "image.width") {
    take(settings.width, side(text), fmt::format("a number of pixels from 1 to {}", kMaxImageSide));
  } else if (key == "image.scale") {
    take(settings.scale, nonzero(text), "a finite number other than 0, or a fraction as 1/255");
  } else if (key == "image.mean") {
    take(settings.mean, numbers(text), "one finite number, or three separated by commas");
  } else if (key == "image.std") {
    take(settings.std, divisors(text), "one number above 0, or three separated by commas");
  } else {
    const std::string_view near = nearest(key, kKeys);
    problems.add(line, fmt::format("unknown parameter '{}'{}", printable(key),
                                   near.empty() ? "; docs/configuration.md lists those of images"
                                                : fmt::format(" (did you mean '{}'?)", near)));
  }
}

}  // namespace muster
