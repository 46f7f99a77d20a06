// SPDX-License-Identifier: Apache-2.0
#include "batching/target/target_policy.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace muster {
namespace {

using std::chrono::nanoseconds;

// The rest of the target is for a batch to gather in.
constexpr double kMostOfTarget = 0.97;
// Above what comes: a batch that is only just large enough never makes up for a slow one.
constexpr double kHeadroom = 1.15;
// A waiting batch goes that much earlier than it must, as timers are late and threads wake slowly.
constexpr double kTimerSlack = 0.05;
// Where nobody else needs the place of the first in line, it is dropped only if it is more likely
// late than not, as long as less comes than this part of what can be run. From there on more care
// is taken, the more the less sure it is what a batch takes (by how much the cautious cost is above
// the typical, in parts of it), or too many would be late.
constexpr double kRoom = 0.9;
constexpr double kFullCare = 1.1;
constexpr double kCareOfDoubt = 1.5;

double as_seconds(nanoseconds length) {
  return std::chrono::duration<double>(length).count();
}
nanoseconds part_of(nanoseconds length, double part) {
  return nanoseconds(static_cast<std::int64_t>(static_cast<double>(length.count()) * part));
}

// What waits from some member on.
struct Window {
  std::size_t first = 0;
  std::int64_t rows = 0;  // of all from there on, at most best_rows, at least the first's own
  bool whole = true;      // false: more may wait than was looked at
};

// For each member in turn, where the next batch begins if one of up to `most` rows begins with it.
class Following {
 public:
  Following(std::span<const LineMember> members, std::int64_t most)
      : members_(members), most_(most) {}

  // `first` is 0, then 1, and so on. Their number: nothing is left for another batch.
  [[nodiscard]] std::size_t after(std::size_t first) {
    if (first > 0) rows_ -= members_[first - 1].rows;
    if (next_ <= first) {
      next_ = first + 1;
      rows_ = members_[first].rows;
    }
    while (next_ < members_.size() && rows_ + members_[next_].rows <= most_)
      rows_ += members_[next_++].rows;
    return next_;
  }

 private:
  std::span<const LineMember> members_;
  const std::int64_t most_;
  std::size_t next_ = 0;
  std::int64_t rows_ = 0;  // from the first until the next
};

class Look {
 public:
  Look(const LineView& line, TimePoint now, const BatchLimits& limits, const TargetFacts& facts)
      : line_(line),
        now_(now),
        limits_(limits),
        facts_(facts),
        best_(best_rows(facts.cost, limits)),
        best_run_(facts.cost.typical(best_)) {
    for (const LineMember& member : line.members)
      visible_ += member.rows;
  }

  [[nodiscard]] BatchDecision decide() const {
    const Window window = find_window();
    if (window.first == line_.members.size()) return try_first();
    if (window.first > 0) return keep_or_drop(window);
    return take_or_wait(window);
  }

 private:
  [[nodiscard]] Window window_from(std::size_t first, std::int64_t rows_behind) const {
    const std::int64_t own = line_.members[first].rows;
    if (!limits_.merge) return {first, own, true};
    return {first, std::max(own, std::min(rows_behind, best_)),
            !line_.more || rows_behind >= best_};
  }
  [[nodiscard]] bool in_time(std::size_t member, nanoseconds length) const {
    return add_saturating(now_, length) <= line_.members[member].answer_by;
  }

  // The first that can be answered together with all behind it.
  [[nodiscard]] Window find_window() const {
    const double care = care_with_room();
    Following following(line_.members, best_);
    std::int64_t behind = visible_;
    for (std::size_t i = 0; i < line_.members.size(); ++i) {
      const Window window = window_from(i, behind);
      const bool others_are_in_time = next_is_in_time(following.after(i));
      const bool has_room = limits_.merge && (window.rows < best_ || others_are_in_time);
      if (!window.whole || in_time(i, cost_of(window.rows, has_room ? care : 1))) return window;
      behind -= line_.members[i].rows;
    }
    return {line_.members.size(), 0, true};
  }

  // By then a batch of so many rows is over: almost surely with a care of 1, more likely than not
  // with none.
  [[nodiscard]] nanoseconds cost_of(std::int64_t rows, double care) const {
    const nanoseconds typical = facts_.cost.typical(rows);
    return typical + part_of(facts_.cost.cautious(rows) - typical, care);
  }
  // Whether those that stay behind a full batch can be in the one after it, which begins when the
  // next session is free. Where they can, nobody has to be given up for them.
  [[nodiscard]] bool next_is_in_time(std::size_t next) const {
    return next == line_.members.size() ||
           in_time(next, best_run_ / static_cast<std::int64_t>(facts_.runners) + best_run_);
  }
  [[nodiscard]] double care_with_room() const {
    const double busy = facts_.rows_per_second * as_seconds(best_run_) /
                        (static_cast<double>(best_) * static_cast<double>(facts_.runners));
    const double doubt = as_seconds(facts_.cost.cautious(best_)) / as_seconds(best_run_) - 1;
    return std::min(1.0, kCareOfDoubt * doubt) *
           std::clamp((busy - kRoom) / (kFullCare - kRoom), 0.0, 1.0);
  }

  // Nothing can be in time in a batch as large as it should be. Whoever is last can be alone, or
  // is run all the same: no better use of the session is at hand.
  [[nodiscard]] BatchDecision try_first() const {
    const std::size_t last = line_.members.size() - 1;
    if (last > 0) return DropNow{last};
    return TakeNow{line_.members[0].rows, CloseReason::kDeadline, TargetChoice::kHopeless};
  }

  // Those before the window are dropped, unless the first of them that can be answered at all can
  // be in a batch of its own, and what is left right after it, and that extra run takes no more
  // time than the rows that it saves are worth: the rows that come meanwhile.
  [[nodiscard]] BatchDecision keep_or_drop(const Window& window) const {
    const CostCurve& cost = facts_.cost;
    std::size_t first = 0;
    std::int64_t behind = visible_;
    while (first < window.first && !in_time(first, cost.cautious(line_.members[first].rows)))
      behind -= line_.members[first++].rows;
    if (first < window.first && window.whole && limits_.merge) {
      const auto slack = line_.members[first].answer_by - now_;
      const std::int64_t fits = cost.rows_within(slack, best_);
      std::size_t next = first;
      std::int64_t rows = 0;
      while (next < line_.members.size() && rows + line_.members[next].rows <= fits)
        rows += line_.members[next++].rows;
      if (rows > 0 && next < line_.members.size()) {
        const std::int64_t rest = std::min(behind - rows, best_);
        const nanoseconds run = cost.typical(rows);
        const double extra =
            as_seconds(run + cost.typical(rest)) - as_seconds(cost.typical(window.rows));
        const auto saved = static_cast<double>(rows + rest - window.rows);
        if (in_time(next, run / static_cast<std::int64_t>(facts_.runners) + cost.cautious(rest)) &&
            extra * facts_.rows_per_second <= saved) {
          if (first > 0) return DropNow{first};
          return TakeNow{rows, CloseReason::kDeadline, TargetChoice::kSplit};
        }
      }
    }
    return DropNow{window.first};
  }

  [[nodiscard]] BatchDecision take_or_wait(const Window& window) const {
    if (!limits_.merge || window.rows >= best_) {
      const bool full = !limits_.merge || window.rows >= limits_.max_rows;
      return TakeNow{window.rows, full ? CloseReason::kFull : CloseReason::kDeadline,
                     TargetChoice::kFull};
    }
    const TakeNow all{window.rows, CloseReason::kDelay, TargetChoice::kAtOnce};
    const std::int64_t needed = needed_rows(facts_, limits_);
    const std::int64_t rows = window.rows + line_.rows_of_others;
    if (rows >= needed || !waiting_helps(rows)) return all;
    const nanoseconds least =
        facts_.cost.cautious(needed) + part_of(limits_.latency_target, kTimerSlack);
    const TimePoint last_moment = line_.members[0].answer_by - least;
    const TimePoint until = std::min(last_moment, next_session(needed));
    if (until <= now_) {
      return TakeNow{window.rows,
                     last_moment <= now_ ? CloseReason::kDeadline : CloseReason::kDelay,
                     TargetChoice::kWaited};
    }
    return WaitUntil{until};
  }

  // One of several sessions is free again about so long after the first in line came. Who comes
  // later than that can go with the next one.
  [[nodiscard]] TimePoint next_session(std::int64_t needed) const {
    if (facts_.runners == 1) return kNoDeadline;
    return line_.members[0].answer_by - limits_.latency_target +
           facts_.cost.typical(needed) / static_cast<std::int64_t>(facts_.runners);
  }

  // With one session it does only where those that come while these run could not be in time
  // afterwards: otherwise they gather meanwhile, and that is waiting enough. Where there are
  // several, each free one would else take the few that have come since the last.
  [[nodiscard]] bool waiting_helps(std::int64_t rows) const {
    if (facts_.runners > 1) return true;
    const nanoseconds run = facts_.cost.typical(rows);
    const double come = std::ceil(facts_.rows_per_second * as_seconds(run));
    const auto next =
        static_cast<std::int64_t>(std::clamp(come, 1.0, static_cast<double>(limits_.max_rows)));
    return run + facts_.cost.cautious(next) > limits_.latency_target;
  }

  const LineView& line_;
  const TimePoint now_;
  const BatchLimits& limits_;
  const TargetFacts& facts_;
  const std::int64_t best_;
  const nanoseconds best_run_;
  std::int64_t visible_ = 0;
};

}  // namespace

std::int64_t best_rows(const CostCurve& cost, const BatchLimits& limits) noexcept {
  if (!cost.known()) return 0;
  const std::int64_t most = std::max<std::int64_t>(
      1, cost.rows_within(part_of(limits.latency_target, kMostOfTarget), limits.max_rows));
  std::int64_t best = most;
  double rate = static_cast<double>(most) / as_seconds(cost.typical(most));
  // Between two knots the rate has no peak: the cost is straight there.
  for (const CostKnot& knot : cost.knots()) {
    if (knot.rows >= most) break;
    const double of_knot = static_cast<double>(knot.rows) / as_seconds(cost.typical(knot.rows));
    if (of_knot > rate * 1.01) {
      best = knot.rows;
      rate = of_knot;
    }
  }
  return best;
}

std::int64_t needed_rows(const TargetFacts& facts, const BatchLimits& limits) noexcept {
  const std::int64_t best = best_rows(facts.cost, limits);
  const double wanted = facts.rows_per_second * kHeadroom;
  for (const CostKnot& knot : facts.cost.knots()) {
    if (knot.rows >= best) break;
    const double rate = static_cast<double>(facts.runners) * static_cast<double>(knot.rows) /
                        as_seconds(facts.cost.typical(knot.rows));
    if (rate >= wanted) return knot.rows;
  }
  return best;
}

BatchDecision decide_for_target(const LineView& line, TimePoint now, const BatchLimits& limits,
                                const TargetFacts& facts) noexcept {
  std::int64_t rows = 0;
  for (const LineMember& member : line.members) {
    if (rows > 0 && (!limits.merge || rows + member.rows > limits.max_rows)) break;
    rows += member.rows;
  }
  if (line.draining) return TakeNow{rows, CloseReason::kDrain, TargetChoice::kNone};
  if (!facts.cost.known()) {
    const bool full = !limits.merge || rows >= limits.max_rows;
    return TakeNow{rows, full ? CloseReason::kFull : CloseReason::kDelay, TargetChoice::kLearning};
  }
  return Look(line, now, limits, facts).decide();
}

}  // namespace muster
