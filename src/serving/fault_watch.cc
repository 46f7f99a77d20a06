// SPDX-License-Identifier: Apache-2.0
#include "serving/fault_watch.h"

#include <atomic>
#include <utility>

namespace muster {
namespace {

struct Fault {
  std::atomic<bool> there{false};
  std::function<void(std::string)> report;
};

class WatchedSession final : public Session {
 public:
  WatchedSession(std::unique_ptr<Session> session, std::shared_ptr<Fault> fault)
      : session_(std::move(session)), fault_(std::move(fault)) {}

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    MUSTER_RETURN_IF_ERROR(usable());
    auto room = session_->prepare_input(index, shape, size);
    if (!room.ok()) return seen(std::move(room).status());
    return room;
  }
  Status lend_input(std::size_t index, const Shape& shape,
                    std::span<const std::byte> bytes) override {
    MUSTER_RETURN_IF_ERROR(usable());
    return seen(session_->lend_input(index, shape, bytes));
  }
  Status take_from_device(std::size_t index, std::size_t offset,
                          const DeviceBytes& bytes) override {
    return seen(session_->take_from_device(index, offset, bytes));
  }
  Status run() override { return seen(session_->run()); }
  [[nodiscard]] Result<TensorView> output(std::size_t index) override {
    return session_->output(index);
  }

 private:
  [[nodiscard]] Status usable() const {
    if (!fault_->there.load(std::memory_order_relaxed)) return {};
    return unavailable("the model is broken and takes no more requests");
  }

  Status seen(Status status) {
    if (status.code() != kBrokenForGood) return status;
    std::string reason(status.message());
    if (!fault_->there.exchange(true) && fault_->report) fault_->report(reason);
    return internal_error(std::move(reason));
  }

  const std::unique_ptr<Session> session_;
  const std::shared_ptr<Fault> fault_;
};

class WatchedModel final : public CompiledModel {
 public:
  WatchedModel(std::shared_ptr<const CompiledModel> model, std::function<void(std::string)> report)
      : model_(std::move(model)), fault_(std::make_shared<Fault>()) {
    fault_->report = std::move(report);
  }

  [[nodiscard]] const ModelSignature& signature() const override { return model_->signature(); }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override {
    MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, model_->new_session());
    return std::make_unique<WatchedSession>(std::move(session), fault_);
  }
  [[nodiscard]] bool sessions_are_thread_bound() const override {
    return model_->sessions_are_thread_bound();
  }
  [[nodiscard]] bool gains_from_warm_up() const override { return model_->gains_from_warm_up(); }
  [[nodiscard]] std::string accelerators() const override { return model_->accelerators(); }
  [[nodiscard]] ComputeThreads threads() const override { return model_->threads(); }
  [[nodiscard]] std::string precision() const override { return model_->precision(); }
  [[nodiscard]] CompiledCacheUse compiled_cache_use() const override {
    return model_->compiled_cache_use();
  }
  [[nodiscard]] int sessions_per_instance() const override {
    return model_->sessions_per_instance();
  }
  [[nodiscard]] BatchRange batch_range() const override { return model_->batch_range(); }
  [[nodiscard]] bool scales_pixels() const override { return model_->scales_pixels(); }
  [[nodiscard]] DeviceMemoryUse device_memory() const override { return model_->device_memory(); }

 private:
  const std::shared_ptr<const CompiledModel> model_;
  const std::shared_ptr<Fault> fault_;
};

}  // namespace

std::shared_ptr<const CompiledModel> watch_faults(std::shared_ptr<const CompiledModel> model,
                                                  std::function<void(std::string)> on_fault) {
  return std::make_shared<WatchedModel>(std::move(model), std::move(on_fault));
}

}  // namespace muster
