// SPDX-License-Identifier: Apache-2.0
#include "app/advise/advise_plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "app/advise/leaders.h"

namespace muster {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestLook{500};
constexpr milliseconds kShortestTurn{50};
constexpr milliseconds kLongestTurn{2000};
// A measurement takes at least so many runs: one to warm up, and the fewest that count.
constexpr double kRunsAtLeast = 4;
constexpr int kRounds = 5;  // into which the time is divided
constexpr int kFewestRounds = 3;

Clock::Duration length_of_runs(double run_ms, double runs = kRunsAtLeast) {
  return std::chrono::duration_cast<Clock::Duration>(
      std::chrono::duration<double, std::milli>(runs * run_ms));
}

struct Looked {
  Reading first;
  std::vector<Reading> rounds;
};

class Plan {
 public:
  Plan(const PlanOrder& order, CandidateBench& bench, Clock& clock, const PlanListener& listener)
      : order_(order),
        bench_(bench),
        clock_(clock),
        listener_(listener),
        begun_(clock.now()),
        deadline_(add_saturating(begun_, order.budget)) {}

  PlanResults run() {
    look_at_all();
    if (!results_.stopped) run_rounds();
    results_.measured = measured();
    return std::move(results_);
  }

 private:
  [[nodiscard]] bool is_stopped() {
    results_.stopped = results_.stopped || listener_.is_stopped();
    return results_.stopped;
  }

  void look_at_all() {
    const Clock::TimePoint half = begun_ + (deadline_ - begun_) / 2;
    std::set<std::string> hopeless;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < order_.setups.size() && !is_stopped(); ++i) {
      const Setup& setup = order_.setups[i];
      if (hopeless.contains(setup.backend)) continue;
      const Clock::TimePoint now = clock_.now();
      if (now >= half && !looked_.empty() && seen.contains(setup.backend)) {
        miss(setup, {}, "there was no time left for it; give more with --seconds");
        continue;
      }
      const auto left = static_cast<Clock::Duration::rep>(order_.setups.size() - i);
      const bool opened = look_at(setup, now + std::max(half - now, Clock::Duration{0}) / left);
      // What its smallest setup cannot open is not opened by larger ones.
      if (!opened && !seen.contains(setup.backend)) hopeless.insert(setup.backend);
      seen.insert(setup.backend);
    }
  }

  // False: it could not be opened.
  bool look_at(const Setup& setup, Clock::TimePoint until) {
    listener_.begins(describe(setup));
    const auto sizes = bench_.open(setup);
    if (!sizes.ok()) {
      results_.misses.push_back({setup.backend,
                                 first_of_backend(setup) ? std::nullopt : std::optional(setup),
                                 {},
                                 std::string(sizes.status().message())});
      return false;
    }
    look_at_sizes(setup, *sizes, until);
    if (!is_stopped()) look_at_one_alone(setup);
    bench_.close(setup);
    return true;
  }

  [[nodiscard]] bool first_of_backend(const Setup& setup) const {
    return &setup == &*std::ranges::find(order_.setups, setup.backend, &Setup::backend);
  }

  void look_at_sizes(const Setup& setup, const std::vector<std::int64_t>& sizes,
                     Clock::TimePoint until) {
    double row_ms = 0;  // of the last size that was measured
    int measured = 0;
    for (std::size_t i = 0; i < sizes.size() && !is_stopped(); ++i) {
      const std::vector<std::int64_t> rest(sizes.begin() + static_cast<std::ptrdiff_t>(i),
                                           sizes.end());
      const Clock::Duration left = until - clock_.now();
      const double expected_ms = row_ms * static_cast<double>(sizes[i]);
      // A row alone says little of one in a batch, which may cost much less.
      const double runs = measured == 1 ? 1 : kRunsAtLeast;
      if (row_ms > 0 &&
          length_of_runs(expected_ms, runs) > std::max(left, Clock::Duration(kLongestLook)))
        return miss(setup, rest,
                    fmt::format("a run would take about {:.2g} s, for which there is no time; give "
                                "more with --seconds",
                                expected_ms / 1000));
      const Clock::Duration length =
          std::clamp<Clock::Duration>(left / static_cast<Clock::Duration::rep>(sizes.size() - i),
                                      Clock::Duration{0}, kLongestLook);
      const Candidate candidate{setup, sizes[i]};
      const auto reading = measure(candidate, setup.instances, length);
      if (!reading.ok()) {
        miss(setup, {sizes[i]}, std::string(reading.status().message()));
        continue;
      }
      looked_[candidate].first = *reading;
      ++measured;
      row_ms = reading->figures.p50_ms / static_cast<double>(sizes[i]);
      if (i + 1 < sizes.size() && is_far_too_slow(*reading)) {
        return miss(setup, {rest.begin() + 1, rest.end()},
                    fmt::format("batches of {} take much longer than {:g} ms already", sizes[i],
                                *order_.goal.latency_ms));
      }
    }
  }

  // Larger batches will not be within the latency then.
  [[nodiscard]] bool is_far_too_slow(const Reading& reading) const {
    return order_.goal.latency_ms && reading.figures.p50_ms > *order_.goal.latency_ms;
  }

  void look_at_one_alone(const Setup& setup) {
    const auto together = looked_.find({setup, 1});
    if (setup.instances == 1 && together != looked_.end()) {
      alone_ms_[setup] = together->second.first.figures.p50_ms;
      return;
    }
    const auto reading = measure({setup, 1}, 1, kShortestTurn);
    if (reading.ok()) alone_ms_[setup] = reading->figures.p50_ms;
  }

  Result<Reading> measure(const Candidate& candidate, int instances, Clock::Duration length) {
    listener_.begins(describe(candidate));
    return bench_.measure(candidate, instances, length);
  }

  // Only as many as there is time for: a few rounds of few say more than one of many.
  void cut_to_time(std::vector<Candidate>& candidates) const {
    const Clock::Duration left = deadline_ - clock_.now();
    while (candidates.size() > 2) {
      Clock::Duration round{0};
      for (const Candidate& candidate : candidates)
        round += shortest_turn(candidate);
      if (round * kFewestRounds <= left) return;
      candidates.pop_back();
    }
  }
  [[nodiscard]] Clock::Duration shortest_turn(const Candidate& candidate) const {
    const double run_ms = looked_.at(candidate).first.figures.p50_ms;
    return std::max<Clock::Duration>(kShortestTurn, length_of_runs(run_ms));
  }

  void run_rounds() {
    std::vector<Candidate> candidates = leaders_of(measured(), order_.goal);
    cut_to_time(candidates);
    std::set<Setup> opened;
    std::erase_if(candidates, [&](const Candidate& candidate) {
      if (opened.contains(candidate.setup)) return false;
      if (is_stopped() || clock_.now() >= deadline_) return true;
      listener_.begins(describe(candidate.setup));
      if (const auto sizes = bench_.open(candidate.setup); !sizes.ok()) {
        miss(candidate.setup, {}, "not again: " + std::string(sizes.status().message()));
        return true;
      }
      opened.insert(candidate.setup);
      return false;
    });
    take_turns(candidates);
    tell_of_rounds(candidates);
    for (const Setup& setup : opened)
      bench_.close(setup);
  }

  void take_turns(const std::vector<Candidate>& candidates) {
    if (candidates.empty()) return;
    const auto turns = static_cast<Clock::Duration::rep>(candidates.size()) * kRounds;
    const Clock::Duration turn = std::clamp<Clock::Duration>((deadline_ - clock_.now()) / turns,
                                                             kShortestTurn, kLongestTurn);
    while (clock_.now() < deadline_ && failed_.size() < candidates.size()) {
      for (const Candidate& candidate : candidates) {
        if (is_stopped() || clock_.now() >= deadline_) return;
        if (failed_.contains(candidate)) continue;
        const auto reading = measure(candidate, candidate.setup.instances, turn);
        if (reading.ok()) {
          looked_.at(candidate).rounds.push_back(*reading);
        } else {
          miss(candidate.setup, {candidate.batch_size}, std::string(reading.status().message()));
          failed_.insert(candidate);
        }
      }
    }
  }

  void tell_of_rounds(const std::vector<Candidate>& candidates) {
    std::size_t fewest = std::numeric_limits<std::size_t>::max();
    for (const Candidate& candidate : candidates) {
      if (failed_.contains(candidate)) continue;
      const std::vector<Reading>& rounds = looked_.at(candidate).rounds;
      fewest = std::min(fewest, rounds.size());
      results_.noise = std::max(results_.noise, spread_of(rounds));
      ++results_.leaders;
    }
    if (results_.leaders > 0) results_.rounds = static_cast<int>(fewest);
  }

  [[nodiscard]] std::vector<MeasuredCandidate> measured() const {
    std::vector<MeasuredCandidate> all;
    for (const auto& [candidate, looked] : looked_) {
      if (failed_.contains(candidate)) continue;
      MeasuredCandidate one;
      one.candidate = candidate;
      one.figures = looked.rounds.empty() ? looked.first.figures : medians(looked.rounds);
      one.rounds = static_cast<int>(looked.rounds.size());
      one.spread = spread_of(looked.rounds);
      one.memory_mib = looked.first.memory_mib;
      const auto alone = alone_ms_.find(candidate.setup);
      if (alone != alone_ms_.end()) one.alone_ms = alone->second;
      all.push_back(std::move(one));
    }
    return all;
  }

  void miss(const Setup& setup, std::vector<std::int64_t> sizes, std::string reason) {
    results_.misses.push_back({setup.backend, setup, std::move(sizes), std::move(reason)});
  }

  const PlanOrder& order_;
  CandidateBench& bench_;
  Clock& clock_;
  const PlanListener& listener_;
  const Clock::TimePoint begun_;
  const Clock::TimePoint deadline_;
  std::map<Candidate, Looked> looked_;
  std::map<Setup, double> alone_ms_;
  std::set<Candidate> failed_;  // when they were measured again
  PlanResults results_;
};

}  // namespace

PlanResults run_plan(const PlanOrder& order, CandidateBench& bench, Clock& clock,
                     const PlanListener& listener) {
  return Plan(order, bench, clock, listener).run();
}

}  // namespace muster
