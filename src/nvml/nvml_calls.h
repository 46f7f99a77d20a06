// SPDX-License-Identifier: Apache-2.0
// NVML's C interface, as far as it is called here, and the library that has it, opened at run time.
//
// Declared by ourselves after NVIDIA's "NVML API Reference Guide" (docs.nvidia.com/deploy/nvml-api,
// vR550): nothing of NVIDIA's is needed to build. NVML keeps its calls: one that changes gets a new
// name, with _v2 behind it, and the old one stays (docs/adr/0045).
#pragma once

#include <string>

#include <muster/status.h>

namespace muster::nvml {

// Part of NVIDIA's driver, under this name since there has been one. Looked for where the loader
// looks for every library.
inline constexpr const char* kLibrary = "libnvidia-ml.so.1";

// nvmlReturn_t. Newer drivers may give others, which are errors too.
using Return = unsigned int;
inline constexpr Return kSuccess = 0;
inline constexpr Return kNotSupported = 3;     // by this GPU, or not of a part of one (MIG)
inline constexpr Return kNoPermission = 4;     // a GPU that this container is not given
inline constexpr Return kNotFound = 6;         // also: no GPU at all
inline constexpr Return kDriverNotLoaded = 9;  // the library is there, a GPU is not
inline constexpr Return kGpuIsLost = 15;       // has fallen off the bus
inline constexpr Return kResetRequired = 16;   // of no use until somebody resets it

// nvmlDevice_t: owned by NVML, until it is shut down.
struct DeviceRecord;
using Device = DeviceRecord*;

// nvmlUtilization_t: percent of NVML's last sampling period, 1/6 to 1 second.
struct Utilization {
  unsigned int gpu;     // in which a kernel ran
  unsigned int memory;  // in which memory was read or written
};
static_assert(sizeof(Utilization) == 8);

// nvmlMemory_t: bytes. `used` has in it what the driver keeps for itself.
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
static_assert(sizeof(Memory) == 24);

// nvmlClockType_t and nvmlTemperatureSensors_t.
inline constexpr unsigned int kSmClock = 1;
inline constexpr unsigned int kMemoryClock = 2;
inline constexpr unsigned int kGpuTemperature = 0;

// Bytes of a text, its end included: the longest that the guide has, for names and UUIDs
// (NVML_DEVICE_UUID_V2_BUFFER_SIZE).
inline constexpr unsigned int kTextBytes = 96;

// The calls. Any thread, once `init` has been called; each may take milliseconds, and where a GPU
// or the driver is in trouble as long as it likes.
struct Calls {
  // NVML is always there with these.
  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  Return (*device_count)(unsigned int*) = nullptr;
  Return (*device_by_index)(unsigned int, Device*) = nullptr;
  Return (*device_uuid)(Device, char*, unsigned int bytes) = nullptr;
  Return (*device_name)(Device, char*, unsigned int bytes) = nullptr;

  // Null where the driver is too old to have them.
  const char* (*error_text)(Return) = nullptr;
  Return (*driver_version)(char*, unsigned int bytes) = nullptr;
  Return (*cuda_version)(int*) = nullptr;  // 12040 is 12.4
  Return (*device_by_uuid)(const char*, Device*) = nullptr;
  Return (*device_of_mig)(Device mig, Device*) = nullptr;
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*power)(Device, unsigned int* milliwatts) = nullptr;
  Return (*power_limit)(Device, unsigned int* milliwatts) = nullptr;
  // Since the driver was loaded.
  Return (*energy)(Device, unsigned long long* millijoules) = nullptr;
  Return (*clock)(Device, unsigned int type, unsigned int* megahertz) = nullptr;
  Return (*temperature)(Device, unsigned int sensor, unsigned int* celsius) = nullptr;
};

// Opens `file` for as long as the process lives; the calls may be used until then. kNotFound: there
// is no such library, so no NVIDIA driver. kFailedPrecondition: there is, and it is not NVML.
[[nodiscard]] Result<Calls> open_library(const std::string& file = kLibrary);

// "GPU is lost", or "error 15" where NVML has no word for it.
[[nodiscard]] std::string text_of(const Calls& calls, Return error);

// What a call gave as text, made safe for messages; the end may be missing.
[[nodiscard]] std::string text_of(const char (&text)[kTextBytes]);

}  // namespace muster::nvml
