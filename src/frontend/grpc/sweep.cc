// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/sweep.h"

#include <algorithm>
#include <utility>

#include <grpc/support/time.h>

namespace muster {

Sweep::Sweep(CompletionLoop& loop, std::chrono::milliseconds interval, std::function<void()> look)
    : loop_(loop),
      interval_(std::max(interval, std::chrono::milliseconds(1))),
      look_(std::move(look)) {}

void Sweep::begin() {
  if (ended_ || !loop_.takes_operations()) return;
  alarm_.Set(&loop_.queue(),
             gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                          gpr_time_from_millis(interval_.count(), GPR_TIMESPAN)),
             &rang_);
}

void Sweep::end() {
  ended_ = true;
  alarm_.Cancel();
}

void Sweep::rang(bool) {
  if (ended_) return;
  look_();
  begin();
}

}  // namespace muster
