// SPDX-License-Identifier: Apache-2.0
#include "serving/picture_tensor.h"

#include <string>
#include <utility>

#include "base/text.h"

namespace muster {

Result<Shape> picture_input_shape(const ModelConfig& config, bool stacked, std::int64_t rows) {
  if (!config.image || config.inputs.size() != 1) {
    return failed_precondition(
        "model '" + printable(config.name) +
        "' takes no pictures: its input must be one FP32 or UINT8 tensor of 1 or 3 channels, and "
        "where height and width are open, image.height and image.width must be set in "
        "config.pbtxt");
  }
  const Shape row = config.image->row_shape();
  if (stacked) return row.with_first(rows);
  const Shape& fixed = config.inputs.front().shape;
  // Without an open batch axis: the row itself, or a batch that is always one.
  if (rows == 1 && fixed.rank() == row.rank()) return row;
  if (rows == 1 && fixed.rank() == row.rank() + 1 && fixed[0] == 1) return row.with_first(1);
  return failed_precondition("model '" + printable(config.name) + "': input '" +
                             printable(config.inputs.front().name) + "' has shape " +
                             fixed.to_string() + ", which does not take " + std::to_string(rows) +
                             (rows == 1 ? " picture" : " pictures"));
}

Result<Tensor> picture_tensor(std::span<const std::byte> file, const ModelConfig& config,
                              bool stacked) {
  MUSTER_ASSIGN_OR_RETURN(Shape shape, picture_input_shape(config, stacked, 1));
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(config.image->type, std::move(shape)));
  MUSTER_RETURN_IF_ERROR(file_to_row(file, *config.image, tensor.bytes()));
  return tensor;
}

}  // namespace muster
