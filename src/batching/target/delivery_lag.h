// SPDX-License-Identifier: Apache-2.0
// DeliveryLag: how long the answers of a batch take from where they are computed until the last of
// them is on its way, as whoever carries them on says (InferResponse::delivery).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <muster/inference.h>

namespace muster {

// A mean and how far values are from it, both of the last few dozen, as TCP has them of round trips
// (RFC 6298). Any thread; of two at once one may be lost.
class DeliveryLag final : public DeliveryMeter {
 public:
  void record(std::chrono::nanoseconds lag) noexcept override {
    const std::int64_t mean = mean_.load(std::memory_order_relaxed);
    const std::int64_t spread = spread_.load(std::memory_order_relaxed);
    // A hiccup counts no more than others by far.
    const std::int64_t most = kMostOver * (mean + spread) + kLeast;
    const std::int64_t off = std::clamp<std::int64_t>(lag.count(), 0, most) - mean;
    mean_.store(mean + off / kMemory, std::memory_order_relaxed);
    spread_.store(spread + ((off < 0 ? -off : off) - spread) / kMemory, std::memory_order_relaxed);
  }

  // Nearly all are through by then. 0 where nobody told.
  [[nodiscard]] std::chrono::nanoseconds cautious() const noexcept {
    return std::chrono::nanoseconds(mean_.load(std::memory_order_relaxed) +
                                    4 * spread_.load(std::memory_order_relaxed));
  }

 private:
  static constexpr std::int64_t kMemory = 16;
  static constexpr std::int64_t kMostOver = 3;
  static constexpr std::int64_t kLeast = 100'000;  // ns: where nothing is known yet

  std::atomic<std::int64_t> mean_{0};  // ns
  std::atomic<std::int64_t> spread_{0};
};

// What delivery leaves for waiting and running. At least three quarters: that answers hardly go out
// is no reason to run nothing.
[[nodiscard]] inline std::chrono::nanoseconds left_of_target(
    std::chrono::nanoseconds target, std::chrono::nanoseconds delivery) noexcept {
  return target - std::min(delivery, target / 4);
}

}  // namespace muster
