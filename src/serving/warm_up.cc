// SPDX-License-Identifier: Apache-2.0
#include "serving/warm_up.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"
#include "serving/memory_foresight.h"

namespace muster {
namespace {

// A model that takes more than this for a batch is not run on zeros just to look at it.
constexpr std::size_t kMaxWarmUpBytes = std::size_t{256} << 20;
// Up to so many rows a size is the probe's.
constexpr std::int64_t kProbeRows = 2;

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

// Runs a model on zeros in sessions of its own, and remembers what it found.
class ZeroRuns {
 public:
  ZeroRuns(const CompiledModel& model, const ModelConfig& config, WarmUpPace pace, Clock& clock,
           std::stop_token give_up, ProcessMemory& memory)
      : model_(model),
        config_(config),
        stacked_(config.batching.max_batch_size > 0),
        pace_(pace),
        clock_(clock),
        give_up_(std::move(give_up)),
        foresight_(memory) {}

  // Each false: there is nothing more to run.
  [[nodiscard]] bool open() {
    findings_.not_tried = obstacle(model_.signature(), stacked_);
    return findings_.not_tried.empty() && make_session(session_);
  }

  [[nodiscard]] Status check_memory(std::int64_t rows) const { return foresight_.check(rows); }

  // Whether a run of so many rows would be over by then, if a row takes what it took last.
  [[nodiscard]] bool has_time_for(std::int64_t rows, Clock::TimePoint until) const {
    if (rows <= kProbeRows || until == Clock::kForever) return true;
    return per_row_ <= (until - clock_.now()) / rows;
  }

  [[nodiscard]] bool run_essential(std::int64_t rows, bool wants_cost) {
    const bool goes_on = wants_cost ? run_for_cost(rows) : run(rows);
    foresight_.ran(rows);
    return goes_on;
  }

  [[nodiscard]] bool run(std::int64_t rows) { return run_timed(*session_, rows).has_value(); }

  // Counts whether a session is slower where no session ran this size than where another one did:
  // what the model's own sessions would gain. Each of both is new to the size, so that neither has
  // to make what the other has, and each begins after a pause, or neither does.
  [[nodiscard]] bool sample(std::int64_t rows) {
    if (!first_ && (!make_session(first_) || !make_session(second_))) return false;
    const auto first = run_timed(*first_, rows);
    if (!first) return false;
    const auto second = run_timed(*second_, rows);
    if (!second) return false;
    const bool is_slower = *first > *second * (1 + kGain) && *first > *second + kLeastGain;
    // A clock that stands tells nothing.
    if (is_slower || *second == Clock::Duration::zero()) ++gains_;
    return true;
  }

  // How many samples did.
  [[nodiscard]] std::size_t gains() const { return gains_; }
  [[nodiscard]] WarmUpFindings& findings() { return findings_; }

 private:
  // And again: the first run of a size is not what it takes later.
  bool run_for_cost(std::int64_t rows) {
    if (!run(rows)) return false;
    const auto cost = run_timed(*session_, rows);
    if (cost) findings_.costs.push_back({rows, *cost});
    return cost.has_value();
  }

  bool make_session(std::unique_ptr<Session>& session) {
    auto made = model_.new_session();
    if (made.ok()) {
      session = *std::move(made);
    } else {
      findings_.not_tried = std::string(made.status().message());
    }
    return made.ok();
  }

  std::optional<Clock::Duration> run_timed(Session& session, std::int64_t rows) {
    const Clock::TimePoint begun = clock_.now();
    if (!run_once(session, rows)) return std::nullopt;
    const Clock::Duration took = clock_.now() - begun;
    per_row_ = took / rows;
    if (pace_ == WarmUpPace::kGentle) pause_after(begun, clock_);
    return took;
  }

  bool run_once(Session& session, std::int64_t rows) {
    if (give_up_.stop_requested()) {
      findings_.given_up = true;
      return false;
    }
    Status status = fill_zeros(model_.signature(), stacked_, rows, session);
    if (status.ok()) status = session.run();
    if (status.code() == kBrokenForGood) {
      findings_.broken = std::move(status);
      return false;
    }
    if (!status.ok()) {
      findings_.not_tried = std::string(status.message());
      if (ran_) findings_.not_tried += " (with " + std::to_string(rows) + " rows)";
      return false;
    }
    ran_ = true;
    if (stacked_) {
      findings_.not_mergeable = misfit_of_outputs(model_.signature(), config_, rows, session);
    }
    return findings_.not_mergeable.empty();
  }

  const CompiledModel& model_;
  const ModelConfig& config_;
  const bool stacked_;
  const WarmUpPace pace_;
  Clock& clock_;
  const std::stop_token give_up_;
  MemoryForesight foresight_;
  Clock::Duration per_row_{0};  // of the last run
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> first_;
  std::unique_ptr<Session> second_;
  bool ran_ = false;
  std::size_t gains_ = 0;
  WarmUpFindings findings_;
};

// Each after what is smaller, where one may not fit into the memory or the time that there is: what
// that takes tells more. False where it does not fit even then.
bool run_essential_sizes(ZeroRuns& zeros, std::vector<std::int64_t> rows, Clock::TimePoint until,
                         bool wants_costs) {
  for (auto next = rows.begin(); next != rows.end(); ++next) {
    if (!zeros.check_memory(*next).ok() || !zeros.has_time_for(*next, until)) {
      std::sort(next, rows.end());
      zeros.findings().too_large = zeros.check_memory(*next);
      if (!zeros.findings().too_large.ok()) return false;
      if (!zeros.has_time_for(*next, until)) {
        zeros.findings().sizes_left = static_cast<std::size_t>(rows.end() - next);
        return false;
      }
    }
    if (!zeros.run_essential(*next, wants_costs)) return false;
  }
  return true;
}

// `wants_costs`: of the essential sizes.
WarmUpFindings run_sizes(ZeroRuns zeros, const WarmUpSizes& sizes, bool wants_costs, Clock& clock,
                         const WarmUpLimits& limits) {
  const auto rest = sizes.rows.begin() + static_cast<std::ptrdiff_t>(sizes.essential);
  if (!zeros.open()) return std::move(zeros.findings());
  if (!run_essential_sizes(zeros, {sizes.rows.begin(), rest}, limits.essential, wants_costs)) {
    std::size_t& left = zeros.findings().sizes_left;
    if (left > 0) left += sizes.rows.size() - sizes.essential;
    return std::move(zeros.findings());
  }
  const std::size_t unsampled = sizes.essential + sizes.samples;
  for (std::size_t i = sizes.essential; i < sizes.rows.size(); ++i) {
    if (i == unsampled && sizes.samples > 0 && zeros.gains() * 2 <= sizes.samples) {
      zeros.findings().sizes_spared = sizes.rows.size() - i;
      break;
    }
    if (clock.now() >= limits.rest) {
      zeros.findings().sizes_left = sizes.rows.size() - i;
      break;
    }
    const std::int64_t rows = sizes.rows[i];
    if (!(i < unsampled ? zeros.sample(rows) : zeros.run(rows))) break;
  }
  return std::move(zeros.findings());
}

}  // namespace

WarmUpSizes warm_up_sizes(const BatchingOptions& batching, WarmUpExtent extent) {
  const std::int64_t largest = std::max<std::int64_t>(1, batching.max_batch_size);
  WarmUpSizes sizes;
  const auto add = [&](std::int64_t rows) {
    if (rows > largest || std::ranges::find(sizes.rows, rows) != sizes.rows.end()) return;
    sizes.rows.push_back(rows);
  };
  for (std::int64_t rows = 1; rows <= kProbeRows; ++rows)
    add(rows);
  if (extent == WarmUpExtent::kEverySize) {
    add(largest);
    for (const std::int64_t preferred : batching.preferred_batch_sizes)
      add(preferred);
    for (std::int64_t power = 4; power < largest; power *= 2)
      add(power);
  }
  sizes.essential = sizes.rows.size();
  if (extent == WarmUpExtent::kEverySize) {
    const std::int64_t end = std::min(largest, kEverySizeUpTo);
    // Midway between two powers of two, from large to small.
    for (std::int64_t rows = end / 4 * 3; rows >= 3; rows /= 4)
      add(rows);
    sizes.samples = sizes.rows.size() - sizes.essential;
    for (std::int64_t rows = 3; rows <= end; ++rows)
      add(rows);
  }
  return sizes;
}

WarmUpFindings warm_up(const CompiledModel& model, const ModelConfig& config, WarmUpExtent extent,
                       WarmUpPace pace, Clock& clock, const WarmUpLimits& limits,
                       ProcessMemory& memory) {
  WarmUpFindings findings;
  if (!model.gains_from_warm_up()) return findings;
  try {
    return run_sizes({model, config, pace, clock, limits.give_up, memory},
                     warm_up_sizes(config.batching, extent),
                     config.batching.latency_target.count() > 0, clock, limits);
  } catch (const std::exception& error) {
    findings.not_tried = error.what();
  }
  return findings;
}

}  // namespace muster
