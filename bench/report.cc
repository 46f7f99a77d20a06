// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <algorithm>

#include <fmt/format.h>

namespace muster::bench {
namespace {

const Target* target_of(const Workload& workload, const std::string& comparison) {
  const auto found = std::find_if(workload.targets.begin(), workload.targets.end(),
                                  [&](const Target& t) { return t.comparison == comparison; });
  return found == workload.targets.end() ? nullptr : &*found;
}

bool meets(const Target& target, const Spread& value) {
  return target.at_most ? value.median <= target.bound : value.median >= target.bound;
}

std::string in_words(const Target& target) {
  return fmt::format("{} {:g}", target.at_most ? "<=" : ">=", target.bound);
}

// Columns of the table; a contender shows those it has.
struct Column {
  const char* title;
  const char* metric;
  int decimals;
};
constexpr Column kColumns[] = {{"items/s", "items_per_s", 0},
                               {"p50 us", "p50_us", 1},
                               {"p90 us", "p90_us", 1},
                               {"p99 us", "p99_us", 1},
                               {"CPU us/item", "cpu_us_per_item", 2},
                               {"switches/item", "switches_per_item", 3},
                               {"rows/batch", "rows_per_batch", 1},
                               {"gather us", "gather_us", 0},
                               {"compute us", "compute_us", 0},
                               {"wall ms", "wall_ms", 1},
                               {"client us", "client_cpu_us_per_item", 2},
                               {"good/s", "good_per_s", 0},
                               {"late %", "late_percent", 2},
                               {"of clairv.", "of_clairvoyant", 3},
                               {"grid of it", "grid_of_clairvoyant", 3},
                               {"timed grid", "grid_with_timeouts_of_clairvoyant", 3},
                               {"refused %", "refused_percent", 1},
                               {"resident MiB", "resident_mib", 1},
                               {"offered/s", "offered_per_s", 0},
                               {"SM MHz", "sm_mhz", 0},
                               {"W", "watts", 0}};

std::string cell(const std::map<std::string, Spread>& figures, const Column& column) {
  const auto found = figures.find(column.metric);
  if (found == figures.end()) return "-";
  return fmt::format("{:.{}f}", found->second.median, column.decimals);
}

// Those of the table's figures that say how a batch came to be.
void print_batches(const std::string& name, const std::map<std::string, Spread>& figures) {
  std::string sizes;
  for (const auto& [metric, spread] : figures) {
    if (!metric.starts_with("batches_of_") && !metric.starts_with("closed_by_")) continue;
    if (spread.median < 0.5) continue;
    std::string what = metric.substr(0, metric.rfind('_'));
    std::replace(what.begin(), what.end(), '_', ' ');
    sizes += fmt::format("{}{} {:.0f} %", sizes.empty() ? "" : ", ", what, spread.median);
  }
  if (!sizes.empty()) fmt::print("  {}: {}\n", name, sizes);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text)
    out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

void write_line(std::FILE* file, const RunFacts& facts, const Workload& workload, double load,
                const std::string& subject, const std::string& metric, const Spread& value,
                const Target* target) {
  fmt::print(file, "{},{},{},{},{},{},{:.2f},{},{},{},{},{},{:.6g},{:.6g},{:.6g},{},{}\n",
             facts.started, facts.commit, quoted(facts.machine.processor), facts.machine.cores,
             quoted(facts.machine.kernel), quoted(facts.runtime), load, facts.quick ? 1 : 0,
             workload.name, workload.rounds, subject, metric, value.median, value.min, value.max,
             target == nullptr ? "" : in_words(*target),
             target == nullptr ? "" : (meets(*target, value) ? "met" : "missed"));
}

}  // namespace

void print_head(const RunFacts& facts) {
  fmt::print("muster bench at {}, commit {}{}\n{}, {} cores, {}, {}, load average {:.2f}\n",
             facts.started, facts.commit, facts.quick ? ", quick: for a first look only" : "",
             facts.machine.processor, facts.machine.cores, facts.machine.kernel, facts.runtime,
             load_average());
}

void print_table(const Workload& workload, const Outcome& outcome) {
  fmt::print("\n{}: {}\n  {} rounds, medians\n", workload.name, workload.what, workload.rounds);
  std::size_t width = 0;
  for (const auto& [name, figures] : outcome.contenders)
    width = std::max(width, name.size());
  for (const auto& [name, value] : outcome.comparisons)
    width = std::max(width, name.size());

  std::vector<Column> shown;
  for (const Column& column : kColumns) {
    if (std::any_of(outcome.contenders.begin(), outcome.contenders.end(),
                    [&](const auto& each) { return each.second.contains(column.metric); })) {
      shown.push_back(column);
    }
  }
  fmt::print("  {:{}}", "", width);
  for (const Column& column : shown)
    fmt::print("  {:>13}", column.title);
  fmt::print("\n");
  for (const auto& [name, figures] : outcome.contenders) {
    fmt::print("  {:{}}", name, width);
    for (const Column& column : shown)
      fmt::print("  {:>13}", cell(figures, column));
    fmt::print("\n");
  }
  for (const auto& [name, figures] : outcome.contenders)
    print_batches(name, figures);
  for (const auto& [name, value] : outcome.comparisons) {
    const Target* target = target_of(workload, name);
    const auto where = outcome.wheres.find(name);
    fmt::print("  {:{}}  {:>13.3f}  ({:.3f} to {:.3f}){}{}\n", name, width, value.median, value.min,
               value.max,
               target == nullptr ? ""
                                 : fmt::format("  target {}: {}", in_words(*target),
                                               meets(*target, value) ? "met" : "MISSED"),
               where == outcome.wheres.end() ? "" : "  at " + where->second);
  }
  std::fflush(stdout);
}

void write_csv_header(std::FILE* file) {
  fmt::print(file,
             "started,commit,processor,cores,kernel,runtime,load,quick,workload,rounds,subject,"
             "metric,median,min,max,target,verdict\n");
}

void write_csv(std::FILE* file, const RunFacts& facts, const Workload& workload, double load,
               const Outcome& outcome) {
  for (const auto& [name, figures] : outcome.contenders) {
    for (const auto& [metric, spread] : figures) {
      write_line(file, facts, workload, load, name, metric, spread, nullptr);
    }
  }
  for (const auto& [name, value] : outcome.comparisons) {
    write_line(file, facts, workload, load, "comparison", name, value, target_of(workload, name));
  }
  std::fflush(file);
}

Verdict judge(const Workload& workload, const Outcome& outcome) {
  Verdict verdict;
  for (const auto& [name, value] : outcome.comparisons) {
    const Target* target = target_of(workload, name);
    if (target == nullptr) continue;
    ++(meets(*target, value) ? verdict.met : verdict.missed);
  }
  return verdict;
}

}  // namespace muster::bench
