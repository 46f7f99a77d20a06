// SPDX-License-Identifier: Apache-2.0
// PictureCalls: pictures are decoded here, on threads of their own, and become one request of as
// many rows. Bounded: what is over the limits is refused at once.
//
//   classify cancel ... begin_drain await_decoded (the models drain) await_answered ~PictureCalls
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/mutex.h"
#include "inference/picture_service.h"
#include "serving/repository/background_threads.h"
#include "serving/repository/model_registry.h"

namespace muster {

struct PictureCallLimits {
  std::size_t threads = 1;
  std::size_t max_waiting = 256;                           // files that are not decoded yet
  std::size_t max_waiting_bytes = std::size_t{256} << 20;  // of those
};

class PictureCalls {
 public:
  using Done = std::function<void(Result<PictureResponse>)>;

  // `clock` outlives it.
  PictureCalls(PictureCallLimits limits, Clock& clock);
  // Every call must have been answered.
  ~PictureCalls();
  PictureCalls(const PictureCalls&) = delete;
  PictureCalls& operator=(const PictureCalls&) = delete;

  // As PictureService::classify. A refusal is answered on the calling thread.
  void classify(ModelLease model, PictureRequest request, Done done);
  // A call whose request has not been handed to its model yet; false where there is none.
  bool cancel(RequestTicket ticket);

  // New calls are refused from now on.
  void begin_drain();
  // Every accepted call has handed its request to its model, or is answered; false after `until`.
  [[nodiscard]] bool await_decoded(Clock::TimePoint until);
  [[nodiscard]] bool await_answered(Clock::TimePoint until);

 private:
  struct Call;

  [[nodiscard]] Result<std::shared_ptr<Call>> admit(ModelLease model, PictureRequest& request);
  void decode(const std::shared_ptr<Call>& call, std::size_t index);
  void submit(const std::shared_ptr<Call>& call);
  void score(const std::shared_ptr<Call>& call, Result<InferResponse> outcome);
  void answer(Call& call, Result<PictureResponse> outcome);
  void leave_queue(std::size_t pictures, std::size_t bytes);

  const PictureCallLimits limits_;
  Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  bool draining_ MUSTER_GUARDED_BY(mutex_) = false;
  std::size_t waiting_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_bytes_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::size_t undecoded_ MUSTER_GUARDED_BY(mutex_) = 0;   // calls
  std::size_t unanswered_ MUSTER_GUARDED_BY(mutex_) = 0;  // calls
  std::map<RequestTicket, std::weak_ptr<Call>> by_ticket_ MUSTER_GUARDED_BY(mutex_);
  BackgroundThreads threads_;
};

}  // namespace muster
