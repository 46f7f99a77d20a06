// SPDX-License-Identifier: Apache-2.0
#include "load_generation/open_loop.h"

#include <algorithm>
#include <deque>
#include <optional>

#include <sys/prctl.h>

#include "load_generation/free_slots.h"
#include "load_generation/in_flight.h"

namespace muster {
namespace {

class Crowd final : public AnswerListener {
 public:
  Crowd(RequestTarget& target, const OpenLoop& loop, Clock& clock, AnswerCheck* check)
      : loop_(loop),
        clock_(clock),
        check_(check),
        in_flight_(target, loop.timeout, clock),
        arrivals_(loop.rates(), clock.now(), loop.seed),
        begin_(add_saturating(clock.now(), loop.warm_up)),
        end_(add_saturating(begin_, loop.duration)),
        free_(target.slots()) {
    measured_.rows = loop.rows;
  }

  void answered(const Answer& answer) override {
    const Clock::TimePoint meant = in_flight_.end(answer);
    const Clock::TimePoint now = clock_.now();
    free_.put_back(answer.slot, now);
    if (check_ != nullptr) check_->check(answer);
    if (meant < begin_) return;
    last_ = now;
    measured_.record(answer, last_ - meant);
    if (answer.outcome == Outcome::kAnswered && last_ - meant > loop_.deadline) ++measured_.late;
  }

  Status run(const LoadMeters& meters) {
    while (true) {
      const Clock::TimePoint now = clock_.now();
      if (!usage_ && now >= begin_) usage_.emplace(meters);
      take_arrivals(now);
      ask_waiting(now);
      if (arrivals_.next() >= end_ && waiting_.empty() && in_flight_.count() == 0) break;
      MUSTER_RETURN_IF_ERROR(in_flight_.wait_until(next_event(), *this));
    }
    measured_.elapsed = std::max(last_, end_) - begin_;
    if (usage_) usage_->put_into(measured_);
    return {};
  }

  [[nodiscard]] LoadMeasurement& measured() noexcept { return measured_; }

 private:
  void fail(Clock::TimePoint meant, const char* why) {
    if (meant >= begin_) measured_.record({0, Outcome::kFailed, why, 0}, Clock::Duration{0});
  }

  void take_arrivals(Clock::TimePoint now) {
    for (; arrivals_.next() <= now && arrivals_.next() < end_; arrivals_.advance()) {
      if (waiting_.size() == kMostWaitingRequests) {
        fail(arrivals_.next(), "not sent: too many requests wait for a free connection");
        continue;
      }
      waiting_.push_back(arrivals_.next());
    }
    for (; !waiting_.empty() && add_saturating(waiting_.front(), loop_.timeout) <= now;
         waiting_.pop_front())
      fail(waiting_.front(), "not sent: no connection was free within the timeout");
  }

  void ask_waiting(Clock::TimePoint now) {
    while (!waiting_.empty() && !free_.empty()) {
      const Clock::TimePoint meant = waiting_.front();
      waiting_.pop_front();
      if (meant >= begin_) free_.count(meant, now, measured_);
      in_flight_.ask(free_.take(), now, meant);
    }
  }

  [[nodiscard]] Clock::TimePoint next_event() const {
    Clock::TimePoint next = usage_ ? Clock::kForever : begin_;
    if (arrivals_.next() < end_) next = std::min(next, arrivals_.next());
    if (!waiting_.empty()) next = std::min(next, add_saturating(waiting_.front(), loop_.timeout));
    return next;
  }

  const OpenLoop loop_;
  Clock& clock_;
  AnswerCheck* const check_;
  InFlight in_flight_;
  Arrivals arrivals_;
  const Clock::TimePoint begin_;  // of what counts
  const Clock::TimePoint end_;
  FreeSlots free_;
  std::deque<Clock::TimePoint> waiting_;  // for a free slot: when they were meant
  Clock::TimePoint last_{};
  std::optional<LoadUsage> usage_;  // since begin_
  LoadMeasurement measured_;
};

}  // namespace

ArrivalRates OpenLoop::rates() const noexcept {
  return burst_length.count() > 0 ? ArrivalRates::in_bursts(per_second, burst_length)
                                  : ArrivalRates::steady(per_second);
}

Result<LoadMeasurement> run_open_loop(RequestTarget& target, const OpenLoop& loop, Clock& clock,
                                      const LoadMeters& meters, AnswerCheck* check) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // arrivals are closer than the usual 50 us
  Crowd crowd(target, loop, clock, check);
  MUSTER_RETURN_IF_ERROR(crowd.run(meters));
  return std::move(crowd.measured());
}

}  // namespace muster
