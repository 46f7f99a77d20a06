// SPDX-License-Identifier: Apache-2.0
// RuntimeReport: what this process has to compute with, and how it is shared out: the machine, the
// thread budget with its reason, a server's threads, the GPUs, the installed backends.
#pragma once

#include <string>
#include <vector>

#include "base/cpu_budget.h"
#include "inference/thread_budget.h"
#include "nvml/gpu_inventory.h"

namespace muster {

struct BackendReport {
  std::string name;
  std::string file;          // of the backend
  std::string version = {};  // of its runtime
  std::string library = {};  // of its runtime; "" = none of its own
  std::vector<std::string> devices = {};
  std::string fault = {};  // why it cannot be used; "" = it can, and the rest is known
};

struct RuntimeReport {
  std::string processor;
  CpuLimits limits;
  int said = 0;    // the thread budget that was asked for; 0 = none, so that the CPUs count
  int budget = 1;  // that counts
  ServerThreads server;
  GpuInventory gpus;
  std::vector<BackendReport> backends;
};

// Opens every installed backend once, and asks the driver for its GPUs; no model. `said`: as in
// RuntimeReport. `server`: what a server would be told of its threads.
[[nodiscard]] RuntimeReport examine_runtime(int said, const ServerThreads& server,
                                            const CudaEnvironment& cuda);

// Which limit made the budget, in words.
[[nodiscard]] std::string reason_of_budget(const RuntimeReport& report);
[[nodiscard]] std::string runtime_table(const RuntimeReport& report);
// One object, on one line.
[[nodiscard]] std::string runtime_json(const RuntimeReport& report);

}  // namespace muster
