// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/timing_trailer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>

#include <fmt/compile.h>

namespace muster {
namespace {

std::int64_t microseconds_of(std::chrono::nanoseconds duration) {
  return std::max<std::int64_t>(0, std::chrono::round<std::chrono::microseconds>(duration).count());
}

}  // namespace

std::string timing_of(const InferResponse& response) {
  const BatchReport& batch = response.batch;
  // As whole numbers, with formats read at compile time: every answer has one.
  const std::int64_t queue = microseconds_of(batch.queue);
  const std::int64_t gather = microseconds_of(batch.gather);
  const std::int64_t compute = microseconds_of(batch.compute);
  std::string timing;
  timing.reserve(96);
  fmt::format_to(
      std::back_inserter(timing),
      FMT_COMPILE(R"(queue;dur={}.{:03}, batch;dur={}.{:03};desc="rows={}", compute;dur={}.{:03})"),
      queue / 1000, queue % 1000, gather / 1000, gather % 1000, batch.rows, compute / 1000,
      compute % 1000);
  if (response.model != nullptr && response.model->version != 0) {
    fmt::format_to(std::back_inserter(timing), FMT_COMPILE(R"(;desc="version={}")"),
                   response.model->version);
  }
  return timing;
}

}  // namespace muster
