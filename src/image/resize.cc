// SPDX-License-Identifier: Apache-2.0
// Written from the arithmetic of cv::resize rather than calling it: that call starts OpenCV's
// process-wide thread pool for results from about 100,000 pixels up, which no caller of it can
// decline for itself, and Debian's OpenCV brings X11, LAPACK and TBB into the process.
#include "image/resize.h"

#include <algorithm>
#include <cmath>

namespace muster {
namespace {

constexpr std::int32_t kOne = 1 << 11;  // a weight of 1

// Where a line of the result lies between two of the picture.
struct Position {
  std::int64_t line;
  float fraction;  // of the way to the next
};

// OpenCV's mix of double and float: each rounding here decides bits of the result.
Position position_of(std::int64_t index, double scale) {
  const auto exact = static_cast<float>((static_cast<double>(index) + 0.5) * scale - 0.5);
  const float line = std::floor(exact);
  return {static_cast<std::int64_t>(line), exact - line};
}

// Rounds halves to even.
std::int32_t weight(float part) {
  return static_cast<std::int32_t>(std::lrint(part * static_cast<float>(kOne)));
}

double scale_of(std::int64_t from, std::int64_t to) {
  return 1.0 / (static_cast<double>(to) / static_cast<double>(from));
}

template <int kChannels>
void widen(const std::uint8_t* source, const auto& columns, std::int32_t* out) {
  for (const auto& column : columns) {
    for (int c = 0; c < kChannels; ++c)
      *out++ = source[column.left + c] * column.left_weight +
               source[column.right + c] * column.right_weight;
  }
}

}  // namespace

BilinearResizer::BilinearResizer(const Picture& picture, std::int64_t width, std::int64_t height)
    : picture_(picture),
      width_(width),
      scale_y_(scale_of(picture.height, height)),
      halves_(picture.width == 2 * width && picture.height == 2 * height) {
  if (halves_) return;
  const double scale = scale_of(picture.width, width);
  columns_.reserve(static_cast<std::size_t>(width));
  for (std::int64_t x = 0; x < width; ++x) {
    Position position = position_of(x, scale);
    if (position.line < 0) position = {0, 0};
    if (position.line >= picture.width - 1) position = {picture.width - 1, 0};
    const std::int64_t right = std::min(position.line + 1, picture.width - 1);
    columns_.push_back({position.line * picture.channels, right * picture.channels,
                        weight(1.0F - position.fraction), weight(position.fraction)});
  }
  for (WideRow& row : rows_)
    row.resize(static_cast<std::size_t>(width * picture.channels));
}

const std::uint8_t* BilinearResizer::source_row(std::int64_t y) const {
  return reinterpret_cast<const std::uint8_t*>(picture_.pixels.bytes().data()) +
         y * picture_.width * picture_.channels;
}

const BilinearResizer::WideRow& BilinearResizer::widened(std::int64_t y, std::int64_t other) {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (row_numbers_[i] == y) return rows_[i];
  const std::size_t free = row_numbers_[0] == other ? 1 : 0;
  row_numbers_[free] = y;
  WideRow& row = rows_[free];
  if (picture_.channels == 1) {
    widen<1>(source_row(y), columns_, row.data());
  } else {
    widen<3>(source_row(y), columns_, row.data());
  }
  return row;
}

// Exact halves take the mean of four, rounded as no sum of weights would.
void BilinearResizer::halve(std::int64_t y, std::uint8_t* out) const {
  const std::int64_t channels = picture_.channels;
  const std::uint8_t* upper = source_row(2 * y);
  const std::uint8_t* lower = source_row(2 * y + 1);
  for (std::int64_t x = 0; x < width_; ++x, upper += channels, lower += channels) {
    for (std::int64_t c = 0; c < channels; ++c, ++upper, ++lower)
      *out++ =
          static_cast<std::uint8_t>((*upper + upper[channels] + *lower + lower[channels] + 2) >> 2);
  }
}

void BilinearResizer::row(std::int64_t y, std::uint8_t* out) {
  if (halves_) {
    halve(y, out);
    return;
  }
  const Position position = position_of(y, scale_y_);
  const std::int64_t last = picture_.height - 1;
  const std::int64_t upper_line = std::clamp<std::int64_t>(position.line, 0, last);
  const std::int64_t lower_line = std::clamp<std::int64_t>(position.line + 1, 0, last);
  const WideRow& upper = widened(upper_line, lower_line);
  const WideRow& lower = widened(lower_line, upper_line);
  const std::int32_t upper_weight = weight(1.0F - position.fraction);
  const std::int32_t lower_weight = weight(position.fraction);
  for (std::size_t i = 0; i < upper.size(); ++i) {
    // The shifts drop bits where OpenCV's 16-bit multiplication does.
    const std::int32_t sum =
        ((upper[i] >> 4) * upper_weight >> 16) + ((lower[i] >> 4) * lower_weight >> 16);
    out[i] = static_cast<std::uint8_t>((sum + 2) >> 2);
  }
}

}  // namespace muster
