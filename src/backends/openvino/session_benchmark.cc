// SPDX-License-Identifier: Apache-2.0
// LeNet through OpenVINO: a tight loop over the raw runtime with a fixed shape, and Muster's
// session with fixed batch sizes and with none. Arguments: rows, threads.
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <openvino/openvino.hpp>

#include "backends/openvino/backend.h"

namespace muster::openvino {
namespace {

constexpr std::size_t kPixels = 28 * 28;

std::string model_file() {
  return MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";
}

void raw(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  ov::Core core;
  const std::shared_ptr<ov::Model> model = core.read_model(model_file());
  model->reshape(ov::PartialShape{state.range(0), 1, 28, 28});
  ov::CompiledModel compiled = core.compile_model(
      model, "CPU", ov::num_streams(ov::streams::Num(1)),
      ov::inference_num_threads(static_cast<int>(state.range(1))),
      ov::hint::inference_precision(ov::element::f32), ov::hint::enable_cpu_pinning(false));
  ov::InferRequest request = compiled.create_infer_request();
  std::vector<float> input(rows * kPixels, 0.5F);
  request.set_input_tensor(ov::Tensor(ov::element::f32, {rows, 1, 28, 28}, input.data()));
  for (auto _ : state)
    request.infer();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void session(benchmark::State& state, const char* static_batch_sizes) {
  const auto rows = state.range(0);
  const auto backend = create_backend().value();
  ModelConfig config;
  config.parameters["STATIC_BATCH_SIZES"] = static_batch_sizes;
  const auto model =
      backend->load({model_file(), &config, static_cast<int>(state.range(1))}).value();
  const auto session = model->new_session().value();
  const Shape shape{rows, 1, 28, 28};
  const std::size_t size = static_cast<std::size_t>(rows) * kPixels * sizeof(float);
  std::memset(session->prepare_input(0, shape, size).value().data(), 0, size);
  for (auto _ : state) {
    benchmark::DoNotOptimize(session->prepare_input(0, shape, size).value().data());
    if (!session->run().ok()) state.SkipWithError("run failed");
    benchmark::DoNotOptimize(session->output(0).value().bytes.data());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

void batches(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t threads : {1, 2}) {
    for (const std::int64_t rows : {1, 2, 4, 8, 16, 32})
      benchmark->Args({rows, threads});
  }
  benchmark->UseRealTime();
}

BENCHMARK(raw)->Apply(batches);
BENCHMARK_CAPTURE(session, fixed_sizes, "1,2,4,8,16,32")->Apply(batches);
BENCHMARK_CAPTURE(session, any_size, "none")->Apply(batches);

}  // namespace
}  // namespace muster::openvino

BENCHMARK_MAIN();
