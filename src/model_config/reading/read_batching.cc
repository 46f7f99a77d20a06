// SPDX-License-Identifier: Apache-2.0
// max_batch_size and dynamic_batching.
#include <set>

#include <fmt/format.h>

#include "model_config/reading/read_fields.h"

namespace muster {
namespace {

using std::chrono::microseconds;

void read_wait(std::string_view field, std::uint64_t value, int line, microseconds& wait,
               Problems& problems) {
  if (value > static_cast<std::uint64_t>(kMaxQueueWait.count())) {
    problems.add(line,
                 fmt::format("{} is {}, more than a day; the unit is microseconds", field, value));
    return;
  }
  wait = microseconds(static_cast<std::int64_t>(value));
}

void read_preferred_sizes(const ::inference::ModelDynamicBatching& text, const Located& at,
                          BatchingOptions& batching, Problems& problems) {
  std::set<std::int64_t> ascending;
  for (int i = 0; i < text.preferred_batch_size_size(); ++i) {
    const std::int64_t size = text.preferred_batch_size(i);
    const int line = at.line("preferred_batch_size", i);
    if (size < 1 || size > kMaxBatchSize) {
      problems.add(line, fmt::format("preferred_batch_size {} must be 1 to max_batch_size", size));
      return;
    }
    ascending.insert(size);
  }
  batching.preferred_batch_sizes.assign(ascending.begin(), ascending.end());
}

}  // namespace

void read_batching(ParsedConfig::Parts& parts, Problems& problems) {
  const ::inference::ModelConfig& text = parts.text;
  const Located at = parts.located();
  ModelConfig& config = parts.config;
  BatchingOptions& batching = config.batching;
  batching.max_batch_size = text.max_batch_size();
  if (text.max_batch_size() < 0 || text.max_batch_size() > kMaxBatchSize) {
    problems.add(at.line("max_batch_size"), fmt::format("max_batch_size is {}; it must be 0 to {}",
                                                        text.max_batch_size(), kMaxBatchSize));
  }
  if (!text.has_dynamic_batching()) return;
  config.dynamic_batching = true;
  if (text.has_max_batch_size() && text.max_batch_size() == 0) {
    problems.add(
        at.line("dynamic_batching"),
        "dynamic_batching needs a batch axis, and max_batch_size is 0; remove one of them");
  }
  const ::inference::ModelDynamicBatching& dynamic = text.dynamic_batching();
  const Located located = at.nested("dynamic_batching");
  read_preferred_sizes(dynamic, located, batching, problems);
  read_wait("max_queue_delay_microseconds", dynamic.max_queue_delay_microseconds(),
            located.line("max_queue_delay_microseconds"), batching.max_queue_delay, problems);
  if (!dynamic.has_default_queue_policy()) return;

  const ::inference::ModelQueuePolicy& policy = dynamic.default_queue_policy();
  const Located queue = located.nested("default_queue_policy");
  read_wait("default_timeout_microseconds", policy.default_timeout_microseconds(),
            queue.line("default_timeout_microseconds"), batching.default_timeout, problems);
  if (policy.max_queue_size() > kMaxQueueSize) {
    problems.add(queue.line("max_queue_size"),
                 fmt::format("max_queue_size is {}; it must be 1 to {}", policy.max_queue_size(),
                             kMaxQueueSize));
  } else if (policy.max_queue_size() > 0) {
    batching.max_queue_size = policy.max_queue_size();
  } else if (policy.has_max_queue_size()) {
    problems.warn(queue.line("max_queue_size"),
                  fmt::format("max_queue_size 0 has no effect: every queue has a limit, here {}",
                              batching.max_queue_size));
  }
}

}  // namespace muster
