// SPDX-License-Identifier: Apache-2.0
// The services behind a front end, played, with the one model of fake_models.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "frontend/front_services.h"
#include "frontend/testing/fake_models.h"
#include "inference/tensor_source.h"

namespace muster::testing {

// What it was told last. Any thread.
class DeliveryLog final : public DeliveryMeter {
 public:
  void record(std::chrono::nanoseconds lag) noexcept override { last_ = lag; }
  [[nodiscard]] std::chrono::nanoseconds last() const noexcept { return last_; }

 private:
  std::atomic<std::chrono::nanoseconds> last_{};
};

// Any thread. Answers on the thread that asks, unless requests are held.
class FakeInference final : public InferenceService {
 public:
  void infer(InferRequest request, Completion completion) override {
    {
      const MutexLock lock(mutex_);
      ++asked_;
      last_deadline_ = request.deadline;
      last_received_ = request.received_at;
      if (holding_ && !refusal_) {
        held_.push_back({std::move(request), std::move(completion)});
        changed_.notify_all();
        return;
      }
    }
    answer(std::move(request), std::move(completion));
  }

  bool cancel(RequestTicket ticket) override {
    Completion completion;
    {
      const MutexLock lock(mutex_);
      const auto found = std::find_if(held_.begin(), held_.end(), [ticket](const Held& held) {
        return held.request.ticket == ticket;
      });
      if (ticket == 0 || found == held_.end() || ignoring_cancels_) return false;
      completion = std::move(found->completion);
      held_.erase(found);
      ++cancelled_;
      changed_.notify_all();
    }
    completion.complete(Status(StatusCode::kCancelled, "the request was cancelled"));
    return true;
  }

  Result<std::shared_ptr<const ModelDescription>> describe(std::string_view name,
                                                           std::int64_t version) const override {
    if (name == "echo" && (version == 0 || version == 3)) return model_;
    return not_found("there is no model '" + std::string(name) + "'");
  }

  void hold() {
    const MutexLock lock(mutex_);
    holding_ = true;
  }
  // What is held can be cancelled no more, as if it were running.
  void ignore_cancels() {
    const MutexLock lock(mutex_);
    ignoring_cancels_ = true;
  }
  // Answers what is held, newest first, on the calling thread.
  void release() {
    std::vector<Held> held;
    {
      const MutexLock lock(mutex_);
      holding_ = false;
      held = std::exchange(held_, {});
    }
    for (auto one = held.rbegin(); one != held.rend(); ++one)
      answer(std::move(one->request), std::move(one->completion));
  }
  // From now on every request is refused with it.
  void refuse(Status status) {
    const MutexLock lock(mutex_);
    refusal_ = std::move(status);
  }
  void wait_until_held(std::size_t count) {
    MutexLock lock(mutex_);
    while (held_.size() < count)
      changed_.wait(lock);
  }
  void wait_until_cancelled(std::size_t count) {
    MutexLock lock(mutex_);
    while (cancelled_ < count)
      changed_.wait(lock);
  }
  // Of the request that came last.
  [[nodiscard]] TimePoint last_deadline() const {
    const MutexLock lock(mutex_);
    return last_deadline_;
  }
  [[nodiscard]] TimePoint last_received() const {
    const MutexLock lock(mutex_);
    return last_received_;
  }
  // Answers are computed when the clock begins, and say so.
  [[nodiscard]] const DeliveryLog& deliveries() const noexcept { return *deliveries_; }
  [[nodiscard]] std::size_t asked() const {
    const MutexLock lock(mutex_);
    return asked_;
  }

 private:
  struct Held {
    InferRequest request;
    Completion completion;
  };

  static Result<Tensor> copy_of(const InferInput& input) {
    const TensorView& view = input.tensor;
    if (input.source == nullptr) return Tensor::copy_of(view.type, view.shape, view.bytes);
    MUSTER_ASSIGN_OR_RETURN(Tensor tensor,
                            Tensor::allocate(view.type, view.shape, input.source->size()));
    MUSTER_RETURN_IF_ERROR(input.source->read(0, tensor.bytes()));
    return tensor;
  }

  void answer(InferRequest request, Completion completion) {
    std::optional<Status> refusal;
    {
      const MutexLock lock(mutex_);
      refusal = refusal_;
    }
    if (refusal) return completion.complete(*refusal);
    if (request.model != "echo") {
      return completion.complete(not_found("there is no model '" + request.model + "'"));
    }
    InferResponse response;
    response.id = request.id;
    response.model = model_;
    response.delivery = {deliveries_, {}};
    response.batch.rows = 8;
    response.batch.requests = 2;
    response.batch.reason = CloseReason::kFull;
    response.batch.queue = std::chrono::microseconds(12);
    response.batch.gather = std::chrono::microseconds(3);
    response.batch.compute = std::chrono::microseconds(120);
    for (const InferInput& input : request.inputs) {
      auto copy = copy_of(input);
      if (!copy.ok()) return completion.complete(copy.status());
      response.outputs.push_back({"y", std::move(copy).value()});
    }
    completion.complete(std::move(response));
  }

  const std::shared_ptr<const ModelDescription> model_ = echo_model();
  mutable Mutex mutex_;
  CondVar changed_;
  bool holding_ MUSTER_GUARDED_BY(mutex_) = false;
  bool ignoring_cancels_ MUSTER_GUARDED_BY(mutex_) = false;
  std::optional<Status> refusal_ MUSTER_GUARDED_BY(mutex_);
  std::vector<Held> held_ MUSTER_GUARDED_BY(mutex_);
  std::size_t asked_ MUSTER_GUARDED_BY(mutex_) = 0;
  TimePoint last_deadline_ MUSTER_GUARDED_BY(mutex_) = kNoDeadline;
  TimePoint last_received_ MUSTER_GUARDED_BY(mutex_) = {};
  const std::shared_ptr<DeliveryLog> deliveries_ = std::make_shared<DeliveryLog>();
  std::size_t cancelled_ MUSTER_GUARDED_BY(mutex_) = 0;
};

// All of it, to be adjusted before the front end is started.
struct FakeServices {
  explicit FakeServices(Clock& with_clock, bool shared_memory = false, RegionOpener opener = {})
      : regions(shared_memory, {}, std::move(opener)), clock(with_clock) {}

  FakeInference inference;
  FakeModels models;
  FakePictures pictures;
  SharedMemoryRegions regions;
  ServerSettings settings;
  AccessPolicy access;
  std::unique_ptr<AccessLog> access_log = std::make_unique<AccessLog>();
  FrontendMetrics metrics;
  ServerIdentity identity;
  FrontendLimits limits;
  Clock& clock;

  // Callers need one of these tokens, written as in a token file.
  void require_tokens(const std::string& lines) {
    access = AccessPolicy::parse(lines, "tokens").value();
  }

  // Borrows all of them.
  [[nodiscard]] FrontServices services() {
    return {inference,   models,   pictures,
            regions,     settings, access,
            *access_log, metrics,  [] { return std::string("muster_up 1\n"); },
            identity,    limits,   clock};
  }
};

}  // namespace muster::testing
