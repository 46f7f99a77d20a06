// SPDX-License-Identifier: Apache-2.0
// What `muster advise` chooses among, and what it has found out of it. Plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace muster {

// How a model is run: by which backend, how many batches at a time, on how many threads each.
struct Setup {
  std::string backend;  // or a way below it, "onnxruntime+cuda" (app/subject/ways.h)
  int instances = 1;
  int threads = 1;

  [[nodiscard]] int all_threads() const noexcept { return instances * threads; }
  friend auto operator<=>(const Setup&, const Setup&) = default;
};

struct Candidate {
  Setup setup;
  std::int64_t batch_size = 1;

  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// What one measurement said, with all instances at work; or the medians of several.
struct Figures {
  double items_per_second = 0;
  double p50_ms = 0;  // of a run
  double p99_ms = 0;
  double cpu_us_per_item = 0;
};

struct MeasuredCandidate {
  Candidate candidate;
  Figures figures;
  int rounds = 0;       // that the figures are medians of; 0 = of a first, short look
  double spread = 0;    // of the throughput of the rounds: largest less smallest, by the median
  double alone_ms = 0;  // a run of one row while nothing else runs: its median
  // That the process took for this setup and batch size beside the runtime; about, and never less
  // than 0.
  double memory_mib = 0;
};

// What could not be measured.
struct AdviceMiss {
  std::string backend;
  std::optional<Setup> setup = {};       // nothing: no setup of the backend
  std::vector<std::int64_t> sizes = {};  // empty: no size of the setup
  std::string reason = {};
};

// What the model is wanted for. Nothing said: as many rows a second as can be.
struct Goal {
  std::optional<double> latency_ms = {};  // no full batch may take longer, its wait included
  std::optional<double> rate = {};  // rows a second that must be carried, as cheaply as can be
  double queue_delay_ms = 0;        // that requests wait for others, by the configuration
  std::string own_backend = {};     // the model's own
};

// "onnxruntime, 2 instances of 1 thread"
[[nodiscard]] std::string describe(const Setup& setup);
// "onnxruntime, 2 instances of 1 thread, batches of 8"
[[nodiscard]] std::string describe(const Candidate& candidate);
// The same of what could not be measured, with the reason; no line break.
[[nodiscard]] std::string describe(const AdviceMiss& miss);

}  // namespace muster
