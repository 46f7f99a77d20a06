// SPDX-License-Identifier: Apache-2.0
#include "load_generation/sample_sender.h"

#include <utility>

namespace muster {

SampleSender::SampleSender(RequestTarget& target, std::int64_t rows, Clock::Duration timeout,
                           Clock& clock, Done done)
    : clock_(clock),
      in_flight_(target, timeout, clock),
      done_(std::move(done)),
      free_(target.slots()),
      samples_(static_cast<std::size_t>(target.slots())) {
  measured_.rows = rows;
}

void SampleSender::add(Sample sample, Clock::TimePoint since) {
  waiting_.push_back({sample, since});
}

void SampleSender::send() {
  const Clock::TimePoint now = clock_.now();
  while (!waiting_.empty() && !free_.empty()) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    free_.count(next.since, now, measured_);
    const int slot = free_.take();
    samples_[static_cast<std::size_t>(slot)] = next.sample;
    in_flight_.ask(slot, now, next.since);
  }
}

void SampleSender::answered(const Answer& answer) {
  const Clock::TimePoint now = clock_.now();
  measured_.record(answer, now - in_flight_.end(answer));
  free_.put_back(answer.slot, now);
  done_(*std::exchange(samples_[static_cast<std::size_t>(answer.slot)], std::nullopt));
}

void SampleSender::give_up() {
  const Answer none{0, Outcome::kFailed, failure_.message(), 0};
  for (std::optional<Sample>& sample : samples_) {
    if (!sample) continue;
    measured_.record(none, Clock::Duration{0});
    done_(*std::exchange(sample, std::nullopt));
  }
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    measured_.record(none, Clock::Duration{0});
    done_(waiting.sample);
  }
}

Status SampleSender::turn(Clock::Duration limit) {
  if (failure_.ok()) {
    send();
    failure_ = in_flight_.wait_until(add_saturating(clock_.now(), limit), *this);
    if (failure_.ok()) send();
  }
  if (!failure_.ok()) give_up();
  return failure_;
}

}  // namespace muster
