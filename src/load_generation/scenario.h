// SPDX-License-Identifier: Apache-2.0
// The four scenarios of MLPerf Inference, run by its own LoadGen, which decides when a sample is
// asked for and what is measured. A sample is a request here, with as many rows as it has.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load_generation/load_measurement.h"
#include "load_generation/server_target.h"

namespace muster {

enum class Scenario : std::uint8_t { kOffline, kServer, kSingleStream, kMultiStream };

// By MLPerf's name in any case, with or without a hyphen between words.
[[nodiscard]] std::optional<Scenario> parse_scenario(std::string_view name);
// "Offline", "Server", "SingleStream", "MultiStream".
[[nodiscard]] std::string_view scenario_name(Scenario scenario) noexcept;

struct ScenarioLoad {
  Scenario scenario = Scenario::kOffline;
  std::int64_t rows = 1;      // of a request
  double per_second = 0;      // kServer: samples, on average; above 0
  int samples_per_query = 8;  // kMultiStream: asked for at once
  Clock::Duration target_latency = std::chrono::milliseconds(15);  // kServer: of 99 % of samples
  // Before, in a closed loop, from which the number of samples is foreseen; some at least.
  Clock::Duration warm_up{0};
  Clock::Duration duration{0};  // that LoadGen goes on for at least
  Clock::Duration timeout = std::chrono::seconds(30);
  std::string log_folder;  // that there is: LoadGen writes its own logs into it
};

// As LoadGen counts; of queries with kMultiStream, else of samples. What was refused or failed is
// an answer to it: see `load`.
struct ScenarioMeasurement {
  LoadMeasurement load;  // counts and processor time; its latencies are our own
  double mean_ms = 0;
  double p50_ms = 0;
  double p90_ms = 0;
  double p99_ms = 0;
  double samples_per_second = 0;
  bool valid = false;
  std::string invalid_reason;  // mostly in LoadGen's words; "" where it is valid
};

// LoadGen lays every sample out beforehand.
inline constexpr double kMostSamples = 20e6;

// kUnimplemented, with what to do, where this build has no LoadGen.
[[nodiscard]] Status check_loadgen();

// One at a time in a process. Blocks. See check_loadgen(); kResourceExhausted where
// there would be more than kMostSamples samples; kUnavailable: nothing is answered any more.
[[nodiscard]] Result<ScenarioMeasurement> run_scenario(ServerTarget& target,
                                                       const ScenarioLoad& load, Clock& clock,
                                                       const LoadMeters& meters);

}  // namespace muster
