// SPDX-License-Identifier: Apache-2.0
// LaneSession: a lane as the session that batches are run by.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <muster/backend.h>

#include "backends/tensorrt/lanes/lane.h"
#include "backends/tensorrt/lanes/lane_supply.h"

namespace muster::tensorrt {

class LaneSession final : public Session {
 public:
  // `model` keeps `supply`, and lives as long as the session does.
  static Result<std::unique_ptr<Session>> make(std::shared_ptr<const CompiledModel> model,
                                               LaneSupply& supply);

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override;
  Status take_from_device(std::size_t index, std::size_t offset, const DeviceBytes& bytes) override;
  Status run() override;
  [[nodiscard]] Result<TensorView> output(std::size_t index) override;

 private:
  LaneSession(std::shared_ptr<const CompiledModel> model, std::unique_ptr<Lane> lane) noexcept
      : model_(std::move(model)), lane_(std::move(lane)) {}

  const std::shared_ptr<const CompiledModel> model_;  // outlives the lane
  const std::unique_ptr<Lane> lane_;
};

}  // namespace muster::tensorrt
