// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/device/cuda_device.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <string>

#if defined(__x86_64__)
#  include <immintrin.h>
#endif

#include <cuda_runtime_api.h>

#include "backends/tensorrt/device/cuda_stream.h"

namespace muster::tensorrt {
namespace {

void relax() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

cudaEvent_t event_of(const Event& event) noexcept {
  return static_cast<cudaEvent_t>(event.get());
}

// "GPU-1d6a31c2-...", as nvidia-smi writes it.
std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (std::size_t i = 0; i < sizeof(uuid.bytes); ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits.data();
  }
  return text;
}

// The device that the calling thread uses; -1 = none was chosen.
thread_local int device_of_thread = -1;
thread_local bool ignores_captures = false;

// While another thread records a CUDA graph in CUDA's default mode, as ONNX Runtime does, CUDA
// refuses this one much (error 900), and the recording fails with it; unless told not to. After a
// device was chosen, as it makes a context on whichever is.
void ignore_captures_of_others() noexcept {
  if (ignores_captures) return;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal;
  ignores_captures = cudaThreadExchangeStreamCaptureMode(&mode) == cudaSuccess;
  if (!ignores_captures) return (void)cudaGetLastError();  // not of the next call
  // The caller's own thread may have been told to look at even less.
  if (mode == cudaStreamCaptureModeRelaxed) (void)cudaThreadExchangeStreamCaptureMode(&mode);
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(DeviceFacts facts) : facts_(std::move(facts)) {}

  [[nodiscard]] const DeviceFacts& facts() const override { return facts_; }

  Status use_on_this_thread() override {
    return check(static_cast<cudaError_t>(use_cuda_device(facts_.index)), "use of this GPU");
  }

  [[nodiscard]] Result<std::uint64_t> free_bytes() override {
    MUSTER_RETURN_IF_ERROR(use_on_this_thread());
    std::size_t free = 0;
    std::size_t all = 0;
    MUSTER_RETURN_IF_ERROR(check(cudaMemGetInfo(&free, &all), "asking for free memory"));
    return static_cast<std::uint64_t>(free);
  }

  [[nodiscard]] Result<DeviceMemory> allocate(std::size_t size) override {
    if (size == 0) return DeviceMemory();
    void* memory = nullptr;
    MUSTER_RETURN_IF_ERROR(
        check(cudaMalloc(&memory, size), std::to_string(size) + " bytes of the GPU's memory"));
    return DeviceMemory(*this, memory, size);
  }

  [[nodiscard]] Result<PinnedMemory> allocate_pinned(std::size_t size) override {
    if (size == 0) return PinnedMemory();
    void* memory = nullptr;
    MUSTER_RETURN_IF_ERROR(check(cudaHostAlloc(&memory, size, cudaHostAllocDefault),
                                 std::to_string(size) + " bytes of pinned memory"));
    return PinnedMemory(*this, memory, size);
  }

  [[nodiscard]] Result<Stream> new_stream() override {
    cudaStream_t stream = nullptr;
    // Never in step with the default stream, which others in the process may use.
    MUSTER_RETURN_IF_ERROR(
        check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream"));
    return Stream(*this, stream);
  }

  [[nodiscard]] Result<Event> new_event(Wait wait) override {
    cudaEvent_t event = nullptr;
    const unsigned flags =
        cudaEventDisableTiming |
        (wait == Wait::kBlock ? static_cast<unsigned>(cudaEventBlockingSync) : 0U);
    MUSTER_RETURN_IF_ERROR(check(cudaEventCreateWithFlags(&event, flags), "an event"));
    return Event(*this, event);
  }

  Status copy_in(void* device, const void* host, std::size_t size, const Stream& in) override {
    return copy(device, host, size, cudaMemcpyHostToDevice, in);
  }
  Status copy_out(void* host, const void* device, std::size_t size, const Stream& in) override {
    return copy(host, device, size, cudaMemcpyDeviceToHost, in);
  }
  Status copy_within(void* to, const void* from, std::size_t size, const Stream& in) override {
    // By address: `from` may be memory of another process.
    return copy(to, from, size, cudaMemcpyDefault, in);
  }

  Status record(const Event& event, const Stream& in) override {
    return check(cudaEventRecord(event_of(event), cuda_stream(in)), "recording an event");
  }
  Status hold(const Stream& stream, const Event& until) override {
    return check(cudaStreamWaitEvent(cuda_stream(stream), event_of(until), 0), "holding a stream");
  }

  Status wait(const Event& event, Wait how) override {
    if (how == Wait::kBlock) return check(cudaEventSynchronize(event_of(event)), "a batch");
    cudaError_t state = cudaEventQuery(event_of(event));
    for (; state == cudaErrorNotReady; state = cudaEventQuery(event_of(event)))
      relax();
    return check(state, "a batch");
  }
  Status wait_all(const Stream& stream) override {
    return check(cudaStreamSynchronize(cuda_stream(stream)), "a stream");
  }

  Status begin_capture(const Stream& stream) override {
    // Other threads may go on allocating meanwhile.
    return check(cudaStreamBeginCapture(cuda_stream(stream), cudaStreamCaptureModeThreadLocal),
                 "noting down a graph");
  }
  [[nodiscard]] Result<Graph> end_capture(const Stream& stream) override {
    cudaGraph_t graph = nullptr;
    Status noted = check(cudaStreamEndCapture(cuda_stream(stream), &graph), "noting down a graph");
    if (!noted.ok() || graph == nullptr) {
      if (noted.ok()) noted = internal_error("noting down a graph: CUDA gave none");
      if (graph != nullptr) (void)cudaGraphDestroy(graph);
      return noted;
    }
    cudaGraphExec_t ready = nullptr;
    Status made = check(cudaGraphInstantiate(&ready, graph, 0), "making a graph ready");
    (void)cudaGraphDestroy(graph);
    MUSTER_RETURN_IF_ERROR(made);
    Graph owned(*this, ready);
    // Else its first launch would do it.
    MUSTER_RETURN_IF_ERROR(
        check(cudaGraphUpload(ready, cuda_stream(stream)), "making a graph ready"));
    return owned;
  }
  Status launch(const Graph& graph, const Stream& in) override {
    return check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph.get()), cuda_stream(in)),
                 "launching a graph");
  }

  void free(HandleKind kind, void* handle, std::size_t /*size*/) noexcept override {
    // What belongs to a context that is lost went with it.
    if (broken_.load(std::memory_order_relaxed)) return;
    // The calling thread need not have used the device before. Without an allocation: in a
    // destructor nothing can be told.
    if (use_cuda_device(facts_.index) != 0) return;
    cudaError_t freed = cudaSuccess;
    switch (kind) {
      case HandleKind::kStream:
        freed = cudaStreamDestroy(static_cast<cudaStream_t>(handle));
        break;
      case HandleKind::kEvent:
        freed = cudaEventDestroy(static_cast<cudaEvent_t>(handle));
        break;
      case HandleKind::kGraph:
        freed = cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(handle));
        break;
      case HandleKind::kDeviceMemory:
        freed = cudaFree(handle);
        break;
      case HandleKind::kPinnedMemory:
        freed = cudaFreeHost(handle);
        break;
    }
    if (freed != cudaSuccess) (void)cudaGetLastError();
  }

 private:
  Status copy(void* to, const void* from, std::size_t size, cudaMemcpyKind kind, const Stream& in) {
    if (size == 0) return {};
    const cudaError_t begun = cudaMemcpyAsync(to, from, size, kind, cuda_stream(in));
    if (begun == cudaSuccess) return {};
    return check(begun, "a copy of " + std::to_string(size) + " bytes");
  }

  // `what` is asked for often: a text that needs no memory where all is well.
  Status check(cudaError_t outcome, const char* what) {
    if (outcome == cudaSuccess) return {};
    return check(outcome, std::string(what));
  }
  Status check(cudaError_t outcome, const std::string& what) {
    if (outcome == cudaSuccess) return {};
    // Kept by the runtime for this thread until it is taken; errors that stay come back anyway.
    (void)cudaGetLastError();
    Status status = status_of_cuda(outcome, "GPU " + std::to_string(facts_.index) + ": " + what);
    if (status.code() == kBrokenForGood) broken_.store(true, std::memory_order_relaxed);
    return status;
  }

  const DeviceFacts facts_;
  std::atomic<bool> broken_{false};
};

Status no_gpu(int error) {
  return failed_precondition(
      "there is no GPU for CUDA here: " + std::string(cudaGetErrorString(cudaError_t(error))) +
      "; TensorRT needs an NVIDIA GPU and a driver for CUDA " +
      std::to_string(CUDART_VERSION / 1000) + " or newer (nvidia-smi shows them)");
}

}  // namespace

int use_cuda_device(int index) noexcept {
  if (device_of_thread != index) {
    const cudaError_t outcome = cudaSetDevice(index);
    if (outcome != cudaSuccess) return outcome;
    device_of_thread = index;
  }
  ignore_captures_of_others();
  return 0;
}

Result<int> cuda_device_count() {
  int count = 0;
  const cudaError_t asked = cudaGetDeviceCount(&count);
  if (asked == cudaErrorNoDevice) count = 0;
  if (asked != cudaSuccess) {
    (void)cudaGetLastError();
    if (asked != cudaErrorNoDevice) return no_gpu(asked);
  }
  return count;
}

Result<std::unique_ptr<Device>> open_cuda_device(int index) {
  MUSTER_ASSIGN_OR_RETURN(const int count, cuda_device_count());
  if (count == 0) return no_gpu(cudaErrorNoDevice);
  if (index < 0 || index >= count) {
    return failed_precondition("there is no GPU " + std::to_string(index) + ": this process sees " +
                               std::to_string(count) +
                               ", numbered from 0 (CUDA_VISIBLE_DEVICES limits them)");
  }
  cudaDeviceProp properties{};
  DeviceFacts facts;
  MUSTER_RETURN_IF_ERROR(
      status_of_cuda(cudaGetDeviceProperties(&properties, index), "asking what the GPU is"));
  MUSTER_RETURN_IF_ERROR(status_of_cuda(cudaDriverGetVersion(&facts.driver_version),
                                        "asking for the driver's version"));
  MUSTER_RETURN_IF_ERROR(status_of_cuda(cudaRuntimeGetVersion(&facts.runtime_version),
                                        "asking for the runtime's version"));
  facts.index = index;
  facts.name = properties.name;
  facts.uuid = uuid_text(properties.uuid);
  facts.compute_major = properties.major;
  facts.compute_minor = properties.minor;
  facts.multiprocessors = properties.multiProcessorCount;
  facts.memory_bytes = properties.totalGlobalMem;
  return std::make_unique<CudaDevice>(std::move(facts));
}

}  // namespace muster::tensorrt
