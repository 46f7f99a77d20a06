// SPDX-License-Identifier: Apache-2.0
// What answers a request: its outputs, and what became of it on the way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>
#include <muster/tensor.h>

namespace muster {

using TimePoint = std::chrono::steady_clock::time_point;
inline constexpr TimePoint kNoDeadline = TimePoint::max();

// Why a batch was closed with the rows it has.
enum class CloseReason : std::uint8_t {
  kFull,       // max_batch_size rows were waiting, or the request may share with no other
  kPreferred,  // a preferred size was waiting
  kDelay,      // the oldest request had waited max_queue_delay (at once where that is 0)
  kDeadline,   // a deadline left no time to wait for more
  kDrain,      // the queue was closing
  kShape,      // as kDelay, while what waited beside it could not share: rows of other shapes
};
inline constexpr std::size_t kCloseReasonCount = 6;
[[nodiscard]] std::string_view close_reason_name(CloseReason reason) noexcept;

// What became of one request, and of the batch it travelled in.
struct BatchReport {
  std::int64_t rows = 0;      // of the whole batch
  std::int64_t requests = 0;  // that shared it
  CloseReason reason = CloseReason::kDelay;
  std::chrono::nanoseconds queue{0};    // from acceptance until the batch was taken
  std::chrono::nanoseconds gather{0};   // copying rows in
  std::chrono::nanoseconds compute{0};  // the runtime
};

// Learns how long answers are on their way once they are computed: a latency target includes that.
class DeliveryMeter {
 public:
  // From when a batch was computed until its last answer was handed on. Any thread.
  virtual void record(std::chrono::nanoseconds lag) noexcept = 0;

 protected:
  ~DeliveryMeter() = default;
};

struct Delivery {
  std::shared_ptr<DeliveryMeter> meter;  // null: nobody wants to know
  TimePoint computed_at = {};

  void ended(TimePoint now) const noexcept {
    if (meter) meter->record(now - computed_at);
  }
};

struct InferOutput {
  std::string name;
  Tensor tensor;
};

struct InferResponse {
  InferResponse() = default;
  InferResponse(InferResponse&&) noexcept = default;
  InferResponse& operator=(InferResponse&&) noexcept = default;

  std::string id;
  std::vector<InferOutput> outputs;
  BatchReport batch;
  // Which model and version answered. Set where the service has several; else null.
  std::shared_ptr<const ModelDescription> model;
  // Has a meter with the last answer of a batch where the model has a latency target: whoever
  // carries answers on, to a socket, say, calls `ended` when this one has gone.
  Delivery delivery;
  [[nodiscard]] const Tensor* find(std::string_view name) const noexcept;
};

}  // namespace muster
