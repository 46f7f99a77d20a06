// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/advise/advice.h"
#include "app/subject/ways.h"
#include "base/text.h"

namespace muster {
namespace {

using Condition = std::function<bool(const Candidate&)>;

std::string counted(int count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// The best of those that a condition holds for, by rank; null where there is none.
const RankedCandidate* best_where(const Advice& advice, const Condition& holds) {
  const auto found = std::ranges::find_if(
      advice.ranked, [&](const RankedCandidate& one) { return holds(one.measured.candidate); });
  return found == advice.ranked.end() ? nullptr : &*found;
}

// "12345 rows a second (8 % fewer)"
std::string throughput_beside(const RankedCandidate& one, const RankedCandidate& first) {
  const double rate = one.measured.figures.items_per_second;
  const double most = first.measured.figures.items_per_second;
  const double part = most > 0 ? (rate / most - 1) * 100 : 0;
  return fmt::format("{:.0f} rows a second ({:.0f} % {})", rate, std::abs(part),
                     part < 0 ? "fewer" : "more");
}

std::string load_of_cpu(const Advice& advice) {
  const Setup& chosen = advice.ranked.front().measured.candidate.setup;
  const int free = advice.thread_budget - chosen.all_threads();
  return fmt::format(
      "{} of {} {} up to {} of {} busy: {}.", counted(chosen.instances, "instance"),
      counted(chosen.threads, "thread"), chosen.instances == 1 ? "keeps" : "keep",
      chosen.all_threads(), counted(advice.thread_budget, "processor"),
      free > 0 ? "the others are left to other models, HTTP and gRPC"
               : "other models, HTTP and gRPC take turns with it when it is at full load");
}

std::string load_of_gpu(const Setup& chosen) {
  return fmt::format(
      "{} on a GPU, which models there take turns with; processors fill and empty its batches.",
      counted(chosen.instances, "instance"));
}

std::string deployment(const Advice& advice) {
  const RankedCandidate& first = advice.ranked.front();
  const Setup& chosen = first.measured.candidate.setup;
  std::string text = computes_on_gpu(chosen.backend) ? load_of_gpu(chosen) : load_of_cpu(advice);
  const RankedCandidate* const other = best_where(advice, [&](const Candidate& candidate) {
    return candidate.setup.backend == chosen.backend &&
           candidate.setup.instances != chosen.instances;
  });
  if (other == nullptr) return text;
  const Setup& setup = other->measured.candidate.setup;
  return text + fmt::format(" With {} of {}: {}; a row alone takes {:.3g} ms and not {:.3g}.",
                            counted(setup.instances, "instance"), counted(setup.threads, "thread"),
                            throughput_beside(*other, first), other->measured.alone_ms,
                            first.measured.alone_ms);
}

std::string backends(const Advice& advice) {
  const RankedCandidate& first = advice.ranked.front();
  const std::string& chosen = first.measured.candidate.setup.backend;
  std::string text =
      printable(chosen) + (chosen == advice.goal.own_backend ? ", the model's own." : ".");
  std::set<std::string> told = {chosen};
  for (const RankedCandidate& one : advice.ranked) {
    const Candidate& candidate = one.measured.candidate;
    if (!told.insert(candidate.setup.backend).second) continue;
    text += fmt::format(" The best of {}: {}, {} of {}, batches of {}.",
                        printable(candidate.setup.backend), throughput_beside(one, first),
                        counted(candidate.setup.instances, "instance"),
                        counted(candidate.setup.threads, "thread"), candidate.batch_size);
  }
  for (const AdviceMiss& miss : advice.found.misses)
    if (told.insert(miss.backend).second)
      text += fmt::format(" {} could not be measured.", printable(miss.backend));
  return text + " Whether answers are the same, muster verify says.";
}

std::string dynamic_batch(const Advice& advice) {
  const RankedCandidate& first = advice.ranked.front();
  const MeasuredCandidate& one = first.measured;
  if (!advice.single_rows.empty()) return "Requests run one by one: " + advice.single_rows + ".";
  std::string text = fmt::format(
      "A full batch of {} runs {:.3g} ms; 99 of 100 requests that just miss one are answered "
      "within {:.3g} ms, as long as no more comes than can be run.",
      one.candidate.batch_size, one.figures.p50_ms, first.full_ms);
  if (advice.goal.queue_delay_ms > 0) {
    text += fmt::format(" {:g} ms of that are the delay that the configuration lets requests wait.",
                        advice.goal.queue_delay_ms);
  }
  text += fmt::format(
      " Batches are only as large as what waits: a row that comes alone runs {:.3g} ms.",
      one.alone_ms);
  if (advice.goal.rate) {
    text += fmt::format(" At {:.10g} rows a second they are of about {}.", *advice.goal.rate,
                        counted(static_cast<int>(first.working_size), "row"));
  }
  const RankedCandidate* const half = best_where(advice, [&](const Candidate& candidate) {
    return candidate == Candidate{one.candidate.setup, one.candidate.batch_size / 2};
  });
  if (half != nullptr) {
    text += fmt::format(" With at most {}: {}, {:.3g} ms.", half->measured.candidate.batch_size,
                        throughput_beside(*half, first), half->full_ms);
  }
  return text;
}

std::string memory(const Advice& advice) {
  const MeasuredCandidate& first = advice.ranked.front().measured;
  std::string text =
      fmt::format("About {:.0f} MiB beside the runtime's own, with {} at work on batches of {}.",
                  first.memory_mib, counted(first.candidate.setup.instances, "instance"),
                  first.candidate.batch_size);
  const RankedCandidate* least = nullptr;
  for (const RankedCandidate& one : advice.ranked) {
    if (one.suits && (least == nullptr || one.measured.memory_mib < least->measured.memory_mib))
      least = &one;
  }
  if (least == nullptr || least->measured.candidate == first.candidate) return text;
  return text + fmt::format(" The least of all that suit is {:.0f} MiB: {}, {}.",
                            least->measured.memory_mib, describe(least->measured.candidate),
                            throughput_beside(*least, advice.ranked.front()));
}

// "onnxruntime+cuda, tensorrt": those that ran on a GPU, each once.
std::string ran_on_gpus(const Advice& advice) {
  std::vector<std::string> names;
  for (const RankedCandidate& one : advice.ranked) {
    const std::string& name = one.measured.candidate.setup.backend;
    if (computes_on_gpu(name) && std::ranges::find(names, name) == names.end())
      names.push_back(name);
  }
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string hardware(const Advice& advice) {
  const std::string on_gpus = ran_on_gpus(advice);
  std::string accelerators =
      advice.accelerators.empty()
          ? "Accelerators and GPUs were not tried"
          : "With " + printable(advice.accelerators) + " where the configuration asks for it";
  if (!on_gpus.empty()) accelerators = "On a GPU: " + printable(on_gpus);
  return fmt::format("Measured on {}, {} for this process. On others ask again. {}.",
                     advice.processor.empty() ? "this machine" : printable(advice.processor),
                     counted(advice.thread_budget, "thread"), accelerators);
}

}  // namespace

std::vector<TradeOff> trade_offs(const Advice& advice) {
  if (!advice.is_found()) return {};
  return {{"deployment", deployment(advice)},
          {"backend", backends(advice)},
          {"dynamic batch", dynamic_batch(advice)},
          {"memory", memory(advice)},
          {"hardware", hardware(advice)}};
}

std::vector<std::string> remarks(const Advice& advice) {
  std::vector<std::string> texts;
  if (advice.found.stopped) texts.emplace_back("stopped before the end: this is what was known");
  if (advice.found.noise > kNoisy) {
    texts.push_back(fmt::format(
        "this machine was not quiet: rounds of one candidate differ by up to {:.0f} %, so that "
        "ranks that are nearer to each other mean nothing; end other programs, and ask again",
        advice.found.noise * 100));
  }
  if (!advice.found.stopped && !advice.ranked.empty() &&
      advice.ranked.front().measured.rounds < 3) {
    texts.push_back(fmt::format(
        "{:g} s were too short to measure the best again in turns: the ranks rest on a short look; "
        "give more with --seconds",
        advice.seconds));
  }
  return texts;
}

}  // namespace muster
