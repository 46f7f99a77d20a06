// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/advise/advice.h"
#include "app/result_writer.h"
#include "base/text.h"

namespace muster {
namespace {

// A number, or null where there is none.
std::string json_number(const std::optional<double>& value) {
  return value ? fmt::format("{:.10g}", *value) : "null";
}

std::string json_of(std::size_t rank, const RankedCandidate& ranked) {
  const MeasuredCandidate& one = ranked.measured;
  const Setup& setup = one.candidate.setup;
  return fmt::format(
      R"({{"rank":{},"backend":{},"instances":{},"threads":{},"batch_size":{},)"
      R"("items_per_second":{:.3f},"p50_ms":{:.6f},"p99_ms":{:.6f},"full_ms":{:.6f},)"
      R"("alone_ms":{:.6f},"cpu_us_per_item":{:.3f},"memory_mib":{:.2f},"rounds":{},)"
      R"("spread":{:.4f},"suits":{},"tie":{},"reason":{}}})",
      rank, json_string(setup.backend), setup.instances, setup.threads, one.candidate.batch_size,
      one.figures.items_per_second, one.figures.p50_ms, one.figures.p99_ms, ranked.full_ms,
      one.alone_ms, one.figures.cpu_us_per_item, one.memory_mib, one.rounds, one.spread,
      ranked.suits, ranked.tie, json_string(ranked.reason));
}

std::string json_of(const AdviceMiss& miss) {
  const std::string setup = miss.setup ? fmt::format(R"("instances":{},"threads":{})",
                                                     miss.setup->instances, miss.setup->threads)
                                       : R"("instances":null,"threads":null)";
  return fmt::format(R"({{"backend":{},{},"batch_sizes":[{}],"reason":{}}})",
                     json_string(miss.backend), setup, fmt::join(miss.sizes, ","),
                     json_string(miss.reason));
}

template <typename Item, typename Write>
std::string json_list(const std::vector<Item>& items, Write write) {
  std::string text = "[";
  for (std::size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : ",") + write(i, items[i]);
  return text + "]";
}

std::string title(const Advice& advice) {
  return fmt::format("{}: {}; {:g} s on {} {}, {} measured, {} of them in {} rounds\n",
                     printable(advice.model), describe(advice.goal), advice.seconds,
                     advice.thread_budget, advice.thread_budget == 1 ? "thread" : "threads",
                     advice.ranked.size(), advice.found.leaders, advice.found.rounds);
}

}  // namespace

AdviceFormat parse_advice_format(std::string_view name) noexcept {
  if (name == "csv") return AdviceFormat::kCsv;
  return name == "json" ? AdviceFormat::kJson : AdviceFormat::kTable;
}

std::string advice_table(const Advice& advice) {
  std::string text = title(advice);
  text += fmt::format(
      "{:>4} {:<12} {:>9} {:>7} {:>10} {:>16} {:>9} {:>9} {:>9} {:>9} {:>15} {:>10}"
      "  why\n",
      "rank", "backend", "instances", "threads", "batch_size", "items_per_second", "p50_ms",
      "p99_ms", "full_ms", "alone_ms", "cpu_us_per_item", "memory_mib");
  const std::size_t shown = std::min(advice.ranked.size(), kMostTableRows);
  for (std::size_t i = 0; i < shown; ++i) {
    const RankedCandidate& ranked = advice.ranked[i];
    const MeasuredCandidate& one = ranked.measured;
    const Setup& setup = one.candidate.setup;
    text += fmt::format(
        "{:>4} {:<12} {:>9} {:>7} {:>10} {:>16.1f} {:>9.4g} {:>9.4g} {:>9.4g} {:>9.4g} {:>15.2f} "
        "{:>10.1f}  {}\n",
        i + 1, printable(setup.backend), setup.instances, setup.threads, one.candidate.batch_size,
        one.figures.items_per_second, one.figures.p50_ms, one.figures.p99_ms, ranked.full_ms,
        one.alone_ms, one.figures.cpu_us_per_item, one.memory_mib, ranked.reason);
  }
  if (advice.ranked.size() > shown) {
    text += fmt::format("and {} more, which --format csv has too\n", advice.ranked.size() - shown);
  }
  for (const AdviceMiss& miss : advice.found.misses)
    text += "not measured: " + describe(miss) + "\n";
  return text;
}

std::string advice_csv(const Advice& advice) {
  std::string text =
      "rank,backend,instances,threads,batch_size,items_per_second,p50_ms,p99_ms,full_ms,alone_ms,"
      "cpu_us_per_item,memory_mib,rounds,spread,suits,tie,reason\n";
  for (std::size_t i = 0; i < advice.ranked.size(); ++i) {
    const RankedCandidate& ranked = advice.ranked[i];
    const MeasuredCandidate& one = ranked.measured;
    const Setup& setup = one.candidate.setup;
    text += fmt::format(
        "{},{},{},{},{},{:.3f},{:.6f},{:.6f},{:.6f},{:.6f},{:.3f},{:.2f},{},{:.4f},"
        "{},{},{}\n",
        i + 1, csv_field(setup.backend), setup.instances, setup.threads, one.candidate.batch_size,
        one.figures.items_per_second, one.figures.p50_ms, one.figures.p99_ms, ranked.full_ms,
        one.alone_ms, one.figures.cpu_us_per_item, one.memory_mib, one.rounds, one.spread,
        ranked.suits, ranked.tie, csv_field(ranked.reason));
  }
  return text;
}

std::string advice_words(const Advice& advice) {
  std::string text;
  if (advice.is_found()) {
    const RankedCandidate& first = advice.ranked.front();
    text +=
        fmt::format("\nadvice        {}: {}\n", describe(first.measured.candidate), first.reason);
  } else if (!advice.ranked.empty()) {
    text += fmt::format(
        "\nadvice        none: nothing that was measured gives {}; the nearest is "
        "rank 1\n",
        describe(advice.goal));
  }
  for (const TradeOff& one : trade_offs(advice))
    text += fmt::format("{:<13} {}\n", one.about, one.text);
  for (const std::string& remark : remarks(advice))
    text += fmt::format("{:<13} {}\n", "note", remark);
  return text;
}

std::string advice_json(const Advice& advice, const AdvisedConfig& config) {
  const auto candidates = json_list(
      advice.ranked, [](std::size_t i, const RankedCandidate& one) { return json_of(i + 1, one); });
  const auto misses = json_list(advice.found.misses,
                                [](std::size_t, const AdviceMiss& miss) { return json_of(miss); });
  const auto words = json_list(trade_offs(advice), [](std::size_t, const TradeOff& one) {
    return fmt::format(R"({{"about":{},"text":{}}})", json_string(one.about),
                       json_string(one.text));
  });
  const auto notes = json_list(
      remarks(advice), [](std::size_t, const std::string& remark) { return json_string(remark); });
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? std::string("null") : json_string(text);
  };
  return fmt::format(
      R"({{"model":{},"goal":{{"latency_ms":{},"rate":{}}},"thread_budget":{},"processor":{},)"
      R"("seconds":{:g},"leaders":{},"rounds":{},"noise":{:.4f},"stopped":{},"found":{},)"
      R"("candidates":{},"not_measured":{},"trade_offs":{},"remarks":{},"config":{},)"
      R"("config_path":{},"written":{}}})"
      "\n",
      json_string(advice.model), json_number(advice.goal.latency_ms), json_number(advice.goal.rate),
      advice.thread_budget, json_string(advice.processor), advice.seconds, advice.found.leaders,
      advice.found.rounds, advice.found.noise, advice.found.stopped, advice.is_found(), candidates,
      misses, words, notes, text_or_null(config.text), text_or_null(config.path), config.written);
}

}  // namespace muster
