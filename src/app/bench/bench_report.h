// SPDX-License-Identifier: Apache-2.0
// What the process that measures a backend reports to the one that prints it, as messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "app/bench/bench_results.h"

namespace muster {

// The backend has loaded the model.
struct BenchOpened {
  std::string runtime;  // its version
  std::int64_t largest_batch_size = 1;
};

struct BenchMeasured {
  BenchRow row;
  double own_share = 0;  // BatchMeasurement::own_share
};

using BenchReport = std::variant<BenchOpened, BenchMeasured, BenchMiss>;

[[nodiscard]] std::string message_of(const BenchReport& report);
// Nothing: it is no such message.
[[nodiscard]] std::optional<BenchReport> report_of(std::string_view message);

}  // namespace muster
