// SPDX-License-Identifier: Apache-2.0
#include "model_config/field_rules.h"

#include <algorithm>
#include <array>

namespace muster {
namespace {

using enum Treatment;

constexpr std::string_view kCpuOnly = "this release runs models on the CPU only; remove it";
constexpr std::string_view kNoShapeTensors = "shape tensors belong to TensorRT; remove it";

constexpr auto kRules = std::to_array<FieldRule>({
    {"name"},
    {"backend"},
    {"platform"},
    {"runtime", kOnly, R"("")", "the backend's name says which library runs the model; remove it"},
    {"default_model_filename"},
    {"cc_model_filenames", kRefused, "",
     "files by CUDA capability need a GPU; name one file in "
     "default_model_filename"},
    {"version_policy"},
    {"version_policy.latest"},
    {"version_policy.latest.num_versions"},
    {"version_policy.all"},
    {"version_policy.specific"},
    {"version_policy.specific.versions"},

    {"max_batch_size"},
    {"input"},
    {"input.name"},
    {"input.data_type"},
    {"input.dims"},
    {"input.format"},
    {"input.reshape", kRefused, "",
     "tensors have the model's own shape; remove reshape and dims, "
     "or change the model"},
    {"input.optional", kOnly, "false", "every input must be sent; remove it"},
    {"input.allow_ragged_batch", kOnly, "false", "rows of one batch have one shape; remove it"},
    {"input.is_shape_tensor", kOnly, "false", kNoShapeTensors},
    {"input.is_non_linear_format_io", kOnly, "false", kNoShapeTensors},
    {"output"},
    {"output.name"},
    {"output.data_type"},
    {"output.dims"},
    {"output.label_filename"},
    {"output.reshape", kRefused, "",
     "tensors have the model's own shape; remove reshape and dims, "
     "or change the model"},
    {"output.is_shape_tensor", kOnly, "false", kNoShapeTensors},
    {"output.is_non_linear_format_io", kOnly, "false", kNoShapeTensors},
    {"batch_input", kRefused, "", "inputs made from the batch are not supported; remove it"},
    {"batch_output", kRefused, "", "rows are given back by the batch axis; remove it"},

    {"dynamic_batching"},
    {"dynamic_batching.preferred_batch_size"},
    {"dynamic_batching.max_queue_delay_microseconds"},
    {"dynamic_batching.preserve_ordering", kOnly, "false",
     "each request is answered when its batch is done; match answers by request id"},
    {"dynamic_batching.priority_levels"},
    {"dynamic_batching.default_priority_level"},
    {"dynamic_batching.priority_queue_policy"},
    {"dynamic_batching.default_queue_policy"},
    {"dynamic_batching.default_queue_policy.timeout_action"},
    {"dynamic_batching.default_queue_policy.default_timeout_microseconds"},
    {"dynamic_batching.default_queue_policy.allow_timeout_override", kNoEffect, "true",
     "a request's own timeout always holds"},
    {"dynamic_batching.default_queue_policy.max_queue_size"},
    {"sequence_batching", kRefused, "", "sequences are not supported; use dynamic_batching"},
    {"ensemble_scheduling", kRefused, "",
     "ensembles are not supported; put the steps into one "
     "model, or call them one after the other"},
    {"model_transaction_policy"},
    {"model_transaction_policy.decoupled", kOnly, "false",
     "each request has one answer; remove it"},
    {"response_cache"},
    {"response_cache.enable", kOnly, "false", "there is no response cache; remove it"},

    {"instance_group"},
    {"instance_group.name", kNoEffect, R"("")", "instances have no names"},
    {"instance_group.kind"},
    {"instance_group.count"},
    {"instance_group.gpus", kRefused, "", kCpuOnly},
    {"instance_group.secondary_devices", kRefused, "", kCpuOnly},
    {"instance_group.profile", kRefused, "", "profiles belong to TensorRT; remove it"},
    {"instance_group.passive", kOnly, "false", "every instance runs batches; remove it"},
    {"instance_group.host_policy", kOnly, R"("")", "threads are not bound to cores; remove it"},
    {"instance_group.rate_limiter", kRefused, "",
     "an instance takes a batch when it is free; set count instead"},

    {"optimization"},
    {"optimization.graph"},
    {"optimization.graph.level"},
    {"optimization.priority", kNoEffect, "PRIORITY_DEFAULT", "models have no priorities"},
    {"optimization.cuda"},
    {"optimization.cuda.graphs", kOnly, "false", kCpuOnly},
    {"optimization.cuda.busy_wait_events", kOnly, "false", kCpuOnly},
    {"optimization.cuda.graph_spec", kRefused, "", kCpuOnly},
    {"optimization.cuda.output_copy_stream", kOnly, "false", kCpuOnly},
    {"optimization.execution_accelerators"},
    {"optimization.execution_accelerators.gpu_execution_accelerator"},
    {"optimization.execution_accelerators.gpu_execution_accelerator.name"},
    {"optimization.execution_accelerators.gpu_execution_accelerator.parameters"},
    {"optimization.execution_accelerators.cpu_execution_accelerator"},
    {"optimization.execution_accelerators.cpu_execution_accelerator.name"},
    {"optimization.execution_accelerators.cpu_execution_accelerator.parameters"},
    {"optimization.input_pinned_memory"},
    {"optimization.input_pinned_memory.enable"},  // without a GPU there is nothing to pin
    {"optimization.output_pinned_memory"},
    {"optimization.output_pinned_memory.enable"},
    {"optimization.gather_kernel_buffer_threshold", kNoEffect, "0", "it is for GPU copies"},
    {"optimization.eager_batching", kNoEffect, "false",
     "Muster decides by itself when a batch is gathered"},
    {"parameters"},
    {"model_warmup", kNoEffect, "",
     "the model is run at every batch size that it will see before it is ready"},
    {"model_operations", kRefused, "", "no library is loaded on a model's behalf; remove it"},
    {"model_repository_agents", kRefused, "", "no agent touches a repository; remove it"},

    {"metric_tags", kNoEffect, "", "metrics carry no tags of a model's own"},
    {"model_metrics", kNoEffect, "", "histograms have Muster's own buckets"},
});

}  // namespace

std::span<const FieldRule> field_rules() noexcept {
  return kRules;
}

const FieldRule* find_field_rule(std::string_view path) noexcept {
  const auto found = std::ranges::find(kRules, path, &FieldRule::path);
  return found == kRules.end() ? nullptr : &*found;
}

}  // namespace muster
