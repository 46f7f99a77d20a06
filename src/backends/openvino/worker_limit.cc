// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/worker_limit.h"

#include <algorithm>

#ifdef MUSTER_OPENVINO_HAS_TBB
#  include <oneapi/tbb/global_control.h>
#endif

namespace muster::openvino {

#ifdef MUSTER_OPENVINO_HAS_TBB
struct WorkerLimit::Control {
  explicit Control(int threads)
      : limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)) {}
  tbb::global_control limit;
};
#else
struct WorkerLimit::Control {
  explicit Control(int) {}
};
#endif

WorkerLimit::WorkerLimit(int threads)
    : threads_(std::max(1, threads)), control_(std::make_unique<Control>(threads_)) {}

WorkerLimit::~WorkerLimit() = default;

void WorkerLimit::raise_to(int threads) {
  if (threads <= threads_) return;
  threads_ = threads;
  // Of several the smallest counts, so that the old one must go first.
  control_.reset();
  control_ = std::make_unique<Control>(threads_);
}

}  // namespace muster::openvino
