// SPDX-License-Identifier: Apache-2.0
// max_batch_size and dynamic_batching.
#include <set>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

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

QueuePolicy read_policy(const ::inference::ModelQueuePolicy& text, const Located& at,
                        Problems& problems) {
  QueuePolicy policy;
  if (!::inference::ModelQueuePolicy::TimeoutAction_IsValid(text.timeout_action())) {
    // Of a map's entries the rules look at the keys alone.
    problems.add(at.line("timeout_action"),
                 fmt::format("timeout_action has no value {}", int{text.timeout_action()}));
  } else if (text.timeout_action() == ::inference::ModelQueuePolicy::DELAY) {
    policy.timeout_action = QueuePolicy::TimeoutAction::kDelay;
  }
  read_wait("default_timeout_microseconds", text.default_timeout_microseconds(),
            at.line("default_timeout_microseconds"), policy.default_timeout, problems);
  if (text.max_queue_size() > kMaxQueueSize) {
    problems.add(at.line("max_queue_size"), fmt::format("max_queue_size is {}; it must be 1 to {}",
                                                        text.max_queue_size(), kMaxQueueSize));
  } else if (text.max_queue_size() > 0) {
    policy.max_queue_size = text.max_queue_size();
  } else if (text.has_max_queue_size()) {
    problems.warn(at.line("max_queue_size"),
                  fmt::format("max_queue_size 0 has no effect: every queue has a limit, here {}",
                              policy.max_queue_size));
  }
  return policy;
}

// By reflection: the generated map has forgotten the lines.
void read_level_policies(const ::inference::ModelDynamicBatching& text, const Located& at,
                         BatchingOptions& batching, Problems& problems) {
  const google::protobuf::FieldDescriptor& field =
      *text.GetDescriptor()->FindFieldByName("priority_queue_policy");
  const google::protobuf::FieldDescriptor& key_field = *field.message_type()->map_key();
  const int count = text.GetReflection()->FieldSize(text, &field);
  for (int i = 0; i < count; ++i) {
    const Located entry = at.nested(field, i);
    const google::protobuf::Message& message = entry.message();
    const std::uint64_t level = message.GetReflection()->GetUInt64(message, &key_field);
    const Located value = entry.nested(*field.message_type()->map_value());
    if (level < 1 || level > static_cast<std::uint64_t>(batching.priority_levels)) {
      problems.add(at.line(field, i),
                   fmt::format("priority_queue_policy is about level {}, but the levels are 1 to "
                               "priority_levels, which is {}",
                               level, batching.priority_levels));
      continue;
    }
    const auto& policy = static_cast<const ::inference::ModelQueuePolicy&>(value.message());
    const bool is_new =
        batching.level_policies
            .emplace(static_cast<std::int64_t>(level), read_policy(policy, value, problems))
            .second;
    if (!is_new) {
      problems.add(
          at.line(field, i),
          fmt::format("priority_queue_policy is given twice for level {}; keep one", level));
    }
  }
}

void read_priorities(const ::inference::ModelDynamicBatching& text, const Located& at,
                     BatchingOptions& batching, Problems& problems) {
  const std::uint64_t levels = text.priority_levels();
  if (levels > static_cast<std::uint64_t>(kMaxPriorityLevels)) {
    problems.add(
        at.line("priority_levels"),
        fmt::format("priority_levels is {}; it must be 0 to {}", levels, kMaxPriorityLevels));
    return;
  }
  batching.priority_levels = static_cast<std::int64_t>(levels);
  const std::uint64_t level = text.default_priority_level();
  if (levels > 0 && (level < 1 || level > levels)) {
    problems.add(at.line(level == 0 ? "priority_levels" : "default_priority_level"),
                 fmt::format("default_priority_level is {}; it must be 1 to priority_levels, which "
                             "is {}",
                             level, levels));
  } else if (levels == 0 && level > 0) {
    problems.add(at.line("default_priority_level"),
                 "default_priority_level needs priority_levels; set it, or remove both");
  } else {
    batching.default_priority_level = static_cast<std::int64_t>(level);
  }
  read_level_policies(text, at, batching, problems);
}

}  // namespace

void read_batching(ParsedConfig::Parts& parts, Problems& problems) {
  const ::inference::ModelConfig& text = parts.text;
  const Located at = parts.located();
  ModelConfig& config = parts.config;
  BatchingOptions& batching = config.batching;
  batching.max_batch_size = text.max_batch_size();
  if (text.has_max_batch_size())
    config.parameter_lines["max_batch_size"] = at.line("max_batch_size");
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
  if (dynamic.has_default_queue_policy()) {
    batching.default_queue_policy = read_policy(dynamic.default_queue_policy(),
                                                located.nested("default_queue_policy"), problems);
  }
  read_priorities(dynamic, located, batching, problems);
}

}  // namespace muster
