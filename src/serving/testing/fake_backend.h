// SPDX-License-Identifier: Apache-2.0
// FakeBackend: a model that is a C++ function, run as a real backend would run it.
//
// Its sessions check how they are used, so that a test fails where the contract of
// <muster/backend.h> is broken: every input prepared before run, one thread at a time, sizes that
// fit their shapes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/backend.h>

#include "base/mutex.h"
#include "serving/testing/gate.h"

namespace muster::testing {

using Inputs = std::vector<TensorView>;
using Outputs = std::vector<Tensor>;

// What a FakeBackend loads, and what it has seen. Shared with the test.
struct FakeModel {
  ModelSignature signature;
  std::function<Result<Outputs>(const Inputs&)> compute;
  bool thread_bound = false;
  Status load_outcome;          // of load
  Status session_outcome;       // of new_session
  Status prepare_outcome = {};  // of prepare_input
  Gate gate;                    // every run passes it

  void saw(const Inputs& inputs) {
    const MutexLock lock(mutex);
    std::vector<Shape> shapes;
    for (const TensorView& input : inputs)
      shapes.push_back(input.shape);
    runs_.push_back(std::move(shapes));
  }
  void forget_runs() {
    const MutexLock lock(mutex);
    runs_.clear();
  }
  // The inputs' shapes, run by run.
  [[nodiscard]] std::vector<std::vector<Shape>> runs() {
    const MutexLock lock(mutex);
    return runs_;
  }

  Mutex mutex;
  std::vector<std::vector<Shape>> runs_ MUSTER_GUARDED_BY(mutex);
  // Of the last load.
  std::string loaded_file;
  std::map<std::string, std::string, std::less<>> loaded_parameters;
  int loaded_threads = 0;
  bool loaded_pooled = false;
  std::atomic<int> sessions{0};  // alive
};

class FakeSession final : public Session {
 public:
  explicit FakeSession(std::shared_ptr<FakeModel> model)
      : model_(std::move(model)), inputs_(model_->signature.inputs.size()) {
    ++model_->sessions;
  }
  ~FakeSession() override {
    check_thread();
    --model_->sessions;
  }
  FakeSession(const FakeSession&) = delete;
  FakeSession& operator=(const FakeSession&) = delete;

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    const Use use(*this);
    MUSTER_RETURN_IF_ERROR(Status(model_->prepare_outcome));
    const DataType type = model_->signature.inputs.at(index).type;
    MUSTER_ASSIGN_OR_RETURN(inputs_.at(index), Tensor::allocate(type, shape, size));
    return inputs_[index]->bytes();
  }

  Status run() override {
    const Use use(*this);
    Inputs views;
    for (const auto& input : inputs_) {
      if (!input) return internal_error("run before every input was prepared");
      views.push_back(input->view());
    }
    model_->saw(views);
    model_->gate.pass();
    Result<Outputs> outputs = model_->compute(views);
    for (auto& input : inputs_)
      input.reset();
    if (!outputs.ok()) return std::move(outputs).status();
    outputs_ = *std::move(outputs);
    return {};
  }

  [[nodiscard]] Result<TensorView> output(std::size_t index) override {
    const Use use(*this);
    if (index >= outputs_.size()) return internal_error("no such output");
    return outputs_[index].view();
  }

 private:
  // A second thread inside at the same time is an error of the caller's.
  struct Use {
    explicit Use(FakeSession& used) : session(used) {
      EXPECT_FALSE(session.in_use_.exchange(true));
      session.check_thread();
    }
    ~Use() { session.in_use_ = false; }
    FakeSession& session;
  };
  void check_thread() const {
    EXPECT_TRUE(!model_->thread_bound || std::this_thread::get_id() == made_on_);
  }

  const std::shared_ptr<FakeModel> model_;
  const std::thread::id made_on_ = std::this_thread::get_id();
  std::vector<std::optional<Tensor>> inputs_;
  Outputs outputs_;
  std::atomic<bool> in_use_{false};
};

class FakeCompiledModel final : public CompiledModel {
 public:
  explicit FakeCompiledModel(std::shared_ptr<FakeModel> model) : model_(std::move(model)) {}

  [[nodiscard]] const ModelSignature& signature() const override { return model_->signature; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override {
    MUSTER_RETURN_IF_ERROR(Status(model_->session_outcome));
    return std::make_unique<FakeSession>(model_);
  }
  [[nodiscard]] bool sessions_are_thread_bound() const override { return model_->thread_bound; }

 private:
  const std::shared_ptr<FakeModel> model_;
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(std::shared_ptr<FakeModel> model) : model_(std::move(model)) {}

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] std::string version() const override { return "Fake 1.0"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    model_->loaded_file = source.file;
    model_->loaded_parameters = source.config->parameters;
    model_->loaded_threads = source.threads;
    model_->loaded_pooled = source.pooled;
    MUSTER_RETURN_IF_ERROR(Status(model_->load_outcome));
    return std::make_shared<const FakeCompiledModel>(model_);
  }

 private:
  const std::shared_ptr<FakeModel> model_;
};

}  // namespace muster::testing
