// SPDX-License-Identifier: Apache-2.0
// Device: one GPU, as much of it as running batches needs: memory, streams, events, graphs.
//
// The seam between what is thought out here and CUDA: CudaDevice calls the runtime, ScriptedDevice
// plays a script for tests on machines without a GPU. Handles are opaque and belong to the device
// that made them. Any thread may call anything, but a stream, an event and a graph are used by one
// thread at a time.
//
// Errors: kResourceExhausted where memory is out, kBrokenForGood (muster/backend.h) where the
// device's context is lost and no later call can succeed, else kInternal. A failed call names what
// was asked for and CUDA's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <muster/backend.h>

namespace muster::tensorrt {

enum class HandleKind : std::uint8_t { kStream, kEvent, kGraph, kDeviceMemory, kPinnedMemory };

class Device;

// Frees what it holds. Move-only; the device outlives it.
template <HandleKind kKind>
class Owned {
 public:
  Owned() noexcept = default;
  Owned(Device& device, void* handle, std::size_t size = 0) noexcept
      : device_(&device), handle_(handle), size_(size) {}
  Owned(Owned&& other) noexcept { swap(other); }
  Owned& operator=(Owned&& other) noexcept {
    Owned(std::move(other)).swap(*this);
    return *this;
  }
  inline ~Owned();

  [[nodiscard]] void* get() const noexcept { return handle_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }  // of memory, bytes
  explicit operator bool() const noexcept { return handle_ != nullptr; }
  void swap(Owned& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    std::swap(size_, other.size_);
  }

 private:
  Device* device_ = nullptr;
  void* handle_ = nullptr;
  std::size_t size_ = 0;
};
using Stream = Owned<HandleKind::kStream>;
using Event = Owned<HandleKind::kEvent>;
using Graph = Owned<HandleKind::kGraph>;  // ready to be launched
using DeviceMemory = Owned<HandleKind::kDeviceMemory>;
using PinnedMemory = Owned<HandleKind::kPinnedMemory>;  // of the host, for copies that do not wait

// How a thread waits for the device: by asking again and again, or asleep.
enum class Wait : std::uint8_t { kSpin, kBlock };

struct DeviceFacts {
  int index = 0;
  std::string name;  // "NVIDIA H200"
  std::string uuid;  // of this very GPU; an engine is for its model, not for it alone
  int compute_major = 0;
  int compute_minor = 0;
  int multiprocessors = 0;
  std::uint64_t memory_bytes = 0;
  int driver_version = 0;  // as CUDA numbers them: 13000
  int runtime_version = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  [[nodiscard]] virtual const DeviceFacts& facts() const = 0;
  // Once on each thread before anything else there.
  virtual Status use_on_this_thread() = 0;
  // Bytes that nobody has taken.
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes() = 0;

  [[nodiscard]] virtual Result<DeviceMemory> allocate(std::size_t size) = 0;
  [[nodiscard]] virtual Result<PinnedMemory> allocate_pinned(std::size_t size) = 0;
  [[nodiscard]] virtual Result<Stream> new_stream() = 0;
  // One that can be waited for in the way given.
  [[nodiscard]] virtual Result<Event> new_event(Wait wait) = 0;

  // In the stream's order; return at once. The host's end of a copy is pinned.
  virtual Status copy_in(void* device, const void* host, std::size_t size, const Stream& in) = 0;
  virtual Status copy_out(void* host, const void* device, std::size_t size, const Stream& in) = 0;
  virtual Status copy_within(void* to, const void* from, std::size_t size, const Stream& in) = 0;
  virtual Status record(const Event& event, const Stream& in) = 0;
  // What comes later in the stream waits for what was recorded.
  virtual Status hold(const Stream& stream, const Event& until) = 0;

  // Blocks until what was recorded last is done. The error of anything before it in the stream.
  virtual Status wait(const Event& event, Wait how) = 0;
  virtual Status wait_all(const Stream& stream) = 0;

  // Between these two the thread's calls on the stream are noted down and not done. end_capture
  // without a graph (an error) leaves the stream as it was before.
  virtual Status begin_capture(const Stream& stream) = 0;
  [[nodiscard]] virtual Result<Graph> end_capture(const Stream& stream) = 0;
  virtual Status launch(const Graph& graph, const Stream& in) = 0;

  // Of Owned alone. Never fails; on a device that is broken it only forgets.
  virtual void free(HandleKind kind, void* handle, std::size_t size) noexcept = 0;
};

template <HandleKind kKind>
Owned<kKind>::~Owned() {
  if (handle_ != nullptr) device_->free(kKind, handle_, size_);
}

}  // namespace muster::tensorrt
