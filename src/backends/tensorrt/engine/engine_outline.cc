// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/engine_outline.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "backends/tensorrt/engine/trt_failure.h"
#include "backends/tensorrt/engine/trt_types.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

Result<EnginePort> outline_port(const nvinfer1::ICudaEngine& engine, const char* name) {
  EnginePort port;
  port.spec.name = name;
  port.spec.type = type_of(engine.getTensorDataType(name));
  port.is_input = engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
  port.on_host = engine.getTensorLocation(name) == nvinfer1::TensorLocation::kHOST;
  const std::string which =
      std::string(port.is_input ? "input" : "output") + " '" + printable(name) + "'";
  if (port.spec.type == DataType::kInvalid) {
    return invalid_argument(which + " has an element type of TensorRT's (number " +
                            std::to_string(static_cast<int>(engine.getTensorDataType(name))) +
                            ") that requests cannot have");
  }
  Result<Shape> shape = shape_of(engine.getTensorShape(name));
  if (!shape.ok()) return shape.status().with_context(which);
  port.spec.shape = std::move(shape).value();
  return port;
}

Result<std::vector<EnginePort>> outline_ports(const nvinfer1::ICudaEngine& engine) {
  std::vector<EnginePort> ports;
  for (const bool inputs : {true, false}) {
    for (std::int32_t i = 0; i < engine.getNbIOTensors(); ++i) {
      const char* const name = engine.getIOTensorName(i);
      if (name == nullptr) return internal_error("TensorRT gives a tensor no name");
      if ((engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT) != inputs) continue;
      MUSTER_ASSIGN_OR_RETURN(EnginePort port, outline_port(engine, name));
      ports.push_back(std::move(port));
    }
  }
  return ports;
}

// What a profile does not speak of is as the engine has it.
Shape profile_shape(const nvinfer1::ICudaEngine& engine, const EnginePort& port, int profile,
                    nvinfer1::OptProfileSelector which) {
  const Result<Shape> shape =
      shape_of(engine.getProfileShape(port.spec.name.c_str(), profile, which));
  return shape.ok() ? *shape : port.spec.shape;
}

std::vector<ProfileRange> outline_profiles(const nvinfer1::ICudaEngine& engine,
                                           const std::vector<EnginePort>& ports) {
  std::vector<ProfileRange> profiles;
  for (int i = 0; i < engine.getNbOptimizationProfiles(); ++i) {
    ProfileRange range;
    for (const EnginePort& port : ports) {
      if (!port.is_input) continue;
      using Selector = nvinfer1::OptProfileSelector;
      range.min.push_back(profile_shape(engine, port, i, Selector::kMIN));
      range.best.push_back(profile_shape(engine, port, i, Selector::kOPT));
      range.max.push_back(profile_shape(engine, port, i, Selector::kMAX));
    }
    profiles.push_back(std::move(range));
  }
  return profiles;
}

// Inputs of a context at what the first profile was tuned for. False: one has values that shapes
// follow from, and nobody knows any.
bool set_best_inputs(const nvinfer1::ICudaEngine& engine, const EngineOutline& outline,
                     nvinfer1::IExecutionContext& context) {
  bool known = true;
  for (std::size_t i = 0; i < outline.profiles.front().best.size(); ++i) {
    const EnginePort& port = outline.ports[i];
    const char* const name = port.spec.name.c_str();
    const Result<nvinfer1::Dims> dims = dims_of(outline.profiles.front().best[i]);
    known = known && dims.ok() && context.setInputShape(name, *dims);
    if (!engine.isShapeInferenceIO(name)) continue;
    const std::int32_t* const values =
        engine.getProfileTensorValues(name, 0, nvinfer1::OptProfileSelector::kOPT);
    known = known && values != nullptr && port.spec.type == DataType::kInt32 &&
            context.setInputTensorAddress(name, values);
  }
  return known;
}

Status find_data_dependent(nvinfer1::ICudaEngine& engine, Device& device, EngineOutline& outline) {
  const auto is_open = [](const EnginePort& port) {
    return !port.is_input && port.spec.shape.has_dynamic_dim();
  };
  if (std::ranges::none_of(outline.ports, is_open)) return {};
  const std::unique_ptr<nvinfer1::IExecutionContext> context(
      engine.createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
  if (!context) return trt_failure(device, "an execution context");
  const bool known = set_best_inputs(engine, outline, *context);
  for (EnginePort& port : outline.ports) {
    if (!is_open(port)) continue;
    const Result<Shape> shape = shape_of(context->getTensorShape(port.spec.name.c_str()));
    port.size_is_found = !known || !shape.ok() || shape->has_dynamic_dim();
  }
  return {};
}

}  // namespace

Result<EngineOutline> outline_engine(nvinfer1::ICudaEngine& engine, Device& device) {
  EngineOutline outline;
  MUSTER_ASSIGN_OR_RETURN(outline.ports, outline_ports(engine));
  outline.profiles = outline_profiles(engine, outline.ports);
  if (outline.profiles.empty()) return internal_error("TensorRT gives an engine no profile");
  MUSTER_RETURN_IF_ERROR(find_data_dependent(engine, device, outline));
  return outline;
}

}  // namespace muster::tensorrt
