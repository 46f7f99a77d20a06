// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/resolve.h"

namespace muster {
namespace {

using Color = ImagePreprocessing::Color;
using Layout = ImagePreprocessing::Layout;

constexpr std::size_t kPictureRank = 4;

bool is_color_channels(std::int64_t channels) {
  return channels == 1 || channels == 3;
}

std::int64_t channels_at(const Shape& shape, Layout layout) {
  return shape[layout == Layout::kNchw ? 1 : 3];
}

// What keeps pictures from being rows of this model, as a clause; "" = nothing so far.
std::string not_for_pictures(const ModelConfig& config) {
  if (config.inputs.size() != 1) {
    return fmt::format("the model has {} inputs, not one", config.inputs.size());
  }
  const TensorSpec& input = config.inputs.front();
  const std::string subject = fmt::format("input '{}' is {} {}", printable(input.name),
                                          data_type_name(input.type), input.shape.to_string());
  if (input.type != DataType::kFp32 && input.type != DataType::kUint8) {
    return subject + "; it must be FP32 or UINT8";
  }
  if (input.shape.rank() != kPictureRank ||
      (input.shape[0] != kDynamicDim && input.shape[0] != 1)) {
    return subject + "; it must have 4 axes, the first for the batch";
  }
  return "";
}

// The layout that was said (as parameter, or as the input's format), else what the shape tells.
std::optional<Layout> layout_of(Resolution& r, const Shape& shape) {
  const ImageSettings& settings = r.parsed.image;
  std::optional<Layout> format;
  if (r.parsed.text.input_size() == 1) {
    const auto said = r.parsed.text.input(0).format();
    if (said == ::inference::ModelInput::FORMAT_NCHW) format = Layout::kNchw;
    if (said == ::inference::ModelInput::FORMAT_NHWC) format = Layout::kNhwc;
  }
  if (settings.layout) {
    if (format && *format != settings.layout->value) {
      r.problems.add(settings.layout->line,
                     "parameter 'image.layout' and the input's format contradict each other; "
                     "keep one");
    }
    return settings.layout->value;
  }
  if (format) return format;
  if (is_color_channels(channels_at(shape, Layout::kNchw))) return Layout::kNchw;
  if (is_color_channels(channels_at(shape, Layout::kNhwc))) return Layout::kNhwc;
  return std::nullopt;
}

// A side of the picture: the model's where it is fixed, else the configuration's.
std::int64_t side_of(Resolution& r, std::string_view key,
                     const std::optional<ImageSettings::Said<std::int64_t>>& said,
                     std::int64_t in_model) {
  if (in_model == kDynamicDim) {
    if (said) return said->value;
    r.problems.add(
        r.parsed.image.first_line,
        fmt::format("pictures need the parameter '{}', because the model takes any", key));
    return 1;
  }
  if (said && said->value != in_model) {
    r.problems.add(said->line, fmt::format("parameter '{}' is {}, the model takes {} only", key,
                                           said->value, in_model));
  } else if (in_model < 1 || in_model > kMaxImageSide) {
    r.problems.add(r.parsed.image.first_line,
                   fmt::format("pictures have 1 to {} pixels a side, the model takes {}",
                               kMaxImageSide, in_model));
  }
  return in_model;
}

void take_color(Resolution& r, std::int64_t in_model, ImagePreprocessing& image) {
  const ImageSettings& settings = r.parsed.image;
  image.color = in_model == 1 ? Color::kGrayscale : Color::kRgb;
  if (settings.color) image.color = settings.color->value;
  const int line = settings.color ? settings.color->line : settings.first_line;
  if (in_model == kDynamicDim) {
    if (!settings.color) {
      r.problems.add(line,
                     "pictures need the parameter 'image.color', because the model takes any "
                     "number of channels");
    }
  } else if (image.channels() != in_model) {
    r.problems.add(line, fmt::format("color {} has {} channels, the model takes {} in layout {}",
                                     color_name(image.color), image.channels(), in_model,
                                     layout_name(image.layout)));
  }
}

void take_values(Resolution& r, std::string_view key,
                 const std::optional<ImageSettings::Said<std::vector<double>>>& said,
                 std::int64_t channels, std::array<double, 3>& values) {
  if (!said) return;
  const std::vector<double>& given = said->value;
  if (given.size() != 1 && static_cast<std::int64_t>(given.size()) != channels) {
    r.problems.add(said->line, fmt::format("parameter '{}' has {} values, the picture {} channel{}",
                                           key, given.size(), channels, channels == 1 ? "" : "s"));
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (static_cast<std::int64_t>(i) < channels)
      values[i] = given.size() == 1 ? given[0] : given[i];
  }
}

void take_numbers(Resolution& r, ImagePreprocessing& image) {
  const ImageSettings& settings = r.parsed.image;
  const bool as_they_are = image.type == DataType::kUint8 && !r.context.scales_pixels;
  image.scale = as_they_are ? 1.0 : 1.0 / 255.0;
  if (settings.scale) image.scale = settings.scale->value;
  take_values(r, "image.mean", settings.mean, image.channels(), image.mean);
  take_values(r, "image.std", settings.std, image.channels(), image.std);
  if (as_they_are) {
    const ImagePreprocessing plain;
    if (image.scale != 1.0 || image.mean != plain.mean || image.std != plain.std) {
      r.problems.add(settings.first_line,
                     "a UINT8 input takes pixels as they are; remove the parameters 'image.scale', "
                     "'image.mean' and 'image.std'");
    }
    return;
  }
  const double largest_mean = *std::ranges::max_element(image.mean);
  if (settings.mean && largest_mean > 0 && largest_mean <= 1) {
    r.problems.warn(settings.mean->line,
                    fmt::format("parameter 'image.mean' is in pixel units (0..255); {} looks like "
                                "0..1, multiply by 255 if so",
                                largest_mean));
  }
}

}  // namespace

std::optional<PixelScaling> scaled_pixels(const ParsedConfig& parsed) {
  const ImageSettings& image = parsed.parts().image;
  const ModelConfig& config = parsed.config();
  const bool said = image.scale || image.mean || image.std;
  if (!said || config.inputs.size() != 1 || config.inputs.front().type != DataType::kUint8)
    return std::nullopt;
  PixelScaling pixels;
  if (image.scale) pixels.scale = image.scale->value;
  if (image.mean) pixels.mean = image.mean->value;
  if (image.std) pixels.std = image.std->value;
  return pixels;
}

void resolve_image(Resolution& r) {
  const ImageSettings& settings = r.parsed.image;
  if (const std::string fault = not_for_pictures(r.config); !fault.empty()) {
    if (settings.given()) {
      r.problems.add(settings.first_line, "parameters 'image.*' do not fit: " + fault);
    }
    return;
  }
  const TensorSpec& input = r.config.inputs.front();
  const std::optional<Layout> layout = layout_of(r, input.shape);
  ImagePreprocessing image;
  image.layout = layout.value_or(Layout::kNchw);
  image.type = input.type;
  const bool nchw = image.layout == Layout::kNchw;
  const std::int64_t channels = channels_at(input.shape, image.layout);
  const std::int64_t height = input.shape[nchw ? 2 : 1];
  const std::int64_t width = input.shape[nchw ? 3 : 2];
  // Nobody said that this model takes pictures: it does only where its shape leaves no doubt.
  const auto is_side = [](std::int64_t side) { return side >= 1 && side <= kMaxImageSide; };
  if (!settings.given() &&
      !(layout && is_color_channels(channels) && is_side(height) && is_side(width))) {
    return;
  }
  if (settings.type && settings.type->value != input.type) {
    r.problems.add(settings.type->line,
                   fmt::format("parameter 'image.type' is {}, the model takes {}",
                               data_type_name(settings.type->value), data_type_name(input.type)));
  }
  take_color(r, channels, image);
  image.height = side_of(r, "image.height", settings.height, height);
  image.width = side_of(r, "image.width", settings.width, width);
  take_numbers(r, image);
  r.config.image = image;
  r.config.image_from_config = settings.given();
}

}  // namespace muster
