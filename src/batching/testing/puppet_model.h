// SPDX-License-Identifier: Apache-2.0
// PuppetModel: sessions that run only when the test lets them, and a record of all they did.
//
// It has the input "x" and the output "y", both INT64 [-1,1]; y = x + 1000.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <muster/backend.h>

#include "base/mutex.h"
#include "batching/testing/requests.h"

namespace muster::testing {

inline constexpr std::int64_t kPuppetAdds = 1000;

struct PuppetRun {
  std::size_t session;
  Numbers numbers;
};

struct PuppetSessionLife {
  std::thread::id made_on;
  std::vector<std::thread::id> ran_on;
  std::thread::id ended_on;  // none yet: lives
};

// Any thread. Must outlive its sessions, as a CompiledModel that is no shared_ptr here.
class PuppetModel final : public CompiledModel {
 public:
  explicit PuppetModel(bool thread_bound = false) : thread_bound_(thread_bound) {
    signature_.inputs.push_back({"x", DataType::kInt64, {kDynamicDim, 1}, {}});
    signature_.outputs.push_back({"y", DataType::kInt64, {kDynamicDim, 1}, {}});
  }

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] bool sessions_are_thread_bound() const override { return thread_bound_; }
  [[nodiscard]] int sessions_per_instance() const override { return sessions_per_instance_; }
  void give_sessions(int per_instance) { sessions_per_instance_ = per_instance; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override {
    const MutexLock lock(stage_.mutex);
    const std::size_t number = stage_.lives.size();
    if (number == stage_.failing_session) return unavailable("the puppet has no more strings");
    if (number == stage_.throwing_session) throw std::runtime_error("the strings broke");
    stage_.lives.push_back({std::this_thread::get_id(), {}, {}});
    return std::make_unique<PuppetSession>(stage_, number);
  }

  // Runs wait from now on; `release` lets that many of them go, `open` all from now on.
  void hold() {
    const MutexLock lock(stage_.mutex);
    stage_.open = false;
  }
  void release(std::size_t runs = 1) {
    const MutexLock lock(stage_.mutex);
    stage_.released += runs;
    stage_.changed.notify_all();
  }
  void open() {
    const MutexLock lock(stage_.mutex);
    stage_.open = true;
    stage_.changed.notify_all();
  }
  // Returns when that many runs have begun in all; held ones have.
  void await_runs(std::size_t count) {
    MutexLock lock(stage_.mutex);
    while (stage_.runs.size() < count)
      stage_.changed.wait(lock);
  }

  // The sessions made so far plus `later` is the number of the one that fails or throws.
  void fail_session(std::size_t number) { set(&Stage::failing_session, number); }
  void throw_from_session(std::size_t number) { set(&Stage::throwing_session, number); }
  // Runs of more rows find no memory from now on.
  void give_room(std::size_t rows) { set(&Stage::room, rows); }
  // How each run ends from now on.
  enum class Ending : std::uint8_t { kDone, kFails, kThrows, kThrowsNoException };
  void end_runs(Ending ending) { set(&Stage::ending, ending); }

  [[nodiscard]] std::vector<PuppetRun> runs() {
    const MutexLock lock(stage_.mutex);
    return stage_.runs;
  }
  [[nodiscard]] std::vector<PuppetSessionLife> lives() {
    const MutexLock lock(stage_.mutex);
    return stage_.lives;
  }

 private:
  static constexpr auto kNone = static_cast<std::size_t>(-1);

  struct Stage {
    Mutex mutex;
    CondVar changed;
    bool open = true;
    std::size_t released = 0;
    std::size_t failing_session = kNone;
    std::size_t throwing_session = kNone;
    std::size_t room = kNone;
    Ending ending = Ending::kDone;
    std::vector<PuppetRun> runs;
    std::vector<PuppetSessionLife> lives;
  };

  template <typename T>
  void set(T Stage::*member, T value) {
    const MutexLock lock(stage_.mutex);
    stage_.*member = value;
  }

  class PuppetSession final : public Session {
   public:
    PuppetSession(Stage& stage, std::size_t number) : stage_(stage), number_(number) {}
    ~PuppetSession() override {
      const MutexLock lock(stage_.mutex);
      stage_.lives[number_].ended_on = std::this_thread::get_id();
    }

    Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                               std::size_t size) override {
      MUSTER_CHECK(index == 0 && size == static_cast<std::size_t>(shape[0]) * sizeof(std::int64_t));
      numbers_.resize(static_cast<std::size_t>(shape[0]));
      return std::as_writable_bytes(std::span(numbers_));
    }

    Status run() override {
      MutexLock lock(stage_.mutex);
      stage_.runs.push_back({number_, numbers_});
      stage_.lives[number_].ran_on.push_back(std::this_thread::get_id());
      stage_.changed.notify_all();
      while (!stage_.open && stage_.released == 0)
        stage_.changed.wait(lock);
      if (!stage_.open) --stage_.released;
      if (numbers_.size() > stage_.room) return resource_exhausted("the stage is too small");
      switch (stage_.ending) {
        case Ending::kDone:
          break;
        case Ending::kFails:
          return internal_error("the puppet fell");
        case Ending::kThrows:
          throw std::runtime_error("the puppet was thrown");
        case Ending::kThrowsNoException:
          throw 1;  // NOLINT(hicpp-exception-baseclass)
      }
      for (std::int64_t& number : numbers_)
        number += kPuppetAdds;
      return {};
    }

    [[nodiscard]] Result<TensorView> output(std::size_t index) override {
      MUSTER_CHECK(index == 0);
      return TensorView{DataType::kInt64,
                        {static_cast<std::int64_t>(numbers_.size()), 1},
                        std::as_bytes(std::span(numbers_))};
    }

   private:
    Stage& stage_;
    const std::size_t number_;
    Numbers numbers_;
  };

  const bool thread_bound_;
  int sessions_per_instance_ = 1;
  ModelSignature signature_;
  mutable Stage stage_;
};

}  // namespace muster::testing
