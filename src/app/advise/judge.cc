// SPDX-License-Identifier: Apache-2.0
#include "app/advise/judge.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include <fmt/format.h>

namespace muster {
namespace {

// Less costs less.
double cost_of(const RankedCandidate& ranked, const Goal& goal) {
  if (goal.rate) return ranked.working_cpu_us;
  const double rate = ranked.measured.figures.items_per_second;
  return rate > 0 ? 1 / rate : std::numeric_limits<double>::infinity();
}

double full_ms_of(const Figures& figures, const Goal& goal) {
  return goal.queue_delay_ms + 2 * figures.p99_ms;
}

bool carries(const MeasuredCandidate& measured, const Goal& goal) {
  return measured.figures.items_per_second >= *goal.rate * kRoom;
}

RankedCandidate looked_at(const MeasuredCandidate& one, const std::vector<MeasuredCandidate>& all,
                          const Goal& goal) {
  RankedCandidate ranked;
  ranked.measured = one;
  ranked.full_ms = full_ms_of(one.figures, goal);
  ranked.suits = (!goal.rate || carries(one, goal)) &&
                 (!goal.latency_ms || ranked.full_ms <= *goal.latency_ms);
  const MeasuredCandidate* working = &one;
  if (goal.rate) {
    for (const MeasuredCandidate& other : all) {
      if (other.candidate.setup == one.candidate.setup && carries(other, goal) &&
          other.candidate.batch_size < working->candidate.batch_size)
        working = &other;
    }
  }
  ranked.working_size = working->candidate.batch_size;
  ranked.working_cpu_us = working->figures.cpu_us_per_item;
  ranked.working_ms = full_ms_of(working->figures, goal);
  return ranked;
}

// The fixed order of ties.
auto preference(const Candidate& candidate, const Goal& goal) {
  const Setup& setup = candidate.setup;
  return std::tuple(setup.all_threads(), setup.instances, setup.backend != goal.own_backend,
                    candidate.batch_size, setup.backend);
}

void mark_ties(std::vector<RankedCandidate>& ranked, const Goal& goal) {
  double least = std::numeric_limits<double>::infinity();
  for (const RankedCandidate& one : ranked)
    if (one.suits) least = std::min(least, cost_of(one, goal));
  double quickest = std::numeric_limits<double>::infinity();
  for (RankedCandidate& one : ranked) {
    one.tie = one.suits && cost_of(one, goal) <= least * (1 + kTie);
    if (one.tie) quickest = std::min(quickest, one.working_ms);
  }
  if (!goal.rate) return;
  for (RankedCandidate& one : ranked)
    one.tie = one.tie && one.working_ms <= quickest * (1 + kLatencyTie);
}

// By how much a candidate that does not suit fails, for their order.
double shortfall(const RankedCandidate& one, const Goal& goal) {
  double worst = 0;
  if (goal.latency_ms) worst = std::max(worst, one.full_ms / *goal.latency_ms);
  const double rate = one.measured.figures.items_per_second;
  if (goal.rate) worst = std::max(worst, *goal.rate * kRoom / std::max(rate, 1e-9));
  return worst;
}

bool comes_before(const RankedCandidate& a, const RankedCandidate& b, const Goal& goal) {
  if (a.suits != b.suits) return a.suits;
  if (a.tie != b.tie) return a.tie;
  if (!a.suits) {
    return std::tuple(shortfall(a, goal), preference(a.measured.candidate, goal)) <
           std::tuple(shortfall(b, goal), preference(b.measured.candidate, goal));
  }
  const double cost_a = a.tie ? 0 : cost_of(a, goal);
  const double cost_b = b.tie ? 0 : cost_of(b, goal);
  return std::tuple(cost_a, preference(a.measured.candidate, goal)) <
         std::tuple(cost_b, preference(b.measured.candidate, goal));
}

// What decides between two ties, said of `one`.
std::string difference(const Candidate& one, const Candidate& other, const Goal& goal) {
  const auto more = [](auto a, auto b) { return a > b ? "more" : "fewer"; };
  const Setup& a = one.setup;
  const Setup& b = other.setup;
  if (a.all_threads() != b.all_threads()) {
    return fmt::format("{} threads at work ({} and not {})", more(a.all_threads(), b.all_threads()),
                       a.all_threads(), b.all_threads());
  }
  if (a.instances != b.instances) {
    return fmt::format("{} instances ({} and not {}), so {} memory", more(a.instances, b.instances),
                       a.instances, b.instances, a.instances > b.instances ? "more" : "less");
  }
  if ((a.backend == goal.own_backend) != (b.backend == goal.own_backend))
    return a.backend == goal.own_backend ? "the model's own backend"
                                         : "not the model's own backend";
  if (one.batch_size != other.batch_size) {
    return one.batch_size > other.batch_size ? "larger batches, so longer waits"
                                             : "smaller batches, so shorter waits";
  }
  return "another backend";
}

std::string reason_not_suited(const RankedCandidate& one, const Goal& goal) {
  if (goal.rate && !carries(one.measured, goal)) {
    return fmt::format("carries {:.0f} rows a second: too few for {:.10g} with a quarter to spare",
                       one.measured.figures.items_per_second, *goal.rate);
  }
  return fmt::format("a full batch takes up to {:.3g} ms with its wait: more than {:g}",
                     one.full_ms, goal.latency_ms.value_or(0));
}

std::string reason_of_first(const std::vector<RankedCandidate>& ranked, const Goal& goal) {
  const RankedCandidate& first = ranked.front();
  std::string text = goal.rate ? fmt::format(
                                     "the least processor time for {:.10g} rows a second: "
                                     "{:.3g} us a row",
                                     *goal.rate, first.working_cpu_us)
                               : "the most rows a second";
  if (goal.latency_ms) text += fmt::format(" within {:g} ms", *goal.latency_ms);
  const RankedCandidate* least = &first;
  for (const RankedCandidate& one : ranked)
    if (one.tie && cost_of(one, goal) < cost_of(*least, goal)) least = &one;
  if (least == &first) return text;
  return fmt::format("within {:.0f} % of {}, with {}", kTie * 100, text,
                     difference(first.measured.candidate, least->measured.candidate, goal));
}

std::string reason_of(const RankedCandidate& one, const RankedCandidate& first, const Goal& goal) {
  if (!one.suits) return reason_not_suited(one, goal);
  if (one.tie) {
    return fmt::format("within {:.0f} %, a tie: {}", kTie * 100,
                       difference(one.measured.candidate, first.measured.candidate, goal));
  }
  if (!goal.rate) {
    const double part =
        one.measured.figures.items_per_second / first.measured.figures.items_per_second;
    return fmt::format("{:.0f} % fewer rows a second", (1 - part) * 100);
  }
  const double cost = one.working_cpu_us / std::max(first.working_cpu_us, 1e-9);
  if (cost <= 1 + kTie) {
    return fmt::format("no dearer, but answers within {:.3g} ms and not {:.3g}", one.working_ms,
                       first.working_ms);
  }
  return fmt::format("{:.0f} % more processor time a row", (cost - 1) * 100);
}

}  // namespace

std::vector<RankedCandidate> judge(const std::vector<MeasuredCandidate>& measured,
                                   const Goal& goal) {
  std::vector<RankedCandidate> ranked;
  ranked.reserve(measured.size());
  for (const MeasuredCandidate& one : measured)
    ranked.push_back(looked_at(one, measured, goal));
  mark_ties(ranked, goal);
  std::ranges::sort(ranked, [&](const RankedCandidate& a, const RankedCandidate& b) {
    return comes_before(a, b, goal);
  });
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    ranked[i].reason = i == 0 && ranked[i].suits ? reason_of_first(ranked, goal)
                                                 : reason_of(ranked[i], ranked.front(), goal);
  }
  return ranked;
}

std::string describe(const Goal& goal) {
  std::string text =
      goal.rate ? fmt::format("{:.10g} rows a second for the least processor time", *goal.rate)
                : "the most rows a second";
  if (goal.latency_ms)
    text += fmt::format(", full batches within {:g} ms with their wait", *goal.latency_ms);
  return text;
}

}  // namespace muster
