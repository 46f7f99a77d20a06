// SPDX-License-Identifier: Apache-2.0
// Parts of ONNX graphs that only tests of this backend need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace muster::openvino
