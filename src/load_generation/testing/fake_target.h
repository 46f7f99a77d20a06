// SPDX-License-Identifier: Apache-2.0
// FakeTarget: a server of a test, which answers after the times that the test says, on its clock.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/fake_clock.h"
#include "load_generation/request_target.h"

namespace muster {

class FakeTarget final : public RequestTarget {
 public:
  struct Reply {
    Clock::Duration after{0};
    Outcome outcome = Outcome::kAnswered;
    std::string body = {};
  };
  // What becomes of the n-th request, from 0; none: it is never answered.
  using Script = std::function<std::optional<Reply>(std::size_t)>;

  FakeTarget(FakeClock& clock, int slots, Script script)
      : clock_(clock), slots_(slots), script_(std::move(script)) {}

  [[nodiscard]] int slots() const noexcept override { return slots_; }

  void ask(int slot) override {
    asked.push_back(clock_.now());
    const auto reply = script_(asked.size() - 1);
    if (reply) pending_.push_back({clock_.now() + reply->after, slot, *reply});
  }

  Status wait(Clock::Duration limit, AnswerListener& listener) override {
    ++waits;
    const auto first = std::ranges::min_element(pending_, {}, &Pending::at);
    const Clock::TimePoint until = add_saturating(clock_.now(), limit);
    if (first == pending_.end() || first->at > until) {
      if (until == Clock::kForever) return internal_error("nothing would ever come");
      // What limits the waiting wakes a little late, as a real one does.
      clock_.advance(std::max(until - clock_.now(), Clock::Duration{0}) + oversleep);
      return {};
    }
    if (first->at > clock_.now()) clock_.advance(first->at - clock_.now());
    const Pending done = *first;
    pending_.erase(first);
    listener.answered({done.slot, done.reply.outcome, done.reply.body, 0});
    return {};
  }

  void abandon(int slot, std::string why) override {
    pending_.push_back({clock_.now(), slot, {Clock::Duration{0}, Outcome::kFailed, why}});
  }

  std::vector<Clock::TimePoint> asked;
  Clock::Duration oversleep{0};
  int waits = 0;

 private:
  struct Pending {
    Clock::TimePoint at;
    int slot;
    Reply reply;
  };

  FakeClock& clock_;
  const int slots_;
  const Script script_;
  std::vector<Pending> pending_;
};

}  // namespace muster
