// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/session.h"

#include <utility>

namespace muster::tensorrt {

Result<std::unique_ptr<Session>> LaneSession::make(std::shared_ptr<const CompiledModel> model,
                                                   LaneSupply& supply) {
  MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<Lane> lane, Lane::make(supply));
  return std::unique_ptr<Session>(new LaneSession(std::move(model), std::move(lane)));
}

Result<std::span<std::byte>> LaneSession::prepare_input(std::size_t index, const Shape& shape,
                                                        std::size_t size) {
  return lane_->input(index, shape, size);
}

Status LaneSession::take_from_device(std::size_t index, std::size_t offset,
                                     const DeviceBytes& bytes) {
  return lane_->take_from_device(index, offset, bytes);
}

Status LaneSession::run() {
  return lane_->run();
}

Result<TensorView> LaneSession::output(std::size_t index) {
  return lane_->output(index);
}

}  // namespace muster::tensorrt
