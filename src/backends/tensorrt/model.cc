// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/model.h"

#include <algorithm>
#include <utility>

#include "backends/tensorrt/lanes/lane_plan.h"
#include "backends/tensorrt/session.h"
#include "base/caught.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

Status check_tensors(std::span<const TensorSpec> specs, std::span<const EnginePort> ports) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == ports[i].spec.name && specs[i].type == ports[i].spec.type) continue;
    return invalid_argument("the model's '" + printable(specs[i].name) +
                            "' is not what the engine has in its place: '" +
                            printable(ports[i].spec.name) + "'");
  }
  return {};
}

Status check_signature(const ModelSignature& signature, std::span<const EnginePort> ports) {
  const auto inputs = static_cast<std::size_t>(
      std::ranges::count_if(ports, [](const EnginePort& port) { return port.is_input; }));
  if (signature.inputs.size() != inputs || signature.outputs.size() != ports.size() - inputs) {
    return invalid_argument("the model has " + std::to_string(signature.inputs.size()) +
                            " inputs and " + std::to_string(signature.outputs.size()) +
                            " outputs, the engine has " + std::to_string(inputs) + " and " +
                            std::to_string(ports.size() - inputs));
  }
  MUSTER_RETURN_IF_ERROR(check_tensors(signature.inputs, ports.first(inputs)));
  return check_tensors(signature.outputs, ports.subspan(inputs));
}

BatchRange range_of(const LanePlan& plan) {
  if (plan.max_rows == 0) return {};
  return {plan.min_rows, plan.max_rows};
}

}  // namespace

Model::Model(std::shared_ptr<Device> device, std::shared_ptr<const Engine> engine,
             ModelSignature signature, const LanePlan& plan, int instances,
             std::unique_ptr<LaneSupply> supply)
    : device_(std::move(device)),
      engine_(std::move(engine)),
      signature_(std::move(signature)),
      lanes_per_instance_(std::max(1, plan.lanes / std::max(1, instances))),
      range_(range_of(plan)),
      supply_(std::move(supply)) {}

Result<std::unique_ptr<Session>> Model::new_session() const {
  return LaneSession::make(shared_from_this(), *supply_);
}

std::string Model::precision() const {
  return std::string(arithmetic_name(engine_->precision()));
}

DeviceMemoryUse Model::device_memory() const {
  return {device_->facts().index, engine_->weight_bytes(), supply_->device_bytes()};
}

Result<std::shared_ptr<const CompiledModel>> make_model(std::shared_ptr<Device> device,
                                                        std::shared_ptr<const Engine> engine,
                                                        ModelSignature signature,
                                                        const RunOptions& options, int instances,
                                                        Clock& clock) {
  return caught([&]() -> Result<std::shared_ptr<const CompiledModel>> {
    MUSTER_RETURN_IF_ERROR(check_signature(signature, engine->ports()));
    MUSTER_ASSIGN_OR_RETURN(LanePlan plan, plan_lanes(*device, *engine, options, instances));
    MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<LaneSupply> supply,
                            LaneSupply::make(*device, *engine, plan, options, clock));
    return std::make_shared<Model>(std::move(device), std::move(engine), std::move(signature), plan,
                                   instances, std::move(supply));
  });
}

}  // namespace muster::tensorrt
