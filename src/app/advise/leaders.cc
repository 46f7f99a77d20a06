// SPDX-License-Identifier: Apache-2.0
#include "app/advise/leaders.h"

#include <algorithm>

#include "app/advise/judge.h"

namespace muster {
namespace {

constexpr std::size_t kMostLeaders = 9;  // when one comes with its working size, they are ten
constexpr std::ptrdiff_t kMostOfOneSetup = 3;
// What is further from the best than this after a short look is not looked at again.
constexpr double kWorthRounds = 1.25;

bool is_worth_rounds(const RankedCandidate& one, const RankedCandidate& first, const Goal& goal) {
  if (!first.suits || one.tie) return true;
  if (goal.rate) return one.suits && one.working_cpu_us <= first.working_cpu_us * kWorthRounds;
  const bool nearly_suits =
      one.suits || (goal.latency_ms && one.full_ms <= *goal.latency_ms * kWorthRounds);
  return nearly_suits && one.measured.figures.items_per_second * kWorthRounds >=
                             first.measured.figures.items_per_second;
}

}  // namespace

std::vector<Candidate> leaders_of(const std::vector<MeasuredCandidate>& measured,
                                  const Goal& goal) {
  const std::vector<RankedCandidate> ranked = judge(measured, goal);
  std::vector<Candidate> chosen;
  const auto choose = [&](const Candidate& candidate) {
    if (std::ranges::find(chosen, candidate) == chosen.end()) chosen.push_back(candidate);
  };
  for (const RankedCandidate& one : ranked) {
    const Candidate& candidate = one.measured.candidate;
    const auto of_setup = std::ranges::count(chosen, candidate.setup, &Candidate::setup);
    if (of_setup >= kMostOfOneSetup || !is_worth_rounds(one, ranked.front(), goal)) continue;
    choose(candidate);
    choose({candidate.setup, one.working_size});
    if (chosen.size() >= kMostLeaders) break;
  }
  return chosen;
}

}  // namespace muster
