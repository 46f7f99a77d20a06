// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <memory>
#include <string>

#include <cuda_runtime_api.h>

#include "backends/tensorrt/device/cuda_device.h"

namespace muster::tensorrt {
namespace {

Status in_range(std::size_t from, std::size_t size, std::size_t of) {
  if (from <= of && size <= of - from) return {};
  return invalid_argument(std::to_string(size) + " bytes from " + std::to_string(from) +
                          " on do not lie in a region of " + std::to_string(of));
}

class CudaRegion final : public DeviceRegion {
 public:
  explicit CudaRegion(const DeviceBytes& bytes) : bytes_(bytes) {}
  CudaRegion(const CudaRegion&) = delete;
  CudaRegion& operator=(const CudaRegion&) = delete;
  ~CudaRegion() override {
    if (use_cuda_device(bytes_.device) != 0 ||
        cudaIpcCloseMemHandle(bytes_.address) != cudaSuccess) {
      (void)cudaGetLastError();
    }
  }

  [[nodiscard]] DeviceBytes bytes() const override { return bytes_; }

  [[nodiscard]] Status read(std::size_t from, std::span<std::byte> into) const override {
    MUSTER_RETURN_IF_ERROR(in_range(from, into.size(), bytes_.size));
    return copy(into.data(), bytes_.address + from, into.size(), cudaMemcpyDeviceToHost);
  }
  [[nodiscard]] Status write(std::size_t at, std::span<const std::byte> bytes) const override {
    MUSTER_RETURN_IF_ERROR(in_range(at, bytes.size(), bytes_.size));
    return copy(bytes_.address + at, bytes.data(), bytes.size(), cudaMemcpyHostToDevice);
  }

 private:
  // In the calling thread's own stream: nothing of others is waited for.
  [[nodiscard]] Status copy(void* to, const void* from, std::size_t size,
                            cudaMemcpyKind kind) const {
    if (size == 0) return {};
    const std::string what = "a copy of " + std::to_string(size) + " bytes of shared memory";
    MUSTER_RETURN_IF_ERROR(status_of_cuda(use_cuda_device(bytes_.device), what));
    cudaError_t outcome = cudaMemcpyAsync(to, from, size, kind, cudaStreamPerThread);
    if (outcome == cudaSuccess) outcome = cudaStreamSynchronize(cudaStreamPerThread);
    // Kept by the runtime for this thread, where the next call would find it.
    if (outcome != cudaSuccess) (void)cudaGetLastError();
    return status_of_cuda(outcome, what);
  }

  const DeviceBytes bytes_;
};

// Of the allocation that begins at `address`. The runtime has no call for it, the driver has.
Result<std::size_t> size_of_allocation(void* address) {
  using Range = int (*)(unsigned long long* base, std::size_t* size, unsigned long long of);
  void* found = nullptr;
  cudaDriverEntryPointQueryResult state{};
#if CUDART_VERSION >= 12050
  const cudaError_t asked = cudaGetDriverEntryPointByVersion("cuMemGetAddressRange", &found, 12000,
                                                             cudaEnableDefault, &state);
#else
  const cudaError_t asked =
      cudaGetDriverEntryPoint("cuMemGetAddressRange", &found, cudaEnableDefault, &state);
#endif
  MUSTER_RETURN_IF_ERROR(status_of_cuda(asked, "asking for the size of shared memory"));
  if (found == nullptr || state != cudaDriverEntryPointSuccess)
    return internal_error("the driver cannot tell the size of shared memory");
  unsigned long long base = 0;
  std::size_t size = 0;
  const auto start = reinterpret_cast<unsigned long long>(address);
  const int outcome = reinterpret_cast<Range>(found)(&base, &size, start);
  if (outcome != 0) {
    return internal_error("the driver does not tell the size of shared memory (error " +
                          std::to_string(outcome) + ")");
  }
  return size - static_cast<std::size_t>(start - base);
}

}  // namespace

Result<std::shared_ptr<const DeviceRegion>> open_cuda_region(std::span<const std::byte> handle,
                                                             int device, std::size_t size) {
  cudaIpcMemHandle_t ipc{};
  if (handle.size() != sizeof(ipc)) {
    return invalid_argument("a handle of CUDA shared memory has " + std::to_string(sizeof(ipc)) +
                            " bytes, this one " + std::to_string(handle.size()));
  }
  if (size == 0) return invalid_argument("a region of 0 bytes is none");
  MUSTER_ASSIGN_OR_RETURN(const int count, cuda_device_count());
  if (device < 0 || device >= count) {
    return invalid_argument("there is no GPU " + std::to_string(device) + ": this server sees " +
                            std::to_string(count));
  }
  std::memcpy(&ipc, handle.data(), sizeof(ipc));
  MUSTER_RETURN_IF_ERROR(status_of_cuda(use_cuda_device(device), "use of the GPU"));
  void* address = nullptr;
  const cudaError_t opened = cudaIpcOpenMemHandle(&address, ipc, cudaIpcMemLazyEnablePeerAccess);
  if (opened != cudaSuccess) {
    (void)cudaGetLastError();
    const Status failed = status_of_cuda(opened, "opening CUDA shared memory by its handle");
    // A handle that names nothing is the client's fault.
    if (failed.code() != StatusCode::kInternal) return failed;
    return invalid_argument(
        std::string(failed.message()) +
        "; a handle is opened on the GPU and the machine that it is of, while its owner has the "
        "memory, which must come from cudaMalloc, and not by the process that made it");
  }
  const auto region =
      std::make_shared<CudaRegion>(DeviceBytes{device, static_cast<std::byte*>(address), size});
  MUSTER_ASSIGN_OR_RETURN(const std::size_t there, size_of_allocation(address));
  if (size > there) {
    return invalid_argument("the region is said to have " + std::to_string(size) +
                            " bytes, it has " + std::to_string(there));
  }
  return std::shared_ptr<const DeviceRegion>(region);
}

}  // namespace muster::tensorrt
