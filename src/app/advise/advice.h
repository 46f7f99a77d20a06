// SPDX-License-Identifier: Apache-2.0
// Advice: what `muster advise` has to say of a model, and its texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/advise/advise_plan.h"
#include "app/advise/candidate.h"
#include "app/advise/judge.h"

namespace muster {

struct Advice {
  std::string model;
  Goal goal;
  std::string processor;  // "AMD EPYC"
  int thread_budget = 1;
  double seconds = 0;  // that were to be spent
  PlanResults found;
  std::vector<RankedCandidate> ranked;
  std::string single_rows;   // why only batches of one row are possible; "" = more are
  std::string accelerators;  // that the configuration asks for: "cuda, tensorrt"; "" = none

  // Something was measured, and the first of it does what was asked for.
  [[nodiscard]] bool is_found() const noexcept { return !ranked.empty() && ranked.front().suits; }
};

// What speaks for the first and what it costs, in whole sentences.
struct TradeOff {
  std::string_view about;  // "deployment"
  std::string text;
};
[[nodiscard]] std::vector<TradeOff> trade_offs(const Advice& advice);

// What is to be known of the measurements themselves: noise, too little time, an early end. Each a
// sentence without its full stop.
[[nodiscard]] std::vector<std::string> remarks(const Advice& advice);

enum class AdviceFormat : std::uint8_t { kTable, kCsv, kJson };
// "csv", "json"; all else is a table.
[[nodiscard]] AdviceFormat parse_advice_format(std::string_view name) noexcept;

// Rows of the table that people see; CSV and JSON have all.
inline constexpr std::size_t kMostTableRows = 12;

// The ranks. Ends in a line break. Not of JSON.
[[nodiscard]] std::string advice_table(const Advice& advice);
[[nodiscard]] std::string advice_csv(const Advice& advice);
// What was chosen, with its trade-offs and remarks, in words.
[[nodiscard]] std::string advice_words(const Advice& advice);

// What the chosen candidate's configuration is, and where it goes.
struct AdvisedConfig {
  std::string text;  // "" = nothing is advised
  std::string path;  // "" = no model folder
  bool written = false;
};
// All of it as one object on a line.
[[nodiscard]] std::string advice_json(const Advice& advice, const AdvisedConfig& config);

}  // namespace muster
