// SPDX-License-Identifier: Apache-2.0
#include "serving/warm_up.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

#include "base/mutex.h"
#include "base/text.h"

namespace muster {
namespace {

// A model that takes more than this for a batch is not run on zeros just to look at it.
constexpr std::size_t kMaxWarmUpBytes = std::size_t{256} << 20;

bool has_other_open_dims(const TensorSpec& spec, bool stacked) {
  return (stacked ? spec.shape.without_first() : spec.shape).has_dynamic_dim();
}

Status fill_zeros(const ModelSignature& signature, bool stacked, std::int64_t rows,
                  Session& session) {
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    Shape shape = signature.inputs[i].shape;
    if (stacked) shape.set(0, rows);
    // A BYTES element of no bytes is its length alone: four zero bytes, like an FP32 zero.
    const DataType type = signature.inputs[i].type;
    MUSTER_ASSIGN_OR_RETURN(const std::size_t size,
                            byte_size(type == DataType::kBytes ? DataType::kUint32 : type, shape));
    if (size > kMaxWarmUpBytes) return resource_exhausted("its input is too large to try");
    MUSTER_ASSIGN_OR_RETURN(const auto room, session.prepare_input(i, shape, size));
    if (!room.empty()) std::memset(room.data(), 0, room.size());
  }
  return {};
}

// "" where every served output has `rows` rows.
std::string misfit_of_outputs(const ModelSignature& signature, const ModelConfig& config,
                              std::int64_t rows, Session& session) {
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const std::string& name = signature.outputs[i].name;
    if (std::ranges::find(config.outputs, name, &TensorSpec::name) == config.outputs.end()) {
      continue;
    }
    const auto output = session.output(i);
    if (output.ok() && output->shape.rank() > 0 && output->shape[0] == rows) continue;
    return "output '" + printable(name) + "' has " +
           (output.ok() ? "shape " + output->shape.to_string() : std::string("no value")) +
           " for " + std::to_string(rows) + (rows == 1 ? " row" : " rows");
  }
  return {};
}

std::string obstacle(const ModelSignature& signature, bool stacked) {
  for (const TensorSpec& input : signature.inputs) {
    if (has_other_open_dims(input, stacked)) {
      return "input '" + printable(input.name) + "' has open dimensions " + input.shape.to_string();
    }
  }
  return {};
}

// Of a run that began at `begun`.
void pause_after(Clock::TimePoint begun, Clock& clock) {
  const Clock::TimePoint now = clock.now();
  const Clock::TimePoint until = now + std::min<Clock::Duration>(2 * (now - begun), kLongestPause);
  Mutex alone;
  CondVar never;
  MutexLock lock(alone);
  while (clock.now() < until)
    clock.wait_until(never, lock, until);
}

WarmUpFindings run_on_zeros(const CompiledModel& model, const ModelConfig& config,
                            const WarmUpSizes& sizes, WarmUpPace pace, Clock& clock,
                            Clock::TimePoint until) {
  WarmUpFindings findings;
  const ModelSignature& signature = model.signature();
  const bool stacked = config.batching.max_batch_size > 0;
  findings.not_tried = obstacle(signature, stacked);
  if (!findings.not_tried.empty()) return findings;
  auto session = model.new_session();
  if (!session.ok()) {
    findings.not_tried = std::string(session.status().message());
    return findings;
  }
  for (std::size_t i = 0; i < sizes.rows.size(); ++i) {
    if (i >= sizes.essential && clock.now() >= until) {
      findings.sizes_left = sizes.rows.size() - i;
      return findings;
    }
    const std::int64_t rows = sizes.rows[i];
    const Clock::TimePoint begun = clock.now();
    Status status = fill_zeros(signature, stacked, rows, **session);
    if (status.ok()) status = (*session)->run();
    if (status.code() == kBrokenForGood) {
      findings.broken = std::move(status);
      return findings;
    }
    if (!status.ok()) {
      findings.not_tried = std::string(status.message());
      if (i > 0) findings.not_tried += " (with " + std::to_string(rows) + " rows)";
      return findings;
    }
    if (stacked) findings.not_mergeable = misfit_of_outputs(signature, config, rows, **session);
    if (!findings.not_mergeable.empty()) return findings;
    if (pace == WarmUpPace::kGentle) pause_after(begun, clock);
  }
  return findings;
}

}  // namespace

WarmUpSizes warm_up_sizes(const BatchingOptions& batching, WarmUpExtent extent) {
  const std::int64_t largest = std::max<std::int64_t>(1, batching.max_batch_size);
  WarmUpSizes sizes;
  const auto add = [&](std::int64_t rows) {
    if (rows > largest || std::ranges::find(sizes.rows, rows) != sizes.rows.end()) return;
    sizes.rows.push_back(rows);
  };
  add(1);
  add(2);
  if (extent == WarmUpExtent::kEverySize) {
    add(largest);
    for (const std::int64_t preferred : batching.preferred_batch_sizes)
      add(preferred);
    for (std::int64_t power = 4; power < largest; power *= 2)
      add(power);
  }
  sizes.essential = sizes.rows.size();
  if (extent == WarmUpExtent::kEverySize) {
    for (std::int64_t rows = 3; rows <= std::min(largest, kEverySizeUpTo); ++rows)
      add(rows);
  }
  return sizes;
}

WarmUpFindings warm_up(const CompiledModel& model, const ModelConfig& config, WarmUpExtent extent,
                       WarmUpPace pace, Clock& clock, Clock::TimePoint until) {
  WarmUpFindings findings;
  if (!model.gains_from_warm_up()) return findings;
  try {
    return run_on_zeros(model, config, warm_up_sizes(config.batching, extent), pace, clock, until);
  } catch (const std::exception& error) {
    findings.not_tried = error.what();
  }
  return findings;
}

}  // namespace muster
