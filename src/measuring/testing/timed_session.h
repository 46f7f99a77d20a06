// SPDX-License-Identifier: Apache-2.0
// TimedSession: moves a clock by what filling, running and reading take, and uses two processors
// while it runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "base/testing/fake_clock.h"
#include "measuring/testing/fake_usage.h"

namespace muster {

class TimedSession final : public Session {
 public:
  TimedSession(FakeClock& clock, FakeUsage& usage) : clock_(clock), usage_(usage) {}

  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape&, std::size_t size) override {
    clock_.advance(fill_time);
    usage_.cpu += fill_time;
    room_.resize(size);
    return std::span(room_);
  }
  Status run() override {
    if (runs == fails_at) return unavailable("the device is gone");
    const std::chrono::microseconds length = lengths[runs++ % lengths.size()];
    clock_.advance(length);
    usage_.cpu += 2 * length;
    return {};
  }
  Result<TensorView> output(std::size_t) override {
    clock_.advance(read_time);
    usage_.cpu += read_time;
    return TensorView{};
  }

  std::vector<std::chrono::microseconds> lengths = {std::chrono::microseconds(1000)};
  std::chrono::microseconds fill_time{0};
  std::chrono::microseconds read_time{0};
  std::uint64_t runs = 0;
  std::uint64_t fails_at = std::numeric_limits<std::uint64_t>::max();

 private:
  FakeClock& clock_;
  FakeUsage& usage_;
  std::vector<std::byte> room_;
};

}  // namespace muster
