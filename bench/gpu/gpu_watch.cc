// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/gpu_watch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include <fmt/format.h>

namespace muster::bench {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(50);

}  // namespace

GpuWatch::GpuWatch(const std::string& uuid) {
  const Result<nvml::Calls> calls = nvml::open_library();
  if (!calls.ok()) return;
  Result<std::unique_ptr<GpuList>> list = GpuList::make(*calls);
  if (!list.ok()) return;
  const auto found = std::ranges::find((*list)->gpus(), uuid, &GpuIdentity::uuid);
  if (found == (*list)->gpus().end()) return;
  place_ = static_cast<std::size_t>(found - (*list)->gpus().begin());
  list_ = std::move(list).value();
}

Figures GpuWatch::now() const {
  Figures figures;
  if (list_ == nullptr) return figures;
  std::string fault;
  const GpuReading reading = list_->read(place_, fault);
  figures["sm_mhz"] = reading.sm_clock_hertz.value_or(0) / 1e6;
  figures["memory_mhz"] = reading.memory_clock_hertz.value_or(0) / 1e6;
  figures["watts"] = reading.power_watts.value_or(0);
  figures["celsius"] = reading.temperature_celsius.value_or(0);
  return figures;
}

Figures GpuWatch::over(const std::function<Figures()>& measure) {
  Figures sums;
  double samples = 0;
  std::atomic<bool> over{false};
  Figures figures;
  std::exception_ptr failure;
  {
    const std::jthread watcher([&] {
      for (; !over; std::this_thread::sleep_for(kEvery)) {
        for (const auto& [name, value] : now())
          sums[name] += value;
        ++samples;
      }
    });
    try {
      figures = measure();
    } catch (...) {
      failure = std::current_exception();
    }
    over = true;
  }
  if (failure) std::rethrow_exception(failure);
  for (const auto& [name, sum] : sums)
    figures[name] = sum / samples;
  return figures;
}

std::string GpuWatch::driver() const {
  return list_ == nullptr ? std::string() : list_->driver_version();
}

std::string GpuWatch::state() const {
  Figures figures = now();
  return fmt::format("SM {:.0f} MHz, memory {:.0f} MHz, {:.0f} W, {:.0f} degrees",
                     figures["sm_mhz"], figures["memory_mhz"], figures["watts"],
                     figures["celsius"]);
}

}  // namespace muster::bench
