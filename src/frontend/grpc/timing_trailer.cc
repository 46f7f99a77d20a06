// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/timing_trailer.h"

#include <iterator>

#include <fmt/format.h>

namespace muster {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

std::string timing_of(const InferResponse& response) {
  const BatchReport& batch = response.batch;
  std::string timing;
  timing.reserve(96);
  fmt::format_to(std::back_inserter(timing),
                 R"(queue;dur={:.3f}, batch;dur={:.3f};desc="rows={}", compute;dur={:.3f})",
                 Milliseconds(batch.queue).count(), Milliseconds(batch.gather).count(), batch.rows,
                 Milliseconds(batch.compute).count());
  if (response.model != nullptr && response.model->version != 0)
    fmt::format_to(std::back_inserter(timing), R"(;desc="version={}")", response.model->version);
  return timing;
}

}  // namespace muster
