// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_plan.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "backends/tensorrt/profiles.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

// What the kinds of an engine's ports allow.
struct PortKinds {
  bool any_host_input = false;
  bool any_on_host = false;
  bool outputs_count_rows = true;
  bool open_beyond_rows = false;  // some input has an open dimension that is not its first
  bool any_open = false;          // some input has an open dimension at all
  bool any_found = false;         // some output's size depends on data
};

PortKinds kinds_of(std::span<const EnginePort> ports) {
  PortKinds kinds;
  for (const EnginePort& port : ports) {
    const Shape& shape = port.spec.shape;
    kinds.any_on_host = kinds.any_on_host || port.on_host;
    if (!port.is_input) {
      const bool counts = shape.rank() > 0 && shape[0] == kDynamicDim && !port.size_is_found;
      kinds.outputs_count_rows = kinds.outputs_count_rows && counts;
      kinds.any_found = kinds.any_found || port.size_is_found;
      continue;
    }
    kinds.any_host_input = kinds.any_host_input || port.on_host;
    kinds.any_open = kinds.any_open || shape.has_dynamic_dim();
    kinds.open_beyond_rows = kinds.open_beyond_rows || shape.without_first().has_dynamic_dim();
  }
  return kinds;
}

std::uint64_t add_capped(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes >> 20) + (bytes % (std::uint64_t{1} << 20) != 0 ? 1 : 0)) + " MiB";
}

// Asks a context what an engine's ports need.
class SizeProbe {
 public:
  static Result<SizeProbe> make(Device& device, const Engine& engine) {
    SizeProbe probe(device, engine);
    MUSTER_ASSIGN_OR_RETURN(probe.stream_, device.new_stream());
    MUSTER_ASSIGN_OR_RETURN(probe.context_, engine.new_context());
    return probe;
  }

  // For batches of up to `rows`; 0 = the first axis counts no rows.
  Status measure(std::int64_t rows, LanePlan& plan) {
    plan.ports.assign(engine_->ports().size(), PortRoom());
    plan.activation_bytes = 0;
    for (std::size_t i = 0; i < plan.ports.size(); ++i)
      plan.ports[i].on_host = engine_->ports()[i].on_host;
    const std::span<const ProfileRange> profiles = engine_->profiles();
    for (std::size_t i = 0; i < profiles.size(); ++i) {
      if (rows > 0 && batch_range_of(profiles.subspan(i, 1), engine_->ports()).min > rows) continue;
      MUSTER_RETURN_IF_ERROR(measure_profile(static_cast<int>(i), rows, plan));
    }
    plan.lane_bytes = 0;
    for (const PortRoom& port : plan.ports)
      plan.lane_bytes = add_capped(plan.lane_bytes, port.on_host ? 0 : port.bytes);
    return {};
  }

 private:
  SizeProbe(Device& device, const Engine& engine)
      : device_(&device), engine_(&engine), kinds_(kinds_of(engine.ports())) {}

  Status measure_profile(int profile, std::int64_t rows, LanePlan& plan) {
    MUSTER_RETURN_IF_ERROR(context_->use_profile(profile, stream_));
    MUSTER_RETURN_IF_ERROR(device_->wait_all(stream_));
    plan.activation_bytes = std::max(plan.activation_bytes, engine_->activation_bytes(profile));
    const ProfileRange& range = engine_->profiles()[static_cast<std::size_t>(profile)];
    const std::span<const EnginePort> ports = engine_->ports();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (!ports[i].is_input) continue;
      if (i >= range.max.size()) return internal_error("the engine's profile has no such input");
      Shape shape = range.max[i];
      if (rows > 0) shape.set(0, std::min(shape[0], rows));
      MUSTER_RETURN_IF_ERROR(context_->set_input_shape(i, shape));
      MUSTER_RETURN_IF_ERROR(widen(ports[i], shape, plan.ports[i]));
    }
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const EnginePort& port = ports[i];
      if (port.is_input || port.size_is_found) continue;
      // Its size may follow from values that nobody has given yet.
      if (kinds_.any_host_input && port.spec.shape.has_dynamic_dim()) continue;
      MUSTER_ASSIGN_OR_RETURN(const Shape shape, context_->output_shape(i));
      if (!shape.has_dynamic_dim()) MUSTER_RETURN_IF_ERROR(widen(port, shape, plan.ports[i]));
    }
    return {};
  }

  static Status widen(const EnginePort& port, const Shape& shape, PortRoom& room) {
    const Result<std::size_t> bytes = byte_size(port.spec.type, shape);
    if (!bytes.ok()) return bytes.status().with_context("'" + printable(port.spec.name) + "'");
    room.bytes = std::max(room.bytes, *bytes);
    return {};
  }

  Device* device_;
  const Engine* engine_;
  PortKinds kinds_;
  Stream stream_;
  std::unique_ptr<EngineContext> context_;
};

// Sizes that have graphs: those of the options or of the ladder that some profile takes.
std::vector<std::int64_t> ladder_for(const Engine& engine, const RunOptions& options,
                                     const LanePlan& plan, const PortKinds& kinds) {
  if (!options.graphs || kinds.any_on_host || kinds.any_found) return {};
  if (!kinds.any_open) return {0};
  if (!plan.fills || kinds.open_beyond_rows) return {};
  std::vector<std::int64_t> sizes = options.graph_batch_sizes;
  if (sizes.empty()) sizes = ladder_of({plan.min_rows, plan.max_rows});
  const auto is_taken = [&](std::int64_t rows) {
    const std::span<const ProfileRange> profiles = engine.profiles();
    for (std::size_t i = 0; i < profiles.size(); ++i) {
      const BatchRange range = batch_range_of(profiles.subspan(i, 1), engine.ports());
      if (range.max > 0 && rows >= range.min && rows <= range.max) return true;
    }
    return false;
  };
  std::erase_if(sizes, [&](std::int64_t rows) { return rows > plan.max_rows || !is_taken(rows); });
  if (sizes.size() > kMaxGraphs) sizes.resize(kMaxGraphs);
  return sizes;
}

// 0 where nothing counts rows.
std::size_t row_bytes(const Engine& engine, const LanePlan& plan) {
  if (plan.max_rows == 0) return 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < plan.ports.size(); ++i) {
    if (engine.ports()[i].is_input && !engine.ports()[i].on_host)
      bytes += plan.ports[i].bytes / static_cast<std::size_t>(plan.max_rows);
  }
  return bytes;
}

struct MemoryBudget {
  std::uint64_t free = 0;
  std::uint64_t usable = 0;
};

// Activations count once where lanes share them.
bool fits(const LanePlan& plan, int lanes, bool shares, const MemoryBudget& budget) {
  const auto count = static_cast<std::uint64_t>(lanes);
  const std::uint64_t each = add_capped(plan.lane_bytes, shares ? 0 : plan.activation_bytes);
  const std::uint64_t shared = shares ? plan.activation_bytes : 0;
  return shared <= budget.usable && each <= (budget.usable - shared) / count;
}

Status nothing_fits(const LanePlan& plan, const MemoryBudget& budget) {
  const std::string batch =
      plan.max_rows > 0 ? " for batches of " + std::to_string(plan.max_rows) : std::string();
  return resource_exhausted("a lane" + batch + " takes " + mebibytes(plan.activation_bytes) +
                            " for activations and " + mebibytes(plan.lane_bytes) +
                            " for inputs and outputs; the GPU has " + mebibytes(budget.free) +
                            " free, of which " + mebibytes(budget.free - budget.usable) +
                            " are left to others");
}

}  // namespace

int usual_lanes(std::size_t row_bytes) noexcept {
  constexpr auto kMostMore = static_cast<std::size_t>(kMostUsualLanes - kUsualLanes);
  return kUsualLanes + static_cast<int>(std::min(row_bytes / kRowBytesOfALane, kMostMore));
}

Result<LanePlan> plan_lanes(Device& device, const Engine& engine, const RunOptions& options,
                            int instances) {
  LanePlan plan;
  const PortKinds kinds = kinds_of(engine.ports());
  const BatchRange range = batch_range_of(engine.profiles(), engine.ports());
  if (range.max > 0) {
    plan.min_rows = range.min;
    plan.max_rows = range.max;
    plan.fills = kinds.outputs_count_rows && !kinds.any_on_host;
  }
  MUSTER_ASSIGN_OR_RETURN(SizeProbe probe, SizeProbe::make(device, engine));
  MemoryBudget budget;
  MUSTER_ASSIGN_OR_RETURN(budget.free, device.free_bytes());
  budget.usable = budget.free - std::min(budget.free, std::max(budget.free / 10, kSpareBytes));

  const bool shares = options.order == ComputeOrder::kOrdered;
  for (;;) {
    MUSTER_RETURN_IF_ERROR(probe.measure(plan.max_rows, plan));
    const int wanted = options.lanes > 0 ? options.lanes : usual_lanes(row_bytes(engine, plan));
    for (int lanes = wanted; lanes >= 1; --lanes) {
      if (!fits(plan, lanes * instances, shares, budget)) continue;
      plan.lanes = lanes * instances;
      plan.ladder = ladder_for(engine, options, plan, kinds);
      if (!shares) plan.lane_bytes = add_capped(plan.lane_bytes, plan.activation_bytes);
      return plan;
    }
    if (plan.max_rows <= plan.min_rows) return nothing_fits(plan, budget);
    plan.max_rows = std::max(plan.min_rows, plan.max_rows / 2);
  }
}

}  // namespace muster::tensorrt
