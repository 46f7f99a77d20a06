// SPDX-License-Identifier: Apache-2.0
// LoadedModel: a model as Python has it: loaded, warmed up, and run by the thread that asks for it.
// No queue stands before it; a batcher makes one over the same weights (serve).
//
//   plan (Python prepares the runtime that it names) load lease*
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <muster/backend.h>
#include <muster/service.h>

#include "serving/model_folder.h"
#include "serving/served_model.h"

namespace muster::python {

struct OpenOrder {
  std::string path;     // as ModelService::open takes it
  std::string backend;  // "" = as its configuration or file says
  std::map<std::string, std::string, std::less<>> parameters = {};  // above the configuration's
  std::optional<int> sessions = {};  // runs side by side; default: as many as there are CPUs
  ServiceOptions service = {};       // threads, batch size, cache
};

struct OpenPlan {
  OpenOrder order;
  ModelFolder folder;
  ModelFolder::Choice choice;
  bool own_backend = true;  // the configuration's own: its parameters count
};
[[nodiscard]] Result<OpenPlan> plan(OpenOrder order);

// Sessions of one model, made as they are needed, for threads that run it side by side.
class SessionPool {
 public:
  // Gives its session back at its end.
  class Lease {
   public:
    Lease() = default;
    Lease(SessionPool& pool, std::unique_ptr<Session> session)
        : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept = default;
    ~Lease() {
      if (session_) pool_->put_back(std::move(session_));
    }
    [[nodiscard]] Session& operator*() const noexcept { return *session_; }
    [[nodiscard]] Session* operator->() const noexcept { return session_.get(); }
    // It is broken for good: the next one is a new one.
    void discard() noexcept;

   private:
    SessionPool* pool_ = nullptr;
    std::unique_ptr<Session> session_;
  };

  SessionPool(const CompiledModel& model, int limit) : model_(model), limit_(limit) {}
  // Blocks while all are at work.
  [[nodiscard]] Result<Lease> take();

 private:
  void put_back(std::unique_ptr<Session> session);
  void forget_one();

  const CompiledModel& model_;
  const int limit_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Session>> idle_;  // guarded by mutex_, as what is below
  int made_ = 0;
};

class LoadedModel {
 public:
  // Blocks while the model loads and is run on zeros.
  static Result<std::shared_ptr<LoadedModel>> load(OpenPlan plan);

  [[nodiscard]] const ModelDescription& description() const noexcept { return *description_; }
  [[nodiscard]] const std::shared_ptr<const ModelDescription>& shared_description() const noexcept {
    return description_;
  }
  // As the model file has them: what sessions count in.
  [[nodiscard]] const ModelSignature& signature() const noexcept { return model_->signature(); }
  // The first axis of every input counts rows.
  [[nodiscard]] bool stacked() const noexcept { return stacked_; }
  [[nodiscard]] BatchRange batch_range() const { return model_->batch_range(); }
  [[nodiscard]] Result<SessionPool::Lease> lease() { return sessions_->take(); }
  // The same weights with a queue and workers of their own; `options` stand above the model's.
  [[nodiscard]] Result<std::unique_ptr<ServedModel>> serve(ServiceOptions options) const;

 private:
  LoadedModel(OpenPlan plan, std::shared_ptr<Backend> backend)
      : plan_(std::move(plan)), backend_(std::move(backend)) {}

  const OpenPlan plan_;
  // In the order of who needs whom.
  const std::shared_ptr<Backend> backend_;
  std::shared_ptr<const CompiledModel> model_;
  std::shared_ptr<const ModelDescription> description_;
  bool stacked_ = false;
  std::unique_ptr<SessionPool> sessions_;
};

}  // namespace muster::python
