// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/shared_bytes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <cuda_runtime_api.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/clients/load_loops.h"
#include "bench/gpu/raw_engine.h"

namespace muster::bench {
namespace {

void check(cudaError_t outcome, const char* what) {
  if (outcome == cudaSuccess) return;
  throw std::runtime_error(fmt::format("{}: {}", what, cudaGetErrorString(outcome)));
}

std::string base64(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      bits = (bits << 8U) | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? kDigits[(bits >> (18U - 6U * k)) & 63U] : '=';
  }
  return text;
}

class CudaBytes final : public SharedBytes {
 public:
  CudaBytes(std::size_t size, const ServerAddress& http) : SharedBytes("cuda", http), gpu_(size) {
    cudaIpcMemHandle_t handle{};
    check(cudaIpcGetMemHandle(&handle, gpu_.address()), "a handle of memory of the GPU");
    std::array<unsigned char, sizeof(handle)> raw{};
    std::memcpy(raw.data(), &handle, raw.size());
    register_with(fmt::format(R"({{"raw_handle":{{"b64":"{}"}},"device_id":0,"byte_size":{}}})",
                              base64(raw), size));
  }
  ~CudaBytes() override { unregister(); }

  void put(std::size_t at, std::span<const std::byte> bytes) override {
    check(cudaMemcpy(gpu_.address() + at, bytes.data(), bytes.size(), cudaMemcpyHostToDevice),
          "a copy to the GPU");
    // From pageable memory it may return before the last of it has arrived.
    check(cudaDeviceSynchronize(), "a copy to the GPU");
  }
  void get(std::size_t from, std::span<std::byte> into) const override {
    check(cudaMemcpy(into.data(), gpu_.address() + from, into.size(), cudaMemcpyDeviceToHost),
          "a copy from the GPU");
  }

 private:
  const GpuBytes gpu_;
};

class SystemBytes final : public SharedBytes {
 public:
  SystemBytes(std::size_t size, const ServerAddress& http)
      : SharedBytes("system", http), size_(size) {
    const int file = ::shm_open(key().c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    void* memory = MAP_FAILED;
    if (file >= 0 && ::ftruncate(file, static_cast<off_t>(size)) == 0)
      memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) ::close(file);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory could be made");
    memory_ = static_cast<std::byte*>(memory);
    register_with(fmt::format(R"({{"key":"{}","offset":0,"byte_size":{}}})", key(), size));
  }
  ~SystemBytes() override {
    unregister();
    ::munmap(memory_, size_);
    ::shm_unlink(key().c_str());
  }

  void put(std::size_t at, std::span<const std::byte> bytes) override {
    std::memcpy(memory_ + at, bytes.data(), bytes.size());
  }
  void get(std::size_t from, std::span<std::byte> into) const override {
    std::memcpy(into.data(), memory_ + from, into.size());
  }

 private:
  [[nodiscard]] std::string key() const { return "/" + name(); }

  const std::size_t size_;
  std::byte* memory_ = nullptr;
};

}  // namespace

std::unique_ptr<SharedBytes> SharedBytes::of(Sharing sharing, std::size_t size,
                                             const ServerAddress& http) {
  if (sharing == Sharing::kCuda) return std::make_unique<CudaBytes>(size, http);
  return std::make_unique<SystemBytes>(size, http);
}

SharedBytes::SharedBytes(std::string kind, ServerAddress http)
    : kind_(std::move(kind)),
      http_(std::move(http)),
      name_(fmt::format("muster-bench-{}-{}", kind_, ::getpid())) {}

std::string SharedBytes::path(const std::string& what) const {
  return fmt::format("/v2/{}sharedmemory/region/{}/{}", kind_, name_, what);
}

void SharedBytes::register_with(const std::string& body) const {
  const ServerReply reply = http_exchange(http_, "POST", path("register"), body);
  if (reply.code == 200) return;
  throw std::runtime_error(
      fmt::format("{} shared memory is refused: {} {}", kind_, reply.code, reply.body));
}

void SharedBytes::unregister() const {
  (void)http_exchange(http_, "POST", path("unregister"));
}

}  // namespace muster::bench
