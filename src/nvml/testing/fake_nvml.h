// SPDX-License-Identifier: Apache-2.0
// A library that has NVML's calls and answers by a script: for tests on machines without a GPU.
//
// A test of this folder opens it as the code does and changes its script by hand. A server takes
// it by LD_LIBRARY_PATH, and the script comes from the environment:
//   FAKE_NVML_GPUS=2          how many GPUs there are; without, 1
//   FAKE_NVML_HANGS=1         calls about a GPU do not return
//   FAKE_NVML_LOST=1          the GPU of that index is lost
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "nvml/nvml_calls.h"

namespace muster {

struct FakeGpu {
  std::string uuid;
  std::string name = "Fake H200";
  unsigned int busy_percent = 50;
  unsigned int memory_busy_percent = 25;
  unsigned long long memory_bytes = 1ULL << 37;
  unsigned long long memory_used_bytes = 1ULL << 30;
  unsigned int milliwatts = 123'456;
  unsigned int limit_milliwatts = 700'000;
  unsigned long long millijoules = 5'000'000;
  unsigned int sm_megahertz = 1980;
  unsigned int memory_megahertz = 3201;
  unsigned int celsius = 41;
  // What calls answer instead of a value, by the names of nvml::Calls ("power"); "" = all that ask
  // this GPU for a value.
  std::map<std::string, nvml::Return> errors = {};
};

// The script, and what was seen. All under `mutex`.
struct FakeNvml {
  Mutex mutex;
  CondVar changed;  // of what was seen, and of `hold`

  nvml::Return init_answer = nvml::kSuccess;
  nvml::Return count_answer = nvml::kSuccess;
  std::map<unsigned int, nvml::Return> handle_errors;  // by index
  std::string driver = "550.54.15";
  int cuda = 12040;
  std::vector<FakeGpu> gpus;
  std::map<std::string, std::size_t> parts;  // a MIG device's UUID -> its GPU
  bool hold = false;                         // calls about a GPU wait until it is false

  int inits = 0;
  int shutdowns = 0;
  int calls = 0;    // about a GPU
  int holding = 0;  // of them, those that wait now

  // As it is at the start, but with `count` GPUs: "GPU-fake0000-0000-0000-0000-000000000000" and
  // so on.
  void reset(std::size_t count) {
    init_answer = count_answer = nvml::kSuccess;
    handle_errors.clear();
    driver = "550.54.15";
    cuda = 12040;
    gpus.clear();
    for (std::size_t i = 0; i < count; ++i) {
      gpus.emplace_back();
      gpus.back().uuid = "GPU-fake000" + std::to_string(i) + "-0000-0000-0000-000000000000";
    }
    parts.clear();
    hold = false;
    inits = shutdowns = calls = holding = 0;
  }
};

// Exported by the library under kFakeNvmlScript.
using FakeNvmlScript = FakeNvml* (*)();
inline constexpr const char* kFakeNvmlScript = "fake_nvml_script";

}  // namespace muster
