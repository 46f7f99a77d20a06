// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster bench` say, and how their texts are read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "measuring/sample_inputs.h"

namespace muster {

struct BenchArguments {
  std::string model;
  std::vector<std::string> backends;
  std::vector<std::int64_t> batch_sizes;
  std::uint64_t iterations = 0;  // 0 = not given
  double seconds = 1;
  double warm_up_seconds = 0.3;
  int threads = 0;  // 0 = not given
  std::vector<std::string> shapes;
  std::string format = "table";
  std::string plot;
};

// "input:3,224,224" and the like, each for another input. A name may have colons itself.
[[nodiscard]] Result<RowShapes> parse_row_shapes(const std::vector<std::string>& texts);

}  // namespace muster
