// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_steps.h"

#include <string>
#include <utility>

#include "backends/tensorrt/profiles.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

std::span<const EnginePort> ports_of(const LaneParts& parts) {
  return parts.engine.ports();
}

Status bind_ports(const LaneParts& parts, LaneBody& body, EngineContext& context) {
  for (std::size_t i = 0; i < ports_of(parts).size(); ++i) {
    if (body.growing[i]) {
      MUSTER_RETURN_IF_ERROR(context.bind_growing(i, *body.growing[i]));
    } else {
      void* memory = ports_of(parts)[i].on_host ? body.host[i].get() : body.device[i].get();
      MUSTER_RETURN_IF_ERROR(context.bind(i, memory));
    }
  }
  return {};
}

Status check_room(const EnginePort& port, const Shape& shape, std::size_t bytes,
                  const LaneBody& body, std::size_t index) {
  if (bytes <= body.host[index].size()) return {};
  return resource_exhausted("'" + printable(port.spec.name) + "' " + shape.to_string() + " takes " +
                            std::to_string(bytes) + " bytes, and a lane has room for " +
                            std::to_string(body.host[index].size()));
}

// The shape and bytes of every port, as the context has them now.
Status note_sizes(const LaneParts& parts, const LaneBody& body, std::span<const Shape> inputs,
                  ContextSetting& setting) {
  setting.bytes.assign(ports_of(parts).size(), 0);
  std::vector<Shape> shapes(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < ports_of(parts).size(); ++i) {
    const EnginePort& port = ports_of(parts)[i];
    if (!port.is_input) {
      shapes.emplace_back();
      if (body.growing[i]) continue;
      MUSTER_ASSIGN_OR_RETURN(shapes[i], setting.context->output_shape(i));
    }
    MUSTER_ASSIGN_OR_RETURN(setting.bytes[i], byte_size(port.spec.type, shapes[i]));
    MUSTER_RETURN_IF_ERROR(check_room(port, shapes[i], setting.bytes[i], body, i));
  }
  setting.shapes = std::move(shapes);
  return {};
}

bool is_set_to(const LaneParts& parts, const ContextSetting& setting,
               std::span<const Shape> inputs) {
  if (setting.shapes.size() < inputs.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // The values of a shape tensor count, too, and nobody compares them.
    if (ports_of(parts)[i].on_host || setting.shapes[i] != inputs[i]) return false;
  }
  return !setting.shapes.empty();
}

template <typename Steps>
Result<Graph> captured(const LaneParts& parts, const LaneBody& body, Steps steps) {
  MUSTER_RETURN_IF_ERROR(parts.device.begin_capture(body.stream));
  const Status noted = steps();
  Result<Graph> graph = parts.device.end_capture(body.stream);
  if (!noted.ok()) return noted;
  return graph;
}

}  // namespace

Status set_context(const LaneParts& parts, LaneBody& body, ContextSetting& setting,
                   std::span<const Shape> inputs) {
  if (is_set_to(parts, setting, inputs)) return {};
  MUSTER_ASSIGN_OR_RETURN(const int profile,
                          choose_profile(parts.engine.profiles(), ports_of(parts), inputs));
  EngineContext& context = *setting.context;
  setting.shapes.clear();
  if (profile != setting.profile) {
    setting.profile = -1;
    MUSTER_RETURN_IF_ERROR(context.use_profile(profile, body.stream));
    const ComputeTurn* const shared = parts.turn_of_all();
    const DeviceMemory& activations = shared != nullptr ? shared->activations() : body.activations;
    MUSTER_RETURN_IF_ERROR(context.use_activations(activations.get(), activations.size()));
    setting.profile = profile;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    MUSTER_RETURN_IF_ERROR(context.set_input_shape(i, inputs[i]));
  MUSTER_RETURN_IF_ERROR(bind_ports(parts, body, context));
  return note_sizes(parts, body, inputs, setting);
}

Status copy_inputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting) {
  for (std::size_t i = 0; i < ports_of(parts).size(); ++i) {
    const EnginePort& port = ports_of(parts)[i];
    if (!port.is_input || port.on_host || setting.bytes[i] == 0) continue;
    MUSTER_RETURN_IF_ERROR(parts.device.copy_in(body.device[i].get(), body.host[i].get(),
                                                setting.bytes[i], body.stream));
  }
  return {};
}

Status copy_outputs(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting) {
  for (std::size_t i = 0; i < ports_of(parts).size(); ++i) {
    const EnginePort& port = ports_of(parts)[i];
    if (port.is_input || port.on_host || setting.bytes[i] == 0) continue;
    MUSTER_RETURN_IF_ERROR(parts.device.copy_out(body.host[i].get(), body.device[i].get(),
                                                 setting.bytes[i], body.stream));
  }
  return {};
}

Status compute(const LaneParts& parts, const LaneBody& body, const ContextSetting& setting,
               const Graph* graph, ComputeTurn* turn) {
  const auto issue = [&] {
    return graph != nullptr ? parts.device.launch(*graph, body.stream)
                            : setting.context->enqueue(body.stream);
  };
  return turn != nullptr ? turn->take(body.stream, issue) : issue();
}

Result<CapturedSize> capture(const LaneParts& parts, LaneBody& body,
                             std::span<const Shape> inputs) {
  CapturedSize size;
  ContextSetting& setting = size.setting;
  MUSTER_ASSIGN_OR_RETURN(setting.context, parts.engine.new_context());
  MUSTER_RETURN_IF_ERROR(set_context(parts, body, setting, inputs));
  // A first run of a shape does more than later ones, and some of it cannot be captured.
  Status run = copy_inputs(parts, body, setting);
  if (run.ok()) run = compute(parts, body, setting, nullptr, parts.turn_of_all());
  if (run.ok()) run = copy_outputs(parts, body, setting);
  const Status ended = parts.device.wait_all(body.stream);
  if (!run.ok()) return run;
  MUSTER_RETURN_IF_ERROR(ended);

  const auto engine_alone = [&] { return setting.context->enqueue(body.stream); };
  MUSTER_ASSIGN_OR_RETURN(size.engine, captured(parts, body, engine_alone));
  if (parts.turn_of_all() != nullptr) return size;
  MUSTER_ASSIGN_OR_RETURN(size.whole, captured(parts, body, [&]() -> Status {
                            MUSTER_RETURN_IF_ERROR(copy_inputs(parts, body, setting));
                            MUSTER_RETURN_IF_ERROR(engine_alone());
                            return copy_outputs(parts, body, setting);
                          }));
  return size;
}

}  // namespace muster::tensorrt
