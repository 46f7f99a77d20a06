// SPDX-License-Identifier: Apache-2.0
// A backend without a runtime: plays a script of latencies and faults, for tests and benchmarks.
//
// Its models come from `model.script` files (script.h has the format), or from a Script that a test
// hands in; they answer with their inputs. Also serves Triton's backend name `identity` with the
// parameters execute_delay_ms, instance_wise_delay_multiplier and creation_delay_sec.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <muster/backend.h>

#include "backends/scripted/gpu_memory.h"
#include "backends/scripted/script.h"
#include "backends/scripted/stage.h"
#include "base/clock.h"

namespace muster::scripted {

class ScriptedBackend final : public Backend {
 public:
  // Latencies pass on `clock`, which must outlive all that is loaded.
  explicit ScriptedBackend(Clock& clock = steady_clock())
      : clock_(&clock), stage_(std::make_shared<Stage>()) {}

  // From now on load() gives this, whatever the file. Not while another thread loads.
  void set_script(Script script) { script_ = std::move(script); }
  // Of every session of every model of this backend.
  [[nodiscard]] Stage& stage() { return *stage_; }

  [[nodiscard]] std::string_view name() const override { return "scripted"; }
  [[nodiscard]] std::string version() const override { return "scripted 1"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override;
  // What a script must prepare is a file in the cache, by what the script says.
  [[nodiscard]] Result<bool> must_compile(const ModelSource& source) override;
  [[nodiscard]] Result<CompiledFile> compile(const ModelSource& source, const std::string& output,
                                             CompileListener& listener) override;
  [[nodiscard]] Status forget_compiled(const ModelSource& source) override;
  // Of GPUs that are a play as well (gpu_memory.h).
  [[nodiscard]] Result<std::shared_ptr<const DeviceRegion>> open_region(
      std::span<const std::byte> handle, int device, std::size_t size) override {
    return gpu_memory_.open(handle, device, size);
  }

 private:
  [[nodiscard]] Result<Script> script_for(const ModelSource& source) const;

  Clock* const clock_;
  const std::shared_ptr<Stage> stage_;
  std::optional<Script> script_;
  GpuMemory gpu_memory_;
};

}  // namespace muster::scripted
