// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include <muster/image.h>

#include "image/resize.h"

namespace muster {
namespace {

using Color = ImagePreprocessing::Color;
using Layout = ImagePreprocessing::Layout;

// Where pixels of one line go: channel c, column x to out[c * channel_step + x * column_step].
struct Target {
  std::size_t channel_step;
  std::size_t column_step;
};

// (pixel - mean) * scale / std in float at every step, as blobFromImage computes.
struct Normalizer {
  std::array<float, 3> mean;
  std::array<float, 3> std;
  float scale;

  explicit Normalizer(const ImagePreprocessing& preprocessing)
      : scale(static_cast<float>(preprocessing.scale)) {
    for (std::size_t c = 0; c < 3; ++c) {
      mean[c] = static_cast<float>(preprocessing.mean[c]);
      std[c] = static_cast<float>(preprocessing.std[c]);
    }
  }
  [[nodiscard]] float operator()(std::uint8_t pixel, std::size_t channel) const {
    return (static_cast<float>(pixel) - mean[channel]) * scale / std[channel];
  }
};

struct Unchanged {
  std::uint8_t operator()(std::uint8_t pixel, std::size_t) const { return pixel; }
};

// `Channels` is a constant where the compiler is to make the strides constants.
template <std::size_t kChannels, typename Element, typename Change>
void write_line(const std::uint8_t* line, std::size_t width, bool reversed, const Change& change,
                const Target& target, Element* out) {
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::uint8_t* source = line + (reversed ? kChannels - 1 - c : c);
    Element* to = out + c * target.channel_step;
    for (std::size_t x = 0; x < width; ++x)
      to[x * target.column_step] = change(source[x * kChannels], c);
  }
}

template <typename Element, typename Change>
void write_row(const Picture& picture, const ImagePreprocessing& preprocessing,
               const Change& change, Element* out) {
  const auto width = static_cast<std::size_t>(preprocessing.width);
  const auto height = static_cast<std::size_t>(preprocessing.height);
  const auto channels = static_cast<std::size_t>(preprocessing.channels());
  const bool planes = preprocessing.layout == Layout::kNchw;
  const Target target = planes ? Target{width * height, 1} : Target{1, channels};
  const std::size_t line_elements = width * (planes ? 1 : channels);

  const auto* pixels = reinterpret_cast<const std::uint8_t*>(picture.pixels.bytes().data());
  std::optional<BilinearResizer> resizer;
  std::vector<std::uint8_t> resized;
  if (picture.width != preprocessing.width || picture.height != preprocessing.height) {
    resizer.emplace(picture, preprocessing.width, preprocessing.height);
    resized.resize(width * channels);
  }
  for (std::size_t y = 0; y < height; ++y, out += line_elements) {
    const std::uint8_t* line = pixels + y * width * channels;
    if (resizer) {
      resizer->row(static_cast<std::int64_t>(y), resized.data());
      line = resized.data();
    }
    if (channels == 1) {
      write_line<1>(line, width, false, change, target, out);
    } else {
      write_line<3>(line, width, preprocessing.color == Color::kRgb, change, target, out);
    }
  }
}

Status check_picture(const Picture& picture, const ImagePreprocessing& preprocessing) {
  if (picture.channels != preprocessing.channels())
    return invalid_argument(fmt::format("picture has {} channels, expected {}", picture.channels,
                                        preprocessing.channels()));
  if (picture.width < 1 || picture.height < 1)
    return invalid_argument(
        fmt::format("picture of {}x{} pixels has none", picture.width, picture.height));
  const Shape shape{picture.height, picture.width, picture.channels};
  MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(DataType::kUint8, shape));
  if (picture.pixels.size() != expected)
    return invalid_argument(fmt::format("picture has {} bytes of pixels, expected {}",
                                        picture.pixels.size(), expected));
  return {};
}

Status check_row(const ImagePreprocessing& preprocessing, std::span<const std::byte> row) {
  if (preprocessing.width < 1 || preprocessing.height < 1)
    return invalid_argument(
        fmt::format("preprocessing asks for {}x{} pixels, expected at least 1x1",
                    preprocessing.width, preprocessing.height));
  if (preprocessing.type != DataType::kFp32 && preprocessing.type != DataType::kUint8)
    return invalid_argument(fmt::format("preprocessing makes no {}, only FP32 and UINT8",
                                        data_type_name(preprocessing.type)));
  MUSTER_ASSIGN_OR_RETURN(const std::size_t expected,
                          byte_size(preprocessing.type, preprocessing.row_shape()));
  if (row.size() != expected)
    return invalid_argument(fmt::format("row has {} bytes, expected {} for {} {}", row.size(),
                                        expected, data_type_name(preprocessing.type),
                                        preprocessing.row_shape().to_string()));
  if (preprocessing.type == DataType::kFp32 &&
      reinterpret_cast<std::uintptr_t>(row.data()) % alignof(float) != 0)
    return invalid_argument("row does not start at a multiple of 4 bytes, which FP32 needs");
  return {};
}

}  // namespace

Status picture_to_row(const Picture& picture, const ImagePreprocessing& preprocessing,
                      std::span<std::byte> row) {
  MUSTER_RETURN_IF_ERROR(check_row(preprocessing, row));
  MUSTER_RETURN_IF_ERROR(check_picture(picture, preprocessing));
  if (preprocessing.type == DataType::kUint8) {
    write_row(picture, preprocessing, Unchanged{}, reinterpret_cast<std::uint8_t*>(row.data()));
  } else {
    write_row(picture, preprocessing, Normalizer(preprocessing),
              reinterpret_cast<float*>(row.data()));
  }
  return {};
}

}  // namespace muster
