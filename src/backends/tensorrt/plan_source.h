// SPDX-License-Identifier: Apache-2.0
// Where a model's engine comes from: its own file, the folder of what was compiled before, or the
// builder.
#pragma once

#include <memory>
#include <string>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/engine/trt_engine.h"
#include "backends/tensorrt/options.h"

namespace muster::tensorrt {

struct PlanOrder {
  const ModelSource& source;
  const BuildOptions& build;
  Device& device;  // in use on this thread
};

struct ReadyEngine {
  std::shared_ptr<const Engine> engine;
  std::string plan;                   // its bytes, where they were asked for
  std::uint64_t bytes = 0;            // how many there are
  bool built = false;                 // now; else it was there
  std::chrono::milliseconds time{0};  // that building took
  std::string summary;                // CompiledFile::summary, "" where it was there
};

// Whether the builder has to be asked. Messages of all here do not name the file.
[[nodiscard]] Result<bool> must_build(const PlanOrder& order);
// What was kept is there no more.
[[nodiscard]] Status forget_engine(const PlanOrder& order);
// What was kept is used where it is whole and runs here, else it is built and kept, where there is
// a folder for it. `with_plan`: the bytes are wanted, too.
[[nodiscard]] Result<ReadyEngine> ready_engine(const PlanOrder& order, TrtRuntime& runtime,
                                               CompileListener& listener, bool with_plan);

}  // namespace muster::tensorrt
