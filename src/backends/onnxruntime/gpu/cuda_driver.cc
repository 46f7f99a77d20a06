// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/cuda_driver.h"

#include <atomic>
#include <string_view>
#include <utility>

#include <dlfcn.h>

#include "backends/onnxruntime/gpu/cuda_errors.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

// CUresult, CUdevice, CUdeviceptr, CUcontext, CUstream.
using Error = int;
using Device = int;
using Address = unsigned long long;
using Context = struct ContextRecord*;
using Stream = struct StreamRecord*;

constexpr Error kNoDevice = 100;
constexpr Error kNoSuchDevice = 101;
constexpr int kCapabilityMajor = 75;  // CUdevice_attribute
constexpr int kCapabilityMinor = 76;
constexpr unsigned int kNonBlocking = 1;  // CU_STREAM_NON_BLOCKING: beside the default stream
constexpr int kNameBytes = 256;
constexpr int kThreadLocal = 1;  // CUstreamCaptureMode
constexpr int kRelaxed = 2;

struct Calls {
  Error (*init)(unsigned int) = nullptr;
  Error (*version)(int*) = nullptr;
  Error (*device)(Device*, int) = nullptr;
  Error (*name)(char*, int, Device) = nullptr;
  Error (*attribute)(int*, int, Device) = nullptr;
  Error (*retain)(Context*, Device) = nullptr;
  Error (*release)(Device) = nullptr;
  Error (*use)(Context) = nullptr;
  Error (*allocate)(Address*, std::size_t) = nullptr;
  Error (*free)(Address) = nullptr;
  Error (*allocate_pinned)(void**, std::size_t, unsigned int) = nullptr;
  Error (*free_pinned)(void*) = nullptr;
  Error (*memory)(std::size_t* free, std::size_t* total) = nullptr;
  Error (*new_stream)(Stream*, unsigned int) = nullptr;
  Error (*end_stream)(Stream) = nullptr;
  Error (*wait)(Stream) = nullptr;
  Error (*copy_in)(Address, const void*, std::size_t, Stream) = nullptr;
  Error (*copy_out)(void*, Address, std::size_t, Stream) = nullptr;
  Error (*exchange_capture_mode)(int*) = nullptr;
  Error (*text)(Error, const char**) = nullptr;
};

Result<Calls> open_driver(const std::string& file) {
  // Never closed: the driver does not survive that, and CUDA's runtime has it open as well.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    return failed_precondition("there is no driver of NVIDIA's: " +
                               printable(reason == nullptr ? file.c_str() : reason));
  }
  Calls calls;
  const char* missing = nullptr;
  const auto find = [&]<typename Call>(Call& call, const char* symbol) {
    call = reinterpret_cast<Call>(dlsym(library, symbol));
    if (call == nullptr && missing == nullptr) missing = symbol;
  };
  find(calls.init, "cuInit");
  find(calls.version, "cuDriverGetVersion");
  find(calls.device, "cuDeviceGet");
  find(calls.name, "cuDeviceGetName");
  find(calls.attribute, "cuDeviceGetAttribute");
  find(calls.retain, "cuDevicePrimaryCtxRetain");
  find(calls.release, "cuDevicePrimaryCtxRelease_v2");
  find(calls.use, "cuCtxSetCurrent");
  find(calls.allocate, "cuMemAlloc_v2");
  find(calls.free, "cuMemFree_v2");
  find(calls.allocate_pinned, "cuMemHostAlloc");
  find(calls.free_pinned, "cuMemFreeHost");
  find(calls.memory, "cuMemGetInfo_v2");
  find(calls.new_stream, "cuStreamCreate");
  find(calls.end_stream, "cuStreamDestroy_v2");
  find(calls.wait, "cuStreamSynchronize");
  find(calls.copy_in, "cuMemcpyHtoDAsync_v2");
  find(calls.copy_out, "cuMemcpyDtoHAsync_v2");
  find(calls.exchange_capture_mode, "cuThreadExchangeStreamCaptureMode");
  find(calls.text, "cuGetErrorString");
  if (missing != nullptr) {
    return failed_precondition(printable(file) + " is no driver of NVIDIA's that can be used: it " +
                               "has no " + missing);
  }
  return calls;
}

// Of the driver, once it is open and begun.
std::atomic<Error (*)(int*)> exchange_capture_mode{nullptr};
thread_local bool ignores_captures = false;

Address address_of(const std::byte* memory) noexcept {
  return reinterpret_cast<Address>(memory);
}

class CudaGpu final : public Gpu, public std::enable_shared_from_this<CudaGpu> {
 public:
  CudaGpu(const Calls& calls, int number, Device device, Context context) noexcept
      : calls_(calls), number_(number), device_(device), context_(context) {}
  CudaGpu(const CudaGpu&) = delete;
  CudaGpu& operator=(const CudaGpu&) = delete;
  ~CudaGpu() override { calls_.release(device_); }

  [[nodiscard]] int number() const noexcept override { return number_; }
  [[nodiscard]] std::string identity() const override;
  [[nodiscard]] Result<std::byte*> allocate(Kind kind, std::size_t size) override;
  void free(Kind kind, std::byte* memory) noexcept override;
  [[nodiscard]] Result<std::unique_ptr<GpuCopies>> new_copies() override;
  [[nodiscard]] std::uint64_t free_bytes() noexcept override;

  [[nodiscard]] const Calls& calls() const noexcept { return calls_; }
  // The calls of this thread are about this GPU.
  [[nodiscard]] Error use() const noexcept {
    ignore_captures_of_others();
    return calls_.use(context_);
  }
  [[nodiscard]] Status status_of(Error error, std::string_view what) const {
    if (error == 0) return {};
    const char* text = nullptr;
    if (calls_.text(error, &text) != 0 || text == nullptr) text = "an error without a name";
    return {code_of_cuda(error), "GPU " + std::to_string(number_) + ", " + std::string(what) +
                                     ": CUDA says: " + printable(text) + " (" +
                                     std::to_string(error) + ")"};
  }

 private:
  const Calls calls_;
  const int number_;
  const Device device_;
  const Context context_;
};

class CudaCopies final : public GpuCopies {
 public:
  CudaCopies(std::shared_ptr<const CudaGpu> gpu, Stream stream) noexcept
      : gpu_(std::move(gpu)), stream_(stream) {}
  CudaCopies(const CudaCopies&) = delete;
  CudaCopies& operator=(const CudaCopies&) = delete;
  ~CudaCopies() override {
    if (gpu_->use() == 0) gpu_->calls().end_stream(stream_);
  }

  [[nodiscard]] Status copy_in(std::byte* device, std::span<const std::byte> host) override {
    Error error = gpu_->use();
    if (error == 0)
      error = gpu_->calls().copy_in(address_of(device), host.data(), host.size(), stream_);
    return error == 0 ? Status() : gpu_->status_of(error, "copying inputs");
  }
  [[nodiscard]] Status copy_out(std::span<std::byte> host, const std::byte* device) override {
    Error error = gpu_->use();
    if (error == 0)
      error = gpu_->calls().copy_out(host.data(), address_of(device), host.size(), stream_);
    return error == 0 ? Status() : gpu_->status_of(error, "copying outputs");
  }
  [[nodiscard]] Status wait() override {
    Error error = gpu_->use();
    if (error == 0) error = gpu_->calls().wait(stream_);
    return error == 0 ? Status() : gpu_->status_of(error, "waiting for it");
  }

 private:
  const std::shared_ptr<const CudaGpu> gpu_;
  const Stream stream_;
};

std::string CudaGpu::identity() const {
  char name[kNameBytes] = {};
  int major = 0;
  int minor = 0;
  int driver = 0;
  // What is not told is told as nothing, each time the same.
  static_cast<void>(calls_.name(name, kNameBytes - 1, device_));
  static_cast<void>(calls_.attribute(&major, kCapabilityMajor, device_));
  static_cast<void>(calls_.attribute(&minor, kCapabilityMinor, device_));
  static_cast<void>(calls_.version(&driver));
  return printable(name) + ", capability " + std::to_string(major) + "." + std::to_string(minor) +
         ", driver's CUDA " + std::to_string(driver);
}

Result<std::byte*> CudaGpu::allocate(Kind kind, std::size_t size) {
  Error error = use();
  Address device = 0;
  void* host = nullptr;
  if (error == 0 && kind == Kind::kDevice) error = calls_.allocate(&device, size);
  if (error == 0 && kind == Kind::kPinned) error = calls_.allocate_pinned(&host, size, 0);
  if (error != 0) {
    return status_of(error, std::to_string(size) + " bytes of " +
                                (kind == Kind::kDevice ? "its memory" : "pinned memory"));
  }
  return kind == Kind::kDevice ? reinterpret_cast<std::byte*>(device)
                               : static_cast<std::byte*>(host);
}

void CudaGpu::free(Kind kind, std::byte* memory) noexcept {
  // Where the context is broken all of its memory has gone.
  if (use() != 0) return;
  if (kind == Kind::kDevice) {
    calls_.free(address_of(memory));
  } else {
    calls_.free_pinned(memory);
  }
}

Result<std::unique_ptr<GpuCopies>> CudaGpu::new_copies() {
  Stream stream = nullptr;
  Error error = use();
  if (error == 0) error = calls_.new_stream(&stream, kNonBlocking);
  if (error != 0) return status_of(error, "a stream for copies");
  return std::unique_ptr<GpuCopies>(std::make_unique<CudaCopies>(shared_from_this(), stream));
}

std::uint64_t CudaGpu::free_bytes() noexcept {
  std::size_t free = 0;
  std::size_t total = 0;
  return use() == 0 && calls_.memory(&free, &total) == 0 ? free : 0;
}

}  // namespace

Result<std::shared_ptr<Gpu>> open_gpu(int number, const std::string& library) {
  MUSTER_ASSIGN_OR_RETURN(const Calls calls, open_driver(library));
  Device device = 0;
  Context context = nullptr;
  Error error = calls.init(0);
  if (error == 0) error = calls.device(&device, number);
  if (error == kNoDevice || error == kNoSuchDevice)
    return failed_precondition("there is no GPU " + std::to_string(number) + " here");
  if (error == 0) {
    exchange_capture_mode.store(calls.exchange_capture_mode);
    ignore_captures_of_others();
    error = calls.retain(&context, device);
  }
  if (error != 0) {
    const char* text = nullptr;
    calls.text(error, &text);
    return failed_precondition("GPU " + std::to_string(number) + " cannot be used: CUDA says: " +
                               printable(text == nullptr ? "an error without a name" : text) +
                               " (" + std::to_string(error) + ")");
  }
  return std::shared_ptr<Gpu>(std::make_shared<CudaGpu>(calls, number, device, context));
}

void ignore_captures_of_others() noexcept {
  if (ignores_captures) return;
  Error (*const exchange)(int*) = exchange_capture_mode.load();
  if (exchange == nullptr) return;
  int mode = kThreadLocal;
  ignores_captures = exchange(&mode) == 0;
  // The caller's own thread may have been told to look at even less.
  if (ignores_captures && mode == kRelaxed) exchange(&mode);
}

}  // namespace muster::onnxruntime
