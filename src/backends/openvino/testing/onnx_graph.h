// SPDX-License-Identifier: Apache-2.0
// Parts of ONNX graphs that only tests of this backend need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>

#include "onnx/testing/onnx_file.h"

namespace muster::openvino {

// A TensorProto with its values inside, of one dimension.
inline std::string int64_tensor(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string bytes;
  for (const std::int64_t value : values) {
    for (unsigned shift = 0; shift < 64; shift += 8)
      bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
  }
  constexpr std::uint64_t kInt64 = 7;
  return onnx::number(1, values.size()) + onnx::number(2, kInt64) + onnx::message(8, name) +
         onnx::message(9, bytes);
}

// Rows in groups of four: x [N,3] to y [N/4,4,3].
inline std::string write_groups_of_four(const onnx::TemporaryFolder& folder) {
  using namespace onnx;
  return folder.write("model.onnx", model(message(1, node("Reshape", {"x", "s"}, "y")) +
                                          message(5, int64_tensor("s", {-1, 4, 3})) +
                                          message(11, value_info("x", 1, {"N", "3"})) +
                                          message(12, value_info("y", 1, {"M", "4", "3"}))));
}

// The open axis is said to count no rows: every size comes to the runtime as it is.
inline ModelConfig without_batches() {
  ModelConfig config;
  config.parameter_lines["max_batch_size"] = 2;
  return config;
}

}  // namespace muster::openvino
