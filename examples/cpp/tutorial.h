// SPDX-License-Identifier: Apache-2.0
// What the programs of the tutorial share: rows of made-up pictures, and how failures end them.
#pragma once

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>
#include <span>
#include <vector>

#include <muster/service.h>

namespace tutorial {

inline constexpr std::int64_t kPixels = 28 * 28;
inline constexpr std::int64_t kClasses = 10;

// The value, or the end of the program with the reason.
template <typename T>
T need(muster::Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::cerr << result.status().to_string() << "\n";
  std::exit(1);
}

// Pixels from 0 to 1, the same each time.
inline std::vector<float> made_up_rows(std::int64_t rows) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> pixel(0, 1);
  std::vector<float> pixels(static_cast<std::size_t>(rows * kPixels));
  for (float& one : pixels)
    one = pixel(random);
  return pixels;
}

inline float furthest_apart(std::span<const float> some, std::span<const float> others) {
  if (some.size() != others.size()) return INFINITY;
  float most = 0;
  for (std::size_t i = 0; i < some.size(); ++i)
    most = std::max(most, std::abs(some[i] - others[i]));
  return most;
}

}  // namespace tutorial
