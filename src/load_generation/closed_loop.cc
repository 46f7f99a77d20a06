// SPDX-License-Identifier: Apache-2.0
#include "load_generation/closed_loop.h"

#include "load_generation/in_flight.h"

namespace muster {
namespace {

class Clients final : public AnswerListener {
 public:
  Clients(RequestTarget& target, const ClosedLoop& loop, Clock& clock, AnswerCheck* check)
      : clock_(clock), check_(check), in_flight_(target, loop.timeout, clock) {
    measured_.rows = loop.rows;
    for (int slot = 0; slot < loop.concurrency; ++slot)
      ask(slot, clock.now());
  }

  void answered(const Answer& answer) override {
    const Clock::TimePoint since = in_flight_.end(answer);
    if (check_ != nullptr) check_->check(answer);
    const Clock::TimePoint now = clock_.now();
    if (recording_) measured_.record(answer, now - since);
    if (!over_) ask(answer.slot, now);
  }

  Status run_for(Clock::Duration duration) {
    const Clock::TimePoint end = add_saturating(clock_.now(), duration);
    while (clock_.now() < end)
      MUSTER_RETURN_IF_ERROR(in_flight_.wait_until(end, *this));
    return {};
  }

  Status measure(Clock::Duration duration, const LoadMeters& meters) {
    const LoadUsage usage(meters);
    // Reading that took a moment, in which answers came.
    MUSTER_RETURN_IF_ERROR(in_flight_.wait_until(clock_.now(), *this));
    recording_ = true;
    const Clock::TimePoint begun = clock_.now();
    MUSTER_RETURN_IF_ERROR(run_for(duration));
    measured_.elapsed = clock_.now() - begun;
    usage.put_into(measured_);
    recording_ = false;
    return {};
  }

  Status finish() {
    over_ = true;
    while (in_flight_.count() > 0)
      MUSTER_RETURN_IF_ERROR(in_flight_.wait_until(Clock::kForever, *this));
    return {};
  }

  [[nodiscard]] LoadMeasurement& measured() noexcept { return measured_; }

 private:
  void ask(int slot, Clock::TimePoint now) { in_flight_.ask(slot, now, now); }

  Clock& clock_;
  AnswerCheck* const check_;
  InFlight in_flight_;
  LoadMeasurement measured_;
  bool recording_ = false;
  bool over_ = false;
};

}  // namespace

Result<LoadMeasurement> run_closed_loop(RequestTarget& target, const ClosedLoop& loop, Clock& clock,
                                        const LoadMeters& meters, AnswerCheck* check) {
  if (loop.concurrency < 1 || loop.concurrency > target.slots())
    return invalid_argument("there are slots for 1 to " + std::to_string(target.slots()) +
                            " requests in flight");
  Clients clients(target, loop, clock, check);
  MUSTER_RETURN_IF_ERROR(clients.run_for(loop.warm_up));
  MUSTER_RETURN_IF_ERROR(clients.measure(loop.duration, meters));
  MUSTER_RETURN_IF_ERROR(clients.finish());
  return std::move(clients.measured());
}

}  // namespace muster
