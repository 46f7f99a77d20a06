// SPDX-License-Identifier: Apache-2.0
#include "bench/served/best_raw_loop.h"

#include <cstdio>
#include <stdexcept>

#include <fmt/format.h>

namespace muster::bench {

std::string RawWay::name() const {
  if (loops > 1) return fmt::format("raw_{}_rows_{}_loops", batch, loops);
  return fmt::format("raw_{}_rows_{}_{}threads", batch, threads.count,
                     threads.spin ? "spinning_" : "");
}

std::vector<RawWay> raw_ways(const std::vector<std::int64_t>& sizes, int cores) {
  std::vector<RawWay> ways;
  for (const std::int64_t size : sizes) {
    ways.push_back({size, 1, {cores, false}});
    if (cores == 1) continue;
    ways.push_back({size, 1, {cores, true}});
    ways.push_back({size, cores, {}});
  }
  return ways;
}

RawLoop best_raw_loop(const std::string& model_file, const std::vector<RawWay>& ways,
                      double seconds) {
  RawLoop best;
  double most = 0;
  fmt::print("\nraw loops, rows a second:\n");
  for (const RawWay& way : ways) {
    auto loops = std::make_shared<RawLoops>(model_file, way.batch, way.loops, way.threads);
    const double rate = loops->measure(seconds).at("items_per_s");
    fmt::print("  {:{}}  {:>8.2f}\n", way.name(), 30, rate);
    std::fflush(stdout);
    if (rate <= most) continue;
    most = rate;
    best = {way, std::move(loops)};
  }
  if (best.loops == nullptr) throw std::runtime_error("there is no raw loop to measure");
  return best;
}

}  // namespace muster::bench
