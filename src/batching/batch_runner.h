// SPDX-License-Identifier: Apache-2.0
// BatchRunner: one session, and the way of a batch through it: gather, run, scatter.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "base/clock.h"
#include "batching/batch_queue.h"
#include "batching/batching_metrics.h"
#include "batching/gather.h"
#include "batching/pending_request.h"

namespace muster {

// What a batch is, apart from its requests.
struct BatchFacts {
  std::int64_t rows = 0;
  CloseReason reason = CloseReason::kDelay;
  TimePoint taken_at = {};
};

// Used by one thread at a time, as its session is.
class BatchRunner {
 public:
  // `signature`, `clock` and `metrics` must outlive it. `stacked`: the first axis counts rows.
  // `description` goes with every response, `delivery` with the last of a batch; both may be null.
  BatchRunner(std::unique_ptr<Session> session, const ModelSignature& signature, bool stacked,
              Clock& clock, BatchingMetrics& metrics,
              std::shared_ptr<const ModelDescription> description = nullptr,
              std::shared_ptr<DeliveryMeter> delivery = nullptr);

  // One outcome for each request, in their order; requests stay the caller's to answer. Where the
  // batch fails, all get its status; one whose input cannot be read any more gets its own. Where
  // the session has no memory for all of them, one half is run after the other.
  void run(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
           std::vector<Result<InferResponse>>& outcomes) noexcept;

  // The same for one request, without a vector.
  [[nodiscard]] Result<InferResponse> run_alone(const PendingRequest& request,
                                                const BatchFacts& batch) noexcept;

 private:
  struct Stages {
    std::chrono::nanoseconds gather{0};
    std::chrono::nanoseconds compute{0};
    std::chrono::nanoseconds scatter{0};
  };

  using Requests = std::span<const PendingRequest* const>;
  void begin(const BatchFacts& batch) noexcept;
  void run_or_split(Requests requests, const BatchFacts& batch,
                    std::vector<Result<InferResponse>>& outcomes);
  [[nodiscard]] bool splits(Requests requests) const noexcept;
  Status run_into(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
                  std::span<InferResponse> responses, Stages& stages);
  Status run_caught(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
                    std::span<InferResponse> responses) noexcept;
  void count(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
             const Stages& stages, bool succeeded) noexcept;

  std::unique_ptr<Session> session_;
  const ModelSignature& signature_;
  const bool stacked_;
  Clock& clock_;
  BatchingMetrics& metrics_;
  const std::shared_ptr<const ModelDescription> description_;
  const std::shared_ptr<DeliveryMeter> delivery_;
  // Of the batch under way; they keep their memory.
  std::vector<InferResponse> responses_;
  std::vector<UnreadRequest> unread_;
  bool out_of_room_ = false;  // the session said so
};

}  // namespace muster
