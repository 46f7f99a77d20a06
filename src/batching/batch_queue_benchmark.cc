// SPDX-License-Identifier: Apache-2.0
// What a request costs in the queue: handed in one after the other, as a front end does with all
// that one round of reading brought, taken in batches, cancelled while many wait.
#include "batching/batch_queue.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace muster {
namespace {

using Requests = std::vector<PendingRequestPtr>;

QueueOptions options(std::size_t levels = 1) {
  QueueOptions options;
  options.limits.max_rows = 64;
  options.levels.resize(levels);
  return options;
}

Requests make_requests(std::size_t count, std::uint64_t levels = 1) {
  std::mt19937 random(1);
  Requests requests;
  for (std::size_t i = 0; i < count; ++i) {
    requests.push_back(std::make_unique<PendingRequest>());
    requests.back()->request.ticket = new_ticket();
    requests.back()->request.priority = 1 + random() % levels;
  }
  return requests;
}

// Nobody sleeps: the workers are busy.
void hand_in_and_take(benchmark::State& state) {
  BatchingMetrics metrics;
  const auto levels = static_cast<std::size_t>(state.range(0));
  BatchQueue queue(options(levels), steady_clock(), metrics);
  Requests requests = make_requests(64, levels);
  Batch batch;
  for (auto _ : state) {
    for (PendingRequestPtr& request : requests)
      queue.offer(std::move(request));
    queue.take(0, batch);
    queue.finish(batch.runner);
    std::swap(requests, batch.requests);
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(hand_in_and_take)->ArgName("levels")->Arg(1)->Arg(4);

// One worker sleeps when the burst begins; what is timed is the thread that hands it in.
void hand_in_to_a_sleeper(benchmark::State& state) {
  BatchingMetrics metrics;
  BatchQueue queue(options(), steady_clock(), metrics);
  std::atomic<std::uint64_t> batches = 0;
  std::thread worker([&] {
    Batch batch;
    while (true) {
      queue.take(0, batch);
      if (batch.requests.empty()) return;
      ++batches;
      queue.finish(batch.runner);
    }
  });
  for (auto _ : state) {
    state.PauseTiming();
    while (metrics.waiting() > 0)
      std::this_thread::yield();
    std::this_thread::yield();
    Requests requests = make_requests(32);
    state.ResumeTiming();
    for (PendingRequestPtr& request : requests)
      queue.offer(std::move(request));
  }
  queue.close();
  worker.join();
  state.SetItemsProcessed(state.iterations() * 32);
  state.counters["batches_a_burst"] =
      benchmark::Counter(static_cast<double>(batches), benchmark::Counter::kAvgIterations);
}
BENCHMARK(hand_in_to_a_sleeper);

void cancel_among_4096(benchmark::State& state) {
  BatchingMetrics metrics;
  QueueOptions large = options();
  large.runners = 1;
  BatchQueue queue(large, steady_clock(), metrics);
  for (PendingRequestPtr& request : make_requests(4095))
    queue.offer(std::move(request));
  for (auto _ : state) {
    state.PauseTiming();
    Requests one = make_requests(1);
    const RequestTicket ticket = one[0]->request.ticket;
    queue.offer(std::move(one[0]));
    state.ResumeTiming();
    benchmark::DoNotOptimize(queue.cancel(ticket));
  }
}
BENCHMARK(cancel_among_4096);

}  // namespace
}  // namespace muster

BENCHMARK_MAIN();
