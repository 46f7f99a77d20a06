// SPDX-License-Identifier: Apache-2.0
// A closed loop as a server has it: a few threads hand requests in, keep a number of them in
// flight, and get their answers through completions, which only hand over.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <muster/service.h>

#include "bench/in_process/window.h"
#include "bench/statistics.h"

namespace muster::bench {

class Completions {
 public:
  // `make`: the request of a place, 0 to `in_flight` - 1; called by the thread that hands it in.
  using MakeRequest = std::function<InferRequest(std::size_t place)>;
  // `rows`: of each request. The service outlives it.
  Completions(ModelService& service, int in_flight, int threads, MakeRequest make,
              std::int64_t rows = 1);

  // A failed request is an exception. gather_us and compute_us are means over all requests, of the
  // batches that they were in.
  [[nodiscard]] Figures measure(double seconds);

 private:
  struct Producer;
  struct Stages {
    std::chrono::nanoseconds gather{0};
    std::chrono::nanoseconds compute{0};
  };
  struct Slot {
    std::size_t place = 0;
    Producer* producer = nullptr;
    std::chrono::steady_clock::time_point start;
    std::chrono::nanoseconds took{0};
    Stages stages;  // of its batch
    Status failure;
  };
  // A thread, and what is its own.
  struct Producer {
    std::vector<Slot*> slots;
    std::mutex mutex;
    std::condition_variable came;
    std::vector<Slot*> ready;
    std::atomic<std::uint64_t> answered{0};
    LatencyHistogram latencies;
    Stages stages;  // of all of these together
    std::int64_t measured = 0;
    int failures = 0;
    std::string first_failure;
  };

  static void hand_over(Slot& slot, Result<InferResponse> outcome);
  void submit(Slot& slot);
  void produce(Producer& producer);
  [[nodiscard]] std::uint64_t answered() const;

  ModelService& service_;
  const MakeRequest make_;
  const std::int64_t rows_;
  std::deque<Slot> slots_;
  std::deque<Producer> producers_;
  std::atomic<Phase> phase_{Phase::kWarming};
};

}  // namespace muster::bench
