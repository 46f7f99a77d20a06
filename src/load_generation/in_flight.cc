// SPDX-License-Identifier: Apache-2.0
#include "load_generation/in_flight.h"

#include <algorithm>

#include "base/text.h"

namespace muster {
namespace {

constexpr int kLooksInATimeout = 8;

}  // namespace

InFlight::InFlight(RequestTarget& target, Clock::Duration timeout, Clock& clock)
    : target_(target),
      timeout_(timeout),
      clock_(clock),
      requests_(static_cast<std::size_t>(target.slots())),
      next_look_(add_saturating(clock.now(), timeout)) {}

void InFlight::ask(int slot, Clock::TimePoint now, Clock::TimePoint since) {
  requests_[static_cast<std::size_t>(slot)] = {now, since};
  ++count_;
  target_.ask(slot);
}

Clock::TimePoint InFlight::end(const Answer& answer) {
  Request& request = requests_[static_cast<std::size_t>(answer.slot)];
  request.sent = Clock::kForever;
  --count_;
  if (answer.outcome != Outcome::kFailed) {
    failures_in_a_row_ = 0;
  } else if (++failures_in_a_row_ == kMostFailuresInARow) {
    last_failure_ = printable(answer.body, 1000);
  }
  return request.since;
}

void InFlight::give_up(Clock::TimePoint now) {
  if (now < next_look_) return;
  next_look_ = now + timeout_ / kLooksInATimeout;
  for (std::size_t slot = 0; slot < requests_.size(); ++slot) {
    Request& request = requests_[slot];
    if (request.sent == Clock::kForever) continue;
    const Clock::TimePoint due = add_saturating(request.sent, timeout_);
    if (due <= now) {
      target_.abandon(static_cast<int>(slot), "no answer within the timeout");
    } else {
      next_look_ = std::min(next_look_, due);
    }
  }
}

Status InFlight::wait_until(Clock::TimePoint until, AnswerListener& listener) {
  const Clock::TimePoint now = clock_.now();
  give_up(now);
  MUSTER_RETURN_IF_ERROR(target_.wait(std::min(until, next_look_) - now, listener));
  if (failures_in_a_row_ < kMostFailuresInARow) return {};
  return unavailable("the server does not answer any more, " + std::to_string(kMostFailuresInARow) +
                     " requests in a row failed, at last: " + last_failure_);
}

}  // namespace muster
