// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/gathers.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>

#if defined(__SSE2__)
#  include <immintrin.h>
#endif

#include <cuda_runtime_api.h>

#include "bench/gpu/raw_engine.h"
#include "bench/process_usage.h"

namespace muster::bench {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kSourcesPerRow = 8;  // so that no cache holds them all

void check(cudaError_t outcome, const char* what) {
  if (outcome != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(outcome));
}

// Pinned by CUDA, or pages of ours that CUDA is told of.
class Room {
 public:
  Room(std::size_t size, bool huge) : size_((size + kHugePage - 1) / kHugePage * kHugePage) {
    if (!huge) {
      check(cudaHostAlloc(&memory_, size_, cudaHostAllocDefault), "pinned memory");
      return;
    }
    void* const mapped = ::mmap(nullptr, size_ + kHugePage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::runtime_error("no memory for a room");
    mapped_ = mapped;
    const auto at = reinterpret_cast<std::uintptr_t>(mapped);
    memory_ = static_cast<std::byte*>(mapped) + ((kHugePage - at % kHugePage) % kHugePage);
    // Where the system has no such pages it takes small ones.
    static_cast<void>(::madvise(memory_, size_, MADV_HUGEPAGE));
    std::memset(memory_, 0, size_);
    check(cudaHostRegister(memory_, size_, cudaHostRegisterDefault), "pinning memory");
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (mapped_ == nullptr) {
      cudaFreeHost(memory_);
      return;
    }
    cudaHostUnregister(memory_);
    ::munmap(mapped_, size_ + kHugePage);
  }
  [[nodiscard]] std::byte* at(std::size_t offset) const noexcept {
    return static_cast<std::byte*>(memory_) + offset;
  }

 private:
  const std::size_t size_;
  void* memory_ = nullptr;
  void* mapped_ = nullptr;
};

using Copy = void (*)(std::byte* to, const std::byte* from, std::size_t size);

void copy_plainly(std::byte* to, const std::byte* from, std::size_t size) {
  std::memcpy(to, from, size);
}

// Past the caches: what the GPU reads no processor will.
void copy_streaming(std::byte* to, const std::byte* from, std::size_t size) {
#if defined(__SSE2__)
  const std::size_t lead = (64 - reinterpret_cast<std::uintptr_t>(to) % 64) % 64;
  if (lead >= size) return copy_plainly(to, from, size);
  std::memcpy(to, from, lead);
  std::size_t done = lead;
  for (; done + 64 <= size; done += 64) {
    const auto* const source = reinterpret_cast<const __m128i*>(from + done);
    auto* const target = reinterpret_cast<__m128i*>(to + done);
    const __m128i a = _mm_loadu_si128(source);
    const __m128i b = _mm_loadu_si128(source + 1);
    const __m128i c = _mm_loadu_si128(source + 2);
    const __m128i d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  std::memcpy(to + done, from + done, size - done);
  _mm_sfence();
#else
  copy_plainly(to, from, size);
#endif
}

Figures gather_for(const GatherOrder& order, const std::vector<std::unique_ptr<Room>>& rooms,
                   const std::vector<std::byte>& sources, Copy copy) {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> rows{0};
  const std::size_t places = sources.size() / order.row_bytes;
  const Usage usage;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    threads.emplace_back([&, i] {
      std::size_t place = i * places / rooms.size();
      while (!over.load(std::memory_order_relaxed)) {
        for (std::int64_t row = 0; row < order.batch; ++row, place = (place + 1) % places) {
          copy(rooms[i]->at(static_cast<std::size_t>(row) * order.row_bytes),
               sources.data() + place * order.row_bytes, order.row_bytes);
        }
        rows.fetch_add(static_cast<std::uint64_t>(order.batch), std::memory_order_relaxed);
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(order.seconds));
  over = true;
  for (std::thread& thread : threads)
    thread.join();
  Figures figures;
  usage.put_into(figures, static_cast<double>(rows.load()));
  return figures;
}

}  // namespace

Experiment gathers(const GatherOrder& order) {
  const auto sources = std::make_shared<std::vector<std::byte>>(
      random_rows(order.row_bytes * static_cast<std::size_t>(order.batch) * kSourcesPerRow, true));
  Experiment experiment;
  for (const bool huge : {false, true}) {
    const auto rooms = std::make_shared<std::vector<std::unique_ptr<Room>>>();
    for (int i = 0; i < order.threads; ++i) {
      rooms->push_back(
          std::make_unique<Room>(order.row_bytes * static_cast<std::size_t>(order.batch), huge));
    }
    for (const auto& [name, copy] : {std::pair<std::string, Copy>{"plain", copy_plainly},
                                     std::pair<std::string, Copy>{"streaming", copy_streaming}}) {
      experiment.contenders.push_back(
          {name + (huge ? "_huge_pages" : "_cuda_pages"), [order, rooms, sources, copy = copy] {
             return gather_for(order, *rooms, *sources, copy);
           }});
    }
  }
  return experiment;
}

}  // namespace muster::bench
