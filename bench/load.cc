// SPDX-License-Identifier: Apache-2.0
#include "bench/load.h"

#include <atomic>
#include <latch>
#include <numeric>
#include <thread>

namespace muster::bench {

int instances_of(const Workload& workload) {
  if (workload.instances > 0) return workload.instances;
  return workload.cores > 0 ? workload.cores : static_cast<int>(usable_cores().size());
}

std::unique_ptr<ModelService> open_service(const Workload& workload, std::int64_t max_batch_size) {
  ServiceOptions options;
  options.threads = 1;
  options.instance_count = instances_of(workload);
  if (max_batch_size > 0) options.max_batch_size = max_batch_size;
  if (workload.delay_us >= 0)
    options.max_queue_delay = std::chrono::microseconds(workload.delay_us);
  return expect(ModelService::open(workload.model, options));
}

std::string model_file(const ModelService& service) {
  return expect(service.describe(""))->file;
}

Rows::Rows(const ModelService& service, std::int64_t rows) {
  const TensorSpec& input = service.signature().inputs.at(0);
  input_ = input.name;
  shape_ = input.shape;
  shape_.set(0, rows);
  values_ = picture_like(expect(element_count(shape_)));
}

InferRequest Rows::request() const {
  InferRequest request;
  request.add_input(input_, TensorView{DataType::kFp32, shape_, std::as_bytes(std::span(values_))});
  return request;
}

RawLoops::RawLoops(const std::string& model_file, std::int64_t batch, int loops,
                   const RawThreads& threads_of_each)
    : runtime_(model_file, threads_of_each) {
  for (int i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<RawRuntime::Loop>(runtime_, batch));
    loops_.back()->run();  // the first takes longer
  }
}

Figures RawLoops::measure(double seconds) {
  const std::int64_t batch = loops_.front()->batch();
  if (loops_.size() == 1) return measure_calls(seconds, batch, [&] { loops_.front()->run(); });
  const auto length = std::chrono::duration<double>(seconds);
  std::atomic<std::int64_t> runs{0};
  std::vector<double> runs_per_second(loops_.size());
  std::latch ended(static_cast<std::ptrdiff_t>(loops_.size()));
  std::latch counted(1);  // what a thread has used is known until it is gone
  std::vector<std::jthread> threads;
  const Usage usage;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto begin = WallClock::now();
      std::int64_t own = 0;
      for (; WallClock::now() - begin < length; ++own)
        loops_[i]->run();
      runs_per_second[i] =
          static_cast<double>(own) / std::chrono::duration<double>(since(begin)).count();
      runs += own;
      ended.count_down();
      counted.wait();
    });
  }
  ended.wait();
  Figures figures;
  usage.put_into(figures, static_cast<double>(runs.load() * batch));
  counted.count_down();
  // Where one ends sooner than the other, its own time counts.
  figures["items_per_s"] = static_cast<double>(batch) *
                           std::accumulate(runs_per_second.begin(), runs_per_second.end(), 0.0);
  return figures;
}

}  // namespace muster::bench
