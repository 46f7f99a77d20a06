// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing of 8-bit pictures, bit for bit as cv::resize with INTER_LINEAR does it, one row
// at a time and on the calling thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <muster/image.h>

namespace muster {

class BilinearResizer {
 public:
  // `picture` outlives this; all sizes are at least 1.
  BilinearResizer(const Picture& picture, std::int64_t width, std::int64_t height);

  // Writes row `y` of the result, width * channels bytes. Cheapest when asked from top to bottom.
  void row(std::int64_t y, std::uint8_t* out);

 private:
  // A column of the result: the two of the picture that it lies between, and their weights.
  struct Column {
    std::int64_t left;  // in bytes from the row's start
    std::int64_t right;
    std::int32_t left_weight;
    std::int32_t right_weight;
  };
  using WideRow = std::vector<std::int32_t>;

  void halve(std::int64_t y, std::uint8_t* out) const;
  // Row `y` of the picture with the result's columns, times kOne.
  const WideRow& widened(std::int64_t y, std::int64_t other);
  [[nodiscard]] const std::uint8_t* source_row(std::int64_t y) const;

  const Picture& picture_;
  const std::int64_t width_;
  const double scale_y_;
  const bool halves_;
  std::vector<Column> columns_;
  std::array<WideRow, 2> rows_;
  std::array<std::int64_t, 2> row_numbers_ = {-1, -1};  // of the picture, held in rows_
};

}  // namespace muster
