// SPDX-License-Identifier: Apache-2.0
// One loaded engine as a model: its lanes' supply, and sessions that are a lane each.
#pragma once

#include <memory>
#include <string>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/lanes/lane_supply.h"
#include "backends/tensorrt/options.h"
#include "base/clock.h"

namespace muster::tensorrt {

class Model final : public CompiledModel, public std::enable_shared_from_this<Model> {
 public:
  // `signature` has the engine's ports in their order; `plan` is the supply's, for `instances`.
  Model(std::shared_ptr<Device> device, std::shared_ptr<const Engine> engine,
        ModelSignature signature, const LanePlan& plan, int instances,
        std::unique_ptr<LaneSupply> supply);

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  // Blocks until a lane is made, graphs included, where none that was made before is idle.
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override;
  [[nodiscard]] bool sessions_are_thread_bound() const override { return false; }
  [[nodiscard]] std::string precision() const override;
  [[nodiscard]] int sessions_per_instance() const override { return lanes_per_instance_; }
  [[nodiscard]] BatchRange batch_range() const override { return range_; }
  // The builder does it, or refuses the model.
  [[nodiscard]] bool scales_pixels() const override { return true; }
  [[nodiscard]] DeviceMemoryUse device_memory() const override;

 private:
  // In this order: lanes end before the engine, and that before the device.
  const std::shared_ptr<Device> device_;
  const std::shared_ptr<const Engine> engine_;
  const ModelSignature signature_;
  const int lanes_per_instance_;
  const BatchRange range_;
  const std::unique_ptr<LaneSupply> supply_;
};

// Plans the lanes by the memory that is free. `device` is in use on this thread. kInvalidArgument
// where the signature is not the engine's; kResourceExhausted where not one lane fits.
[[nodiscard]] Result<std::shared_ptr<const CompiledModel>> make_model(
    std::shared_ptr<Device> device, std::shared_ptr<const Engine> engine, ModelSignature signature,
    const RunOptions& options, int instances, Clock& clock);

}  // namespace muster::tensorrt
