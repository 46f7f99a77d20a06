// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "bench/bare_batcher.h"
#include "bench/experiment.h"
#include "bench/load.h"

namespace muster::bench {
namespace {

enum class Phase : int { kWarming, kMeasuring, kOver };

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// "8-15": sizes by powers of two.
std::string size_class(std::int64_t rows) {
  std::int64_t low = 1;
  while (low * 2 <= rows)
    low *= 2;
  return low == 1 ? "1" : std::to_string(low) + "-" + std::to_string(2 * low - 1);
}

void put_batches_into(Figures& figures, const ServiceStatistics& before,
                      const ServiceStatistics& after) {
  const auto batches = static_cast<double>(after.batches - before.batches);
  if (batches == 0) return;
  figures["rows_per_batch"] = static_cast<double>(after.rows - before.rows) / batches;
  for (const auto& [rows, count] : after.batches_by_rows) {
    const auto known = before.batches_by_rows.find(rows);
    const std::uint64_t earlier = known == before.batches_by_rows.end() ? 0 : known->second;
    figures["batches_of_" + size_class(rows) + "_percent"] +=
        100 * static_cast<double>(count - earlier) / batches;
  }
  for (std::size_t i = 0; i < kCloseReasonCount; ++i) {
    const std::uint64_t count = after.batches_by_reason[i] - before.batches_by_reason[i];
    figures["closed_by_" + std::string(close_reason_name(static_cast<CloseReason>(i))) +
            "_percent"] = 100 * static_cast<double>(count) / batches;
  }
}

// Warms up, measures for `seconds`, ends; `items` is asked at both ends of the measured time.
template <typename Items>
Figures measure_window(const ModelService* service, double seconds, std::atomic<Phase>& phase,
                       Items&& items) {
  sleep_seconds(seconds / 10);
  const ServiceStatistics before = service == nullptr ? ServiceStatistics() : service->statistics();
  const auto first = items();
  const Usage usage;
  phase = Phase::kMeasuring;
  sleep_seconds(seconds);
  Figures figures;
  usage.put_into(figures, static_cast<double>(items() - first));
  phase = Phase::kOver;
  if (service != nullptr) put_batches_into(figures, before, service->statistics());
  return figures;
}

// Threads that ask for one row, wait for it, and ask again; each calls an `Ask` of its own.
template <typename Ask>
class BlockingCallers {
 public:
  template <typename MakeAsk>
  BlockingCallers(int count, MakeAsk&& make_ask) {
    for (int i = 0; i < count; ++i)
      callers_.emplace_back(make_ask());
  }

  // `service`: whose batches are counted, if any.
  Figures measure(double seconds, const ModelService* service) {
    phase_ = Phase::kWarming;
    std::vector<std::thread> threads;
    for (Caller& caller : callers_) {
      caller.latencies = {};
      threads.emplace_back([&] { call(caller); });
    }
    Figures figures = measure_window(service, seconds, phase_, [this] { return answered(); });
    for (std::thread& thread : threads)
      thread.join();
    LatencyHistogram all;
    for (const Caller& caller : callers_) {
      if (caller.failure) std::rethrow_exception(caller.failure);
      all.add(caller.latencies);
    }
    put_into(figures, all);
    return figures;
  }

 private:
  struct alignas(64) Caller {
    explicit Caller(Ask of) : ask(std::move(of)) {}

    Ask ask;
    LatencyHistogram latencies;
    std::atomic<std::uint64_t> answered{0};  // written by its thread alone
    std::exception_ptr failure;
  };

  void call(Caller& caller) {
    try {
      for (Phase phase = phase_; phase != Phase::kOver; phase = phase_) {
        const auto start = WallClock::now();
        caller.ask();
        if (phase == Phase::kMeasuring) caller.latencies.record(since(start));
        caller.answered.store(caller.answered.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
      }
    } catch (...) {
      caller.failure = std::current_exception();
    }
  }

  std::uint64_t answered() const {
    std::uint64_t sum = 0;
    for (const Caller& caller : callers_)
      sum += caller.answered.load(std::memory_order_relaxed);
    return sum;
  }

  std::deque<Caller> callers_;
  std::atomic<Phase> phase_{Phase::kWarming};
};

// As a server does: one thread hands requests in, keeps that many in flight, and gets their answers
// through completions, which only hand over.
class Completions {
 public:
  Completions(ModelService& service, int in_flight) : service_(service) {
    for (int i = 0; i < in_flight; ++i)
      slots_.emplace_back(service);
  }

  Figures measure(double seconds) {
    phase_ = Phase::kWarming;
    latencies_ = {};
    std::thread producer([this] { produce(); });
    Figures figures = measure_window(&service_, seconds, phase_,
                                     [this] { return answered_.load(std::memory_order_relaxed); });
    producer.join();
    if (failures_ > 0) throw std::runtime_error("requests failed: " + first_failure_);
    put_into(figures, latencies_);
    return figures;
  }

 private:
  struct Slot {
    explicit Slot(const ModelService& service) : rows(service, 1) {}

    Rows rows;
    WallClock::time_point start;
    std::chrono::nanoseconds took{0};
    Status failure;
  };

  void hand_over(Slot& slot, Result<InferResponse> outcome) {
    slot.took = since(slot.start);
    slot.failure = std::move(outcome).status();
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = ready_.empty();
      ready_.push_back(&slot);
    }
    // The producer takes all there are, so that those after the first need no notification; under
    // the lock it would wake only to wait for the lock.
    if (first) came_.notify_one();
  }

  void submit(Slot& slot) {
    slot.start = WallClock::now();
    service_.infer(slot.rows.request(), [this, &slot](Result<InferResponse> outcome) {
      hand_over(slot, std::move(outcome));
    });
  }

  void produce() {
    std::vector<Slot*> taken;
    for (Slot& slot : slots_)
      submit(slot);
    for (std::size_t in_flight = slots_.size(); in_flight > 0;) {
      taken.clear();
      {
        std::unique_lock lock(mutex_);
        came_.wait(lock, [this] { return !ready_.empty(); });
        taken.swap(ready_);
      }
      const Phase phase = phase_;
      for (Slot* slot : taken) {
        if (phase == Phase::kMeasuring) latencies_.record(slot->took);
        if (!slot->failure.ok() && failures_++ == 0) first_failure_ = slot->failure.to_string();
        if (phase == Phase::kOver || failures_ > 0) {
          --in_flight;
        } else {
          submit(*slot);
        }
      }
      answered_.fetch_add(taken.size(), std::memory_order_relaxed);
    }
  }

  ModelService& service_;
  std::deque<Slot> slots_;
  std::atomic<Phase> phase_{Phase::kWarming};
  std::atomic<std::uint64_t> answered_{0};
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Slot*> ready_;
  // The producer's own.
  LatencyHistogram latencies_;
  int failures_ = 0;
  std::string first_failure_;
};

Comparison share(const std::string& contender, const std::string& of) {
  return {contender + "_of_" + of, [=](const Round& round) {
            return round.at(contender).at("items_per_s") / round.at(of).at("items_per_s");
          }};
}

Contender blocking_callers(const std::shared_ptr<ModelService>& service, const Workload& workload) {
  const auto make_ask = [&] {
    return [service, rows = Rows(*service, 1)] { expect(service->infer(rows.request())); };
  };
  using Callers = BlockingCallers<decltype(make_ask())>;
  const auto callers = std::make_shared<Callers>(workload.clients, make_ask);
  return {"blocking",
          [=, seconds = workload.seconds] { return callers->measure(seconds, service.get()); }};
}

Contender bare_callers(const std::string& model, const Workload& workload) {
  const auto make_ask = [](BareBatcher& batcher) {
    return [&batcher, row = picture_like(batcher.row_size()),
            call = std::make_unique<BareBatcher::Call>()] { batcher.infer(row, *call); };
  };
  using Callers = BlockingCallers<decltype(make_ask(std::declval<BareBatcher&>()))>;
  return {"bare", [=] {
            BareBatcher batcher(model, workload.clients);
            Callers callers(workload.clients, [&] { return make_ask(batcher); });
            return callers.measure(workload.seconds, nullptr);
          }};
}

}  // namespace

Experiment many_callers(const Workload& workload) {
  const std::shared_ptr<ModelService> service = open_service(workload);
  const std::string model = model_file(*service);
  const int instances = instances_of(workload);
  const auto raw = std::make_shared<RawLoops>(model, workload.batch, instances);
  const auto completions = std::make_shared<Completions>(*service, workload.clients);

  Experiment experiment;
  experiment.contenders = {
      {"raw", [=, seconds = workload.seconds] { return raw->measure(seconds); }},
      blocking_callers(service, workload),
      // The service must outlive what calls it.
      {"completions",
       [=, seconds = workload.seconds] { return (void)service, completions->measure(seconds); }}};
  experiment.comparisons = {share("blocking", "raw"), share("completions", "raw")};
  if (instances == 1) {
    experiment.contenders.push_back(bare_callers(model, workload));
    experiment.comparisons.push_back(share("bare", "raw"));
    experiment.comparisons.push_back(share("blocking", "bare"));
  }
  return experiment;
}

}  // namespace muster::bench
