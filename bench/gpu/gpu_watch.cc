// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/gpu_watch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include <dlfcn.h>
#include <fmt/format.h>

namespace muster::bench {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(50);
// The library's own numbers.
constexpr unsigned kSmClock = 1;
constexpr unsigned kMemoryClock = 2;
constexpr unsigned kOnTheGpu = 0;

}  // namespace

// Calls that are not there count as failed.
struct GpuWatch::Library {
  using Device = void*;

  explicit Library(const std::string& uuid) : handle(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
    if (handle == nullptr) return;
    load(init, "nvmlInit_v2");
    load(shut_down, "nvmlShutdown");
    load(by_uuid, "nvmlDeviceGetHandleByUUID");
    load(clock, "nvmlDeviceGetClockInfo");
    load(power, "nvmlDeviceGetPowerUsage");
    load(temperature, "nvmlDeviceGetTemperature");
    load(version, "nvmlSystemGetDriverVersion");
    begun = init != nullptr && init() == 0;
    if (begun && (by_uuid == nullptr || by_uuid(uuid.c_str(), &device) != 0)) device = nullptr;
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (begun && shut_down != nullptr) shut_down();
    if (handle != nullptr) dlclose(handle);
  }

  template <typename Call>
  void load(Call& call, const char* name) {
    call = reinterpret_cast<Call>(dlsym(handle, name));
  }
  [[nodiscard]] double mhz(unsigned of) const {
    unsigned value = 0;
    return device != nullptr && clock != nullptr && clock(device, of, &value) == 0 ? value : 0;
  }
  [[nodiscard]] double watts() const {
    unsigned value = 0;
    return device != nullptr && power != nullptr && power(device, &value) == 0 ? value / 1e3 : 0;
  }
  [[nodiscard]] double celsius() const {
    unsigned value = 0;
    return device != nullptr && temperature != nullptr &&
                   temperature(device, kOnTheGpu, &value) == 0
               ? value
               : 0;
  }

  void* handle = nullptr;
  bool begun = false;
  Device device = nullptr;
  int (*init)() = nullptr;
  int (*shut_down)() = nullptr;
  int (*by_uuid)(const char*, Device*) = nullptr;
  int (*clock)(Device, unsigned, unsigned*) = nullptr;
  int (*power)(Device, unsigned*) = nullptr;
  int (*temperature)(Device, unsigned, unsigned*) = nullptr;
  int (*version)(char*, unsigned) = nullptr;
};

GpuWatch::GpuWatch(const std::string& uuid) : library_(std::make_unique<Library>(uuid)) {}
GpuWatch::~GpuWatch() = default;

Figures GpuWatch::over(const std::function<Figures()>& measure) {
  Figures sums;
  double samples = 0;
  std::atomic<bool> over{false};
  std::thread watcher([&] {
    for (; !over; std::this_thread::sleep_for(kEvery)) {
      sums["sm_mhz"] += library_->mhz(kSmClock);
      sums["memory_mhz"] += library_->mhz(kMemoryClock);
      sums["watts"] += library_->watts();
      sums["celsius"] += library_->celsius();
      ++samples;
    }
  });
  Figures figures;
  try {
    figures = measure();
  } catch (...) {
    over = true;
    watcher.join();
    throw;
  }
  over = true;
  watcher.join();
  for (const auto& [name, sum] : sums)
    figures[name] = sum / samples;
  return figures;
}

std::string GpuWatch::driver() const {
  std::array<char, 96> text{};
  const bool known = library_->begun && library_->version != nullptr &&
                     library_->version(text.data(), static_cast<unsigned>(text.size())) == 0;
  return known ? text.data() : "";
}

std::string GpuWatch::state() const {
  return fmt::format("SM {:.0f} MHz, memory {:.0f} MHz, {:.0f} W, {:.0f} degrees",
                     library_->mhz(kSmClock), library_->mhz(kMemoryClock), library_->watts(),
                     library_->celsius());
}

}  // namespace muster::bench
