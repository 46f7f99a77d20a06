// SPDX-License-Identifier: Apache-2.0
#include "bench/in_process/completions.h"

#include <stdexcept>
#include <thread>
#include <utility>

#include "bench/process_usage.h"

namespace muster::bench {

Completions::Completions(ModelService& service, int in_flight, int threads, MakeRequest make,
                         std::int64_t rows)
    : service_(service), make_(std::move(make)), rows_(rows) {
  for (int i = 0; i < threads; ++i)
    producers_.emplace_back();
  for (std::size_t i = 0; i < static_cast<std::size_t>(in_flight); ++i) {
    Producer& producer = producers_[i % producers_.size()];
    slots_.emplace_back();
    slots_.back().place = i;
    slots_.back().producer = &producer;
    producer.slots.push_back(&slots_.back());
  }
}

Figures Completions::measure(double seconds) {
  phase_ = Phase::kWarming;
  std::vector<std::thread> threads;
  for (Producer& producer : producers_) {
    producer.latencies = {};
    producer.stages = {};
    producer.measured = 0;
    threads.emplace_back([this, &producer] { produce(producer); });
  }
  Figures figures = measure_window(&service_, seconds, phase_, [this] { return answered(); });
  LatencyHistogram latencies;
  Stages stages;
  std::int64_t measured = 0;
  for (std::thread& thread : threads)
    thread.join();
  for (const Producer& producer : producers_) {
    if (producer.failures > 0)
      throw std::runtime_error("requests failed: " + producer.first_failure);
    latencies.add(producer.latencies);
    stages.gather += producer.stages.gather;
    stages.compute += producer.stages.compute;
    measured += producer.measured;
  }
  put_into(figures, latencies);
  if (measured == 0) return figures;
  const auto mean_us = [measured](std::chrono::nanoseconds of_all) {
    return static_cast<double>(of_all.count()) / 1e3 / static_cast<double>(measured);
  };
  figures["gather_us"] = mean_us(stages.gather);
  figures["compute_us"] = mean_us(stages.compute);
  return figures;
}

void Completions::hand_over(Slot& slot, Result<InferResponse> outcome) {
  slot.took = since(slot.start);
  if (outcome.ok()) slot.stages = {outcome->batch.gather, outcome->batch.compute};
  slot.failure = std::move(outcome).status();
  Producer& producer = *slot.producer;
  bool first = false;
  {
    const std::lock_guard lock(producer.mutex);
    first = producer.ready.empty();
    producer.ready.push_back(&slot);
  }
  // The producer takes all there are, so that those after the first need no notification; under
  // the lock it would wake only to wait for the lock.
  if (first) producer.came.notify_one();
}

void Completions::submit(Slot& slot) {
  slot.start = WallClock::now();
  service_.infer(make_(slot.place),
                 [&slot](Result<InferResponse> outcome) { hand_over(slot, std::move(outcome)); });
}

void Completions::produce(Producer& producer) {
  std::vector<Slot*> taken;
  for (Slot* slot : producer.slots)
    submit(*slot);
  for (std::size_t in_flight = producer.slots.size(); in_flight > 0;) {
    taken.clear();
    {
      std::unique_lock lock(producer.mutex);
      producer.came.wait(lock, [&] { return !producer.ready.empty(); });
      taken.swap(producer.ready);
    }
    const Phase phase = phase_;
    for (Slot* slot : taken) {
      if (phase == Phase::kMeasuring) {
        producer.latencies.record(slot->took);
        producer.stages.gather += slot->stages.gather;
        producer.stages.compute += slot->stages.compute;
        ++producer.measured;
      }
      if (!slot->failure.ok() && producer.failures++ == 0)
        producer.first_failure = slot->failure.to_string();
      if (phase == Phase::kOver || producer.failures > 0) {
        --in_flight;
      } else {
        submit(*slot);
      }
    }
    producer.answered.fetch_add(taken.size(), std::memory_order_relaxed);
  }
}

std::uint64_t Completions::answered() const {
  std::uint64_t sum = 0;
  for (const Producer& producer : producers_)
    sum += producer.answered.load(std::memory_order_relaxed);
  return sum * static_cast<std::uint64_t>(rows_);
}

}  // namespace muster::bench
