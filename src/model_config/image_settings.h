// SPDX-License-Identifier: Apache-2.0
// The parameters "image.*": how a picture becomes a row, as far as the configuration says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>

#include "model_config/problems.h"

namespace muster {

struct ImageSettings {
  // A value and the line it stands on.
  template <typename T>
  struct Said {
    T value;
    int line;
  };

  std::optional<Said<ImagePreprocessing::Color>> color;
  std::optional<Said<ImagePreprocessing::Layout>> layout;
  std::optional<Said<DataType>> type;
  std::optional<Said<std::int64_t>> height;
  std::optional<Said<std::int64_t>> width;
  std::optional<Said<double>> scale;
  std::optional<Said<std::vector<double>>> mean;  // one value, or one a channel
  std::optional<Said<std::vector<double>>> std;
  int first_line = 0;  // of any of them; 0 = none was given

  [[nodiscard]] bool given() const noexcept { return first_line > 0; }
};

// Takes the parameter `key`, which begins with "image.", or adds a problem.
void read_image_parameter(std::string_view key, const std::string& value, int line,
                          ImageSettings& settings, Problems& problems);

[[nodiscard]] std::string_view color_name(ImagePreprocessing::Color color) noexcept;
[[nodiscard]] std::string_view layout_name(ImagePreprocessing::Layout layout) noexcept;

}  // namespace muster
