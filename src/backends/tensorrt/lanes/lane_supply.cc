// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_supply.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/caught.h"
#include "base/log.h"

namespace muster::tensorrt {
namespace {

// An allocation of nothing is an error to some drivers.
std::size_t at_least_one(std::size_t bytes) {
  return std::max<std::size_t>(bytes, 1);
}

// Null where nothing computes in turn, or there are no more lanes than may compute at a time.
Result<std::unique_ptr<ComputeTurn>> make_turn(Device& device, const LanePlan& plan,
                                               const RunOptions& options) {
  const bool shares = options.order == ComputeOrder::kOrdered;
  const int at_once = shares ? 1 : options.compute_turns;
  if (!shares && (options.order == ComputeOrder::kConcurrent || plan.lanes <= at_once))
    return std::unique_ptr<ComputeTurn>();
  DeviceMemory activations;
  if (shares) {
    MUSTER_ASSIGN_OR_RETURN(activations, device.allocate(at_least_one(plan.activation_bytes)));
  }
  std::vector<Event> ends;
  for (int i = 0; i < at_once; ++i) {
    ends.emplace_back();
    MUSTER_ASSIGN_OR_RETURN(ends.back(), device.new_event(Wait::kBlock));
  }
  return std::make_unique<ComputeTurn>(device, std::move(ends), std::move(activations));
}

// Input shapes of a batch of `rows`; of all that is open only the first axis is.
std::vector<Shape> shapes_of(const Engine& engine, std::int64_t rows) {
  std::vector<Shape> shapes;
  for (const EnginePort& port : engine.ports()) {
    if (!port.is_input) continue;
    shapes.push_back(port.spec.shape);
    if (rows > 0) shapes.back().set(0, rows);
  }
  return shapes;
}

}  // namespace

bool is_due(const LaneBody& body, const RenewalLimits& limits, Clock::TimePoint now) {
  if (body.ran_out) return true;
  if (limits.max_batches > 0 && body.batches >= limits.max_batches) return true;
  return limits.max_age > Clock::Duration(0) && now - body.made_at >= limits.max_age;
}

Result<std::unique_ptr<LaneSupply>> LaneSupply::make(Device& device, const Engine& engine,
                                                     LanePlan plan, RunOptions options,
                                                     Clock& clock) {
  MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<ComputeTurn> turn, make_turn(device, plan, options));
  std::unique_ptr<LaneSupply> supply(
      new LaneSupply(device, engine, std::move(plan), std::move(options), std::move(turn), clock));
  try {
    supply->thread_ = std::thread([raw = supply.get()] { raw->work(); });
  } catch (const std::system_error& error) {
    return resource_exhausted(std::string("the thread that renews contexts did not start: ") +
                              error.what());
  }
  return supply;
}

LaneSupply::LaneSupply(Device& device, const Engine& engine, LanePlan plan, RunOptions options,
                       std::unique_ptr<ComputeTurn> turn, Clock& clock)
    : device_(device),
      engine_(engine),
      plan_(std::move(plan)),
      options_(std::move(options)),
      limits_{options_.context_max_age, options_.context_max_requests},
      turn_(std::move(turn)),
      clock_(clock) {}

LaneSupply::~LaneSupply() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  // What the bodies hold is freed on this thread.
  (void)device_.use_on_this_thread();
  const MutexLock lock(mutex_);
  fresh_.clear();
  spent_.clear();
}

Result<std::unique_ptr<LaneBody>> LaneSupply::take_first() {
  {
    const MutexLock lock(mutex_);
    if (!fresh_.empty()) {
      std::unique_ptr<LaneBody> body = std::move(fresh_.back());
      fresh_.pop_back();
      return body;
    }
  }
  return make_body();
}

std::unique_ptr<LaneBody> LaneSupply::renewed(std::unique_ptr<LaneBody> old) {
  const Clock::TimePoint now = clock_.now();
  if (!is_due(*old, limits_, now)) return old;
  const MutexLock lock(mutex_);
  const auto found =
      std::ranges::find_if(fresh_, [&](const auto& body) { return !is_due(*body, limits_, now); });
  if (found == fresh_.end()) {
    if (!wanted_ && now >= not_before_) {
      wanted_ = true;
      // Where memory is short in earnest, a fresh one finds none either.
      if (old->ran_out) not_before_ = add_saturating(now, kRetryRenewalAfter);
      changed_.notify_all();
    }
    return old;
  }
  std::unique_ptr<LaneBody> body = std::move(*found);
  fresh_.erase(found);
  spent_.push_back(std::move(old));
  changed_.notify_all();
  return body;
}

void LaneSupply::give_back(std::unique_ptr<LaneBody> body) {
  if (body == nullptr) return;
  const bool due = is_due(*body, limits_, clock_.now());
  const MutexLock lock(mutex_);
  (due ? spent_ : fresh_).push_back(std::move(body));
  changed_.notify_all();
}

void LaneSupply::await_quiet() {
  MutexLock lock(mutex_);
  while (busy_ || wanted_ || !spent_.empty())
    changed_.wait(lock);
}

std::uint64_t LaneSupply::device_bytes() const noexcept {
  return body_bytes_.load(std::memory_order_relaxed) +
         (turn_ != nullptr ? turn_->activations().size() : 0);
}

Result<std::unique_ptr<LaneBody>> LaneSupply::make_body() {
  return caught([&]() -> Result<std::unique_ptr<LaneBody>> {
    MUSTER_RETURN_IF_ERROR(device_.use_on_this_thread());
    auto body = std::make_unique<LaneBody>();
    MUSTER_RETURN_IF_ERROR(make_rooms(*body));
    MUSTER_ASSIGN_OR_RETURN(body->plain.context, engine_.new_context());
    MUSTER_RETURN_IF_ERROR(capture_sizes(*body));
    body->made_at = clock_.now();
    body->made_bytes = body->device_bytes();
    body_bytes_.fetch_add(body->made_bytes, std::memory_order_relaxed);
    return body;
  });
}

Status LaneSupply::make_rooms(LaneBody& body) const {
  MUSTER_ASSIGN_OR_RETURN(body.stream, device_.new_stream());
  const Wait wait = options_.wait == WaitChoice::kSpin ? Wait::kSpin : Wait::kBlock;
  MUSTER_ASSIGN_OR_RETURN(body.done, device_.new_event(wait));
  const std::size_t count = plan_.ports.size();
  body.host.resize(count);
  body.device.resize(count);
  body.growing.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const PortRoom& room = plan_.ports[i];
    if (room.bytes == 0 && !engine_.ports()[i].is_input && !room.on_host) {
      body.growing[i] = std::make_unique<GrowingOutput>(device_);
      continue;
    }
    MUSTER_ASSIGN_OR_RETURN(body.host[i], device_.allocate_pinned(at_least_one(room.bytes)));
    // The first runs are made on it, before anybody has put anything there.
    std::memset(body.host[i].get(), 0, body.host[i].size());
    if (room.on_host) continue;
    MUSTER_ASSIGN_OR_RETURN(body.device[i], device_.allocate(at_least_one(room.bytes)));
  }
  if (parts().turn_of_all() == nullptr) {
    MUSTER_ASSIGN_OR_RETURN(body.activations,
                            device_.allocate(at_least_one(plan_.activation_bytes)));
  }
  return {};
}

// A size that has no graph runs step by step; that costs time, and no batch.
Status LaneSupply::capture_sizes(LaneBody& body) {
  for (const std::int64_t rows : plan_.ladder) {
    if (!captures_.load(std::memory_order_relaxed)) return {};
    Result<CapturedSize> size = capture(parts(), body, shapes_of(engine_, rows));
    if (size.ok()) {
      body.graphs.emplace(rows, *std::move(size));
      continue;
    }
    if (size.status().code() == kBrokenForGood) return size.status();
    if (!captures_.exchange(false)) return {};
    log(LogLevel::kWarning,
        "tensorrt: no CUDA graph of batches of " + std::to_string(rows) +
            ", which are run step by step from now on: " + std::string(size.status().message()));
  }
  return {};
}

void LaneSupply::work() {
  (void)device_.use_on_this_thread();  // what follows says what is wrong with it
  for (;;) {
    std::unique_ptr<LaneBody> spent;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      changed_.notify_all();
      while (!ending_ && spent_.empty() && !wanted_)
        changed_.wait(lock);
      if (ending_) return;
      busy_ = true;
      if (!spent_.empty()) {
        spent = std::move(spent_.back());
        spent_.pop_back();
      }
    }
    // First what gives memory back, then what takes it.
    if (spent == nullptr) {
      make_fresh();
    } else {
      body_bytes_.fetch_sub(spent->made_bytes, std::memory_order_relaxed);
      spent.reset();
    }
  }
}

void LaneSupply::make_fresh() {
  Result<std::unique_ptr<LaneBody>> body = make_body();
  const Clock::TimePoint now = clock_.now();
  const MutexLock lock(mutex_);
  wanted_ = false;
  if (body.ok()) {
    fresh_.push_back(*std::move(body));
    return;
  }
  not_before_ = add_saturating(now, kRetryRenewalAfter);
  if (std::exchange(told_, true)) return;
  log(LogLevel::kWarning, "tensorrt: a context could not be renewed, the old one goes on: " +
                              std::string(body.status().message()));
}

}  // namespace muster::tensorrt
