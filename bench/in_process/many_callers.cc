// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <deque>
#include <exception>
#include <thread>

#include "bench/experiment.h"
#include "bench/in_process/bare_batcher.h"
#include "bench/in_process/completions.h"
#include "bench/in_process/window.h"
#include "bench/load.h"

namespace muster::bench {
namespace {

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
  const auto rows = std::make_shared<Rows>(*service, 1);
  const auto completions = std::make_shared<Completions>(
      *service, workload.clients, 1, [rows](std::size_t) { return rows->request(); });

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
