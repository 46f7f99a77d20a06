// SPDX-License-Identifier: Apache-2.0
// FakeGpu: memory of a GPU as somebody else has made it, played: one allocation, in the memory of
// this process, which every handle names that begins with 'g'.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "shared_memory/shared_memory_regions.h"

namespace muster::testing {

class FakeGpu {
 public:
  explicit FakeGpu(std::size_t size) : memory_(size) {}
  FakeGpu(const FakeGpu&) = delete;
  FakeGpu& operator=(const FakeGpu&) = delete;

  // This outlives what it opens.
  [[nodiscard]] RegionOpener opener() {
    return [this](std::span<const std::byte> handle, int device, std::size_t size) {
      return open(handle, device, size);
    };
  }

  [[nodiscard]] std::byte* address() { return memory_.data(); }
  void put(std::size_t at, std::string_view text) {
    const MutexLock lock(mutex_);
    std::memcpy(memory_.data() + at, text.data(), text.size());
  }
  [[nodiscard]] std::string get(std::size_t at, std::size_t size) const {
    const MutexLock lock(mutex_);
    return {reinterpret_cast<const char*>(memory_.data()) + at, size};
  }
  // Regions that are open now, and how often one was opened.
  [[nodiscard]] int open_count() const {
    const MutexLock lock(mutex_);
    return open_;
  }
  [[nodiscard]] int opened_count() const {
    const MutexLock lock(mutex_);
    return opened_;
  }
  // What its regions answer to every copy from now on.
  void fail_copies(Status status) {
    const MutexLock lock(mutex_);
    copy_failure_ = std::move(status);
  }

  // Openings from now on wait to be released.
  void hold() {
    const MutexLock lock(mutex_);
    holding_ = true;
  }
  void release() {
    const MutexLock lock(mutex_);
    holding_ = false;
    changed_.notify_all();
  }
  // Returns when one waits.
  void wait_until_held() {
    MutexLock lock(mutex_);
    while (held_ == 0)
      changed_.wait(lock);
  }

 private:
  class Region final : public DeviceRegion {
   public:
    Region(FakeGpu& gpu, DeviceBytes bytes) : gpu_(gpu), bytes_(bytes) {}
    ~Region() override {
      const MutexLock lock(gpu_.mutex_);
      --gpu_.open_;
    }
    [[nodiscard]] DeviceBytes bytes() const override { return bytes_; }
    [[nodiscard]] Status read(std::size_t from, std::span<std::byte> into) const override {
      return gpu_.copy(into.data(), bytes_.address + from, into.size());
    }
    [[nodiscard]] Status write(std::size_t at, std::span<const std::byte> bytes) const override {
      return gpu_.copy(bytes_.address + at, bytes.data(), bytes.size());
    }

   private:
    FakeGpu& gpu_;
    const DeviceBytes bytes_;
  };

  [[nodiscard]] Status copy(void* into, const void* from, std::size_t size) const {
    const MutexLock lock(mutex_);
    if (copy_failure_.ok()) std::memcpy(into, from, size);
    return copy_failure_;
  }

  Result<std::shared_ptr<const DeviceRegion>> open(std::span<const std::byte> handle, int device,
                                                   std::size_t size) {
    MutexLock lock(mutex_);
    ++held_;
    changed_.notify_all();
    while (holding_)
      changed_.wait(lock);
    --held_;
    if (handle.empty() || handle.front() != std::byte{'g'})
      return invalid_argument("the handle names no memory");
    if (device != 0) return failed_precondition("there is no GPU " + std::to_string(device));
    if (size > memory_.size())
      return invalid_argument("the region has " + std::to_string(memory_.size()) + " bytes");
    ++open_;
    ++opened_;
    return std::shared_ptr<const DeviceRegion>(
        std::make_shared<Region>(*this, DeviceBytes{device, memory_.data(), size}));
  }

  std::vector<std::byte> memory_;
  mutable Mutex mutex_;
  CondVar changed_;
  Status copy_failure_ MUSTER_GUARDED_BY(mutex_);
  int open_ MUSTER_GUARDED_BY(mutex_) = 0;
  int opened_ MUSTER_GUARDED_BY(mutex_) = 0;
  int held_ MUSTER_GUARDED_BY(mutex_) = 0;
  bool holding_ MUSTER_GUARDED_BY(mutex_) = false;
};

[[nodiscard]] inline CudaRegionOrder cuda_order(std::string name, std::uint64_t byte_size,
                                                std::string_view handle = "gpu",
                                                std::int64_t device = 0) {
  const auto bytes = std::as_bytes(std::span(handle));
  return {std::move(name), {bytes.begin(), bytes.end()}, device, byte_size};
}

// Registers and waits for what comes of it.
[[nodiscard]] inline Status add_cuda(SharedMemoryRegions& regions, CudaRegionOrder order) {
  std::promise<Status> outcome;
  regions.add_cuda(std::move(order),
                   [&outcome](Status status) { outcome.set_value(std::move(status)); });
  return outcome.get_future().get();
}

}  // namespace muster::testing
