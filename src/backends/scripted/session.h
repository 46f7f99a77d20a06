// SPDX-License-Identifier: Apache-2.0
// A scripted model and its sessions.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <muster/backend.h>

#include "backends/scripted/script.h"
#include "backends/scripted/stage.h"
#include "base/clock.h"

namespace muster::scripted {

// Delays of Triton's identity backend, on top of the script's latency.
struct Delays {
  std::chrono::milliseconds execute{0};
  std::int64_t instance_multiplier = 0;  // 0 = every instance waits alike
  std::chrono::milliseconds creation{0};

  // The first instance waits `execute`, the n-th after it that times n times the multiplier.
  [[nodiscard]] std::chrono::milliseconds of_instance(std::int64_t index) const {
    return instance_multiplier == 0 || index == 0 ? execute
                                                  : execute * (instance_multiplier * index);
  }
};

void sleep_on(Clock& clock, Clock::Duration length);

class ScriptedModel final : public CompiledModel,
                            public std::enable_shared_from_this<ScriptedModel> {
 public:
  ScriptedModel(Script script, Delays delays, std::shared_ptr<Stage> stage, Clock& clock)
      : script_(std::move(script)), delays_(delays), stage_(std::move(stage)), clock_(&clock) {}

  [[nodiscard]] const ModelSignature& signature() const override { return script_.signature; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override;
  [[nodiscard]] bool sessions_are_thread_bound() const override { return script_.thread_bound; }
  // Its runs are counted, and may take long.
  [[nodiscard]] bool gains_from_warm_up() const override { return false; }

  [[nodiscard]] const Script& script() const { return script_; }
  // Plays one run of `rows` rows: waits, and says how it ends.
  [[nodiscard]] Status play(std::int64_t rows, std::chrono::milliseconds delay) const;

 private:
  const Script script_;
  const Delays delays_;
  const std::shared_ptr<Stage> stage_;
  Clock* const clock_;
  mutable std::atomic<std::uint64_t> runs_{0};
  mutable std::atomic<std::int64_t> sessions_{0};
};

class ScriptedSession final : public Session {
 public:
  ScriptedSession(std::shared_ptr<const ScriptedModel> model, std::chrono::milliseconds delay);
  ~ScriptedSession() override;

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override;
  // From GPU 0 of gpu_memory.h.
  Status take_from_device(std::size_t index, std::size_t offset, const DeviceBytes& bytes) override;
  Status run() override;
  [[nodiscard]] Result<TensorView> output(std::size_t index) override;

 private:
  void check_thread() const;
  [[nodiscard]] Status make_outputs();
  [[nodiscard]] Status echo();

  struct Input {
    Buffer buffer;
    TensorView view;
    bool prepared = false;
  };
  struct Taken {
    std::size_t input;
    std::size_t offset;
    DeviceBytes bytes;
  };

  const std::shared_ptr<const ScriptedModel> model_;
  const std::chrono::milliseconds delay_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::vector<Input> inputs_;
  std::vector<Taken> taken_;
  std::vector<Tensor> made_;  // outputs that are no echo
  std::vector<TensorView> outputs_;
  bool ran_ = false;
};

}  // namespace muster::scripted
