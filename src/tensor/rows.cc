// SPDX-License-Identifier: Apache-2.0
#include "tensor/rows.h"

namespace muster {

Result<std::vector<std::size_t>> row_offsets(const TensorView& tensor, std::int64_t rows) {
  const auto count = static_cast<std::size_t>(rows);
  std::vector<std::size_t> offsets(count + 1, 0);
  if (tensor.type != DataType::kBytes) {
    const std::size_t row = tensor.bytes.size() / count;
    for (std::size_t i = 0; i <= count; ++i)
      offsets[i] = i * row;
    return offsets;
  }
  MUSTER_ASSIGN_OR_RETURN(const auto elements, bytes_elements(tensor));
  const std::size_t row = elements.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    offsets[i + 1] = offsets[i];
    for (std::size_t j = 0; j < row; ++j)
      offsets[i + 1] += sizeof(std::uint32_t) + elements[i * row + j].size();
  }
  return offsets;
}

}  // namespace muster
