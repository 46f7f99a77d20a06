// SPDX-License-Identifier: Apache-2.0
#include "bench/load.h"

#include <atomic>
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

RawLoops::RawLoops(const std::string& model_file, std::int64_t batch, int threads)
    : runtime_(model_file) {
  for (int i = 0; i < threads; ++i) {
    loops_.push_back(std::make_unique<RawRuntime::Loop>(runtime_, batch));
  }
}

Figures RawLoops::measure(double seconds) {
  const std::int64_t batch = loops_.front()->batch();
  if (loops_.size() == 1) return measure_calls(seconds, batch, [&] { loops_.front()->run(); });
  std::atomic<std::int64_t> runs{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  const Usage usage;
  for (const auto& loop : loops_) {
    threads.emplace_back([&, each = loop.get()] {
      while (!stop.load(std::memory_order_relaxed)) {
        each->run();
        runs.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  Figures figures;
  usage.put_into(figures, static_cast<double>(runs.load() * batch));
  stop = true;
  return figures;
}

}  // namespace muster::bench
