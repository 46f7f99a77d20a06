// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/raw_engine.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include <NvInferRuntime.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

namespace muster::bench {
namespace {

void check(cudaError_t outcome, const char* what) {
  if (outcome == cudaSuccess) return;
  throw std::runtime_error(fmt::format("{}: {}", what, cudaGetErrorString(outcome)));
}
void check(bool outcome, const char* what) {
  if (!outcome) throw std::runtime_error(fmt::format("TensorRT: {} failed", what));
}

class Log final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override {
    if (severity <= Severity::kERROR) std::fprintf(stderr, "TensorRT: %s\n", message);
  }
};

// Of the whole process: TensorRT keeps the first that it is given.
Log& the_log() {
  static auto* const log = new Log;
  return *log;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t element_bytes(nvinfer1::DataType type) {
  if (type == nvinfer1::DataType::kUINT8) return 1;
  if (type == nvinfer1::DataType::kHALF) return 2;
  if (type == nvinfer1::DataType::kFLOAT) return 4;
  throw std::runtime_error("the raw engine knows uint8, float16 and float32 alone");
}

std::size_t row_bytes(const nvinfer1::ICudaEngine& engine, const char* name) {
  const nvinfer1::Dims dims = engine.getTensorShape(name);
  std::size_t bytes = element_bytes(engine.getTensorDataType(name));
  for (std::int32_t i = 1; i < dims.nbDims; ++i) {
    if (dims.d[i] < 1) throw std::runtime_error("more than the batch is open");
    bytes *= static_cast<std::size_t>(dims.d[i]);
  }
  return bytes;
}

}  // namespace

GpuBytes::GpuBytes(std::size_t size) : size_(size) {
  void* address = nullptr;
  check(cudaMalloc(&address, size), "memory of the GPU");
  address_ = static_cast<std::byte*>(address);
}
GpuBytes::~GpuBytes() {
  cudaFree(address_);
}
void GpuBytes::fill(std::span<const std::byte> bytes) {
  check(cudaMemcpy(address_, bytes.data(), std::min(size_, bytes.size()), cudaMemcpyHostToDevice),
        "a copy to the GPU");
}

std::vector<std::byte> random_rows(std::size_t bytes, bool of_bytes) {
  std::vector<std::byte> values(bytes);
  std::mt19937_64 random(7);
  if (of_bytes) {
    for (std::byte& value : values)
      value = static_cast<std::byte>(random() & 0xff);
    return values;
  }
  std::uniform_real_distribution<float> pixel(0, 1);
  for (std::size_t i = 0; i + sizeof(float) <= bytes; i += sizeof(float)) {
    const float value = pixel(random);
    std::memcpy(&values[i], &value, sizeof(value));
  }
  return values;
}

struct RawEngine::Parts {
  std::unique_ptr<nvinfer1::IRuntime> runtime;
  std::unique_ptr<nvinfer1::ICudaEngine> engine;
  std::string output;
  Facts facts;
};

RawEngine::RawEngine(const std::string& plan_file) : parts_(std::make_unique<Parts>()) {
  check(cudaSetDevice(0), "GPU 0");
  parts_->runtime.reset(nvinfer1::createInferRuntime(the_log()));
  check(parts_->runtime != nullptr, "the runtime");
  const std::string plan = read_file(plan_file);
  parts_->engine.reset(parts_->runtime->deserializeCudaEngine(plan.data(), plan.size()));
  check(parts_->engine != nullptr, "reading the engine");
  const nvinfer1::ICudaEngine& engine = *parts_->engine;
  if (engine.getNbIOTensors() != 2) throw std::runtime_error("one input and one output, please");
  for (std::int32_t i = 0; i < 2; ++i) {
    const char* const name = engine.getIOTensorName(i);
    const bool is_input = engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
    (is_input ? parts_->facts.input : parts_->output) = name;
  }
  Facts& facts = parts_->facts;
  const char* const input = facts.input.c_str();
  facts.row_bytes = row_bytes(engine, input);
  facts.of_bytes = engine.getTensorDataType(input) == nvinfer1::DataType::kUINT8;
  facts.output_row_bytes = row_bytes(engine, parts_->output.c_str());
  const nvinfer1::Dims dims = engine.getTensorShape(input);
  facts.shape.assign(dims.d, dims.d + dims.nbDims);
}
RawEngine::~RawEngine() = default;

const RawEngine::Facts& RawEngine::facts() const noexcept {
  return parts_->facts;
}
std::unique_ptr<RawEngine::Lane> RawEngine::new_lane(std::int64_t batch) {
  return std::make_unique<Lane>(*parts_, batch);
}

struct RawEngine::Lane::Own {
  std::int64_t batch = 0;
  std::size_t in_bytes = 0;
  std::size_t out_bytes = 0;
  cudaStream_t stream = nullptr;
  std::array<cudaEvent_t, 2> marks{};
  void* host_in = nullptr;
  void* host_out = nullptr;
  std::unique_ptr<GpuBytes> in;
  std::unique_ptr<GpuBytes> out;
  std::unique_ptr<nvinfer1::IExecutionContext> context;
  cudaGraphExec_t compute = nullptr;
  cudaGraphExec_t copies = nullptr;

  void enqueue(bool with_copies) {
    if (with_copies) {
      check(cudaMemcpyAsync(in->address(), host_in, in_bytes, cudaMemcpyHostToDevice, stream),
            "a copy in");
    }
    check(context->enqueueV3(stream), "a batch");
    if (with_copies) {
      check(cudaMemcpyAsync(host_out, out->address(), out_bytes, cudaMemcpyDeviceToHost, stream),
            "a copy out");
    }
  }
  cudaGraphExec_t graph(bool with_copies) {
    enqueue(with_copies);  // the first prepares what a graph must not
    check(cudaStreamSynchronize(stream), "the first batch");
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "a graph");
    enqueue(with_copies);
    cudaGraph_t noted = nullptr;
    check(cudaStreamEndCapture(stream, &noted), "a graph");
    cudaGraphExec_t ready = nullptr;
    check(cudaGraphInstantiate(&ready, noted, 0), "a graph");
    cudaGraphDestroy(noted);
    check(cudaGraphUpload(ready, stream), "a graph");
    return ready;
  }
};

RawEngine::Lane::Lane(Parts& engine, std::int64_t batch) : own_(std::make_unique<Own>()) {
  Own& own = *own_;
  own.batch = batch;
  own.in_bytes = engine.facts.row_bytes * static_cast<std::size_t>(batch);
  own.out_bytes = engine.facts.output_row_bytes * static_cast<std::size_t>(batch);
  check(cudaStreamCreateWithFlags(&own.stream, cudaStreamNonBlocking), "a stream");
  for (cudaEvent_t& mark : own.marks) {
    check(cudaEventCreateWithFlags(&mark, cudaEventDisableTiming | cudaEventBlockingSync),
          "an event");
  }
  check(cudaHostAlloc(&own.host_in, own.in_bytes, cudaHostAllocDefault), "pinned memory");
  check(cudaHostAlloc(&own.host_out, own.out_bytes, cudaHostAllocDefault), "pinned memory");
  own.in = std::make_unique<GpuBytes>(own.in_bytes);
  own.out = std::make_unique<GpuBytes>(own.out_bytes);
  const std::vector<std::byte> values = random_rows(own.in_bytes, engine.facts.of_bytes);
  std::memcpy(own.host_in, values.data(), values.size());
  own.in->fill(values);
  own.context.reset(engine.engine->createExecutionContext());
  check(own.context != nullptr, "a context");
  nvinfer1::Dims dims = engine.engine->getTensorShape(engine.facts.input.c_str());
  dims.d[0] = batch;
  check(own.context->setInputShape(engine.facts.input.c_str(), dims), "the batch size");
  check(own.context->setTensorAddress(engine.facts.input.c_str(), own.in->address()), "memory");
  check(own.context->setTensorAddress(engine.output.c_str(), own.out->address()), "memory");
  own.compute = own.graph(false);
  own.copies = own.graph(true);
  check(cudaStreamSynchronize(own.stream), "a stream");
}
RawEngine::Lane::~Lane() {
  cudaStreamSynchronize(own_->stream);
  if (own_->compute != nullptr) cudaGraphExecDestroy(own_->compute);
  if (own_->copies != nullptr) cudaGraphExecDestroy(own_->copies);
  own_->context.reset();
  for (const cudaEvent_t mark : own_->marks)
    cudaEventDestroy(mark);
  cudaStreamDestroy(own_->stream);
  cudaFreeHost(own_->host_in);
  cudaFreeHost(own_->host_out);
}

std::int64_t RawEngine::Lane::batch() const noexcept {
  return own_->batch;
}
void RawEngine::Lane::launch_compute() {
  check(cudaGraphLaunch(own_->compute, own_->stream), "a launch");
}
void RawEngine::Lane::launch_copies() {
  check(cudaGraphLaunch(own_->copies, own_->stream), "a launch");
}
void RawEngine::Lane::enqueue_copies() {
  own_->enqueue(true);
}
void RawEngine::Lane::mark(int number) {
  check(cudaEventRecord(own_->marks.at(static_cast<std::size_t>(number)), own_->stream),
        "an event");
}
void RawEngine::Lane::await(int number) {
  check(cudaEventSynchronize(own_->marks.at(static_cast<std::size_t>(number))), "a batch");
}
void RawEngine::Lane::wait_spinning() {
  mark(0);
  cudaError_t state = cudaErrorNotReady;
  while (state == cudaErrorNotReady)
    state = cudaEventQuery(own_->marks[0]);
  check(state, "a batch");
}

GpuFacts gpu_facts() {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "GPU 0");
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver), "the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "the runtime's version");
  GpuFacts facts;
  facts.name = properties.name;
  facts.uuid = "GPU";
  for (std::size_t i = 0; i < sizeof(properties.uuid.bytes); ++i) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) facts.uuid += '-';
    facts.uuid += fmt::format("{:02x}", static_cast<unsigned char>(properties.uuid.bytes[i]));
  }
  facts.cuda = fmt::format("driver's CUDA {}.{}, runtime {}.{}", driver / 1000, driver % 1000 / 10,
                           runtime / 1000, runtime % 1000 / 10);
  return facts;
}

std::string raw_version() {
  return fmt::format("{}.{}.{}.{}", getInferLibMajorVersion(), getInferLibMinorVersion(),
                     getInferLibPatchVersion(), getInferLibBuildVersion());
}

}  // namespace muster::bench
