// SPDX-License-Identifier: Apache-2.0
// A session's cost over the raw runtime: the same model and batch, once by a tight loop over
// Ort::Session::Run with everything bound beforehand, once through Muster's Session.
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <onnxruntime_cxx_api.h>

#include "backends/onnxruntime/backend.h"

namespace muster::onnxruntime {
namespace {

constexpr std::size_t kPixels = 28 * 28;
constexpr std::size_t kClasses = 10;

std::string model_file() {
  return MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";
}

void raw(benchmark::State& state) {
  const auto rows = state.range(0);
  const auto count = static_cast<std::size_t>(rows);
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  const Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "raw");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(static_cast<int>(state.range(1)));
  options.SetInterOpNumThreads(1);
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  Ort::Session session(environment, model_file().c_str(), options);
  const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  std::vector<float> input(count * kPixels, 0.5F);
  std::vector<float> output(count * kClasses);
  const std::int64_t input_shape[] = {rows, 1, 28, 28};
  const std::int64_t output_shape[] = {rows, kClasses};
  const Ort::Value input_value =
      Ort::Value::CreateTensor<float>(memory, input.data(), input.size(), input_shape, 4);
  const Ort::Value output_value =
      Ort::Value::CreateTensor<float>(memory, output.data(), output.size(), output_shape, 2);
  Ort::IoBinding binding(session);
  binding.BindInput("input", input_value);
  binding.BindOutput("output", output_value);
  const Ort::RunOptions run_options;
  for (auto _ : state) {
    session.Run(run_options, binding);
    benchmark::DoNotOptimize(output.data());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

void bound_session(benchmark::State& state) {
  const auto rows = state.range(0);
  const auto backend = create_backend().value();
  const ModelConfig config;
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

// Rows, threads.
void batches(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t threads : {1, 2}) {
    for (const std::int64_t rows : {1, 8, 32})
      benchmark->Args({rows, threads});
  }
  benchmark->UseRealTime();
}

BENCHMARK(raw)->Apply(batches);
BENCHMARK(bound_session)->Apply(batches);

}  // namespace
}  // namespace muster::onnxruntime

BENCHMARK_MAIN();
