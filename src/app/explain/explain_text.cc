// SPDX-License-Identifier: Apache-2.0
#include "app/explain/explain_text.h"

#include <chrono>

#include <fmt/format.h>

#include "base/text.h"

namespace muster {
namespace {

double in_ms(std::chrono::nanoseconds length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

std::string target_lines(const BatchingExplanation& one) {
  std::string text = fmt::format("target        {:.6g} ms from coming in to going out\n",
                                 in_ms(one.latency_target));
  text += fmt::format("delivery      {:.3f} ms of it, as answers go out\n", in_ms(one.delivery));
  text += fmt::format("arrivals      {:.1f} rows a second", one.rows_per_second);
  if (one.rows_per_second_at_most > 0) {
    text += fmt::format(" of at most {:.1f} that can be run in time ({:.0f} %)",
                        one.rows_per_second_at_most,
                        100 * one.rows_per_second / one.rows_per_second_at_most);
  }
  text += '\n';
  if (one.best_rows > 0) {
    text += fmt::format("batches       up to {} rows; {} keep up with the arrivals\n",
                        one.best_rows, one.needed_rows);
  }
  text += fmt::format("dropped       {} requests, for those behind them\n", one.dropped);
  return text;
}

std::string settings_lines(const BatchingExplanation& one) {
  return fmt::format(
      "target        none (parameter latency_target_ms)\nbatches       up to {} rows, "
      "{}\ndelay         {:.6g} ms\n",
      one.max_batch_size, one.merges ? "shared by several requests" : "one request each",
      in_ms(one.max_queue_delay));
}

std::string cost_table(const BatchingExplanation& one) {
  if (one.costs.empty()) return "costs         nothing has been run yet\n";
  std::string text = fmt::format("\n{:>8} {:>12} {:>12} {:>12} {:>10}\n", "rows", "typical_ms",
                                 "cautious_ms", "rows_per_s", "batches");
  for (const BatchingExplanation::Cost& cost : one.costs) {
    const double typical = in_ms(cost.typical);
    text += fmt::format(
        "{:>8} {:>12.3f} {:>12} {:>12.1f} {:>10}\n", cost.rows, typical,
        cost.cautious.count() > 0 ? fmt::format("{:.3f}", in_ms(cost.cautious)) : "",
        typical > 0 ? 1000 * static_cast<double>(cost.rows) / typical : 0.0, cost.batches);
  }
  return text + '\n';
}

}  // namespace

std::string explain_text(const BatchingExplanation& one) {
  std::string text =
      fmt::format("model         {}, version {}, {} {}\n", printable(one.name), one.version,
                  one.instance_count, one.instance_count == 1 ? "instance" : "instances");
  text += one.latency_target.count() > 0 ? target_lines(one) : settings_lines(one);
  if (const ModelPreparation& preparation = one.preparation;
      preparation.state != PreparationState::kNone) {
    text += fmt::format("preparation   {}", preparation_state_name(preparation.state));
    if (preparation.state == PreparationState::kBuilding)
      text += fmt::format(", {:.0f} % are done", 100 * preparation.done);
    if (!preparation.stand_in.empty())
      text += fmt::format(", {} serves", printable(preparation.stand_in));
    if (!preparation.reason.empty())
      text += fmt::format(": {}", printable(preparation.reason, 4096));
    text += '\n';
  }
  text +=
      fmt::format("decision      {}: {}\n", printable(one.decision), printable(one.reason, 4096));
  text += cost_table(one);
  text += "decided so far\n";
  for (const BatchingExplanation::Count& count : one.decisions)
    text += fmt::format("  {:<12} {}\n", printable(count.reason), count.count);
  return text;
}

}  // namespace muster
