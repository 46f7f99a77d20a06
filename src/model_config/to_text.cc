// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>

#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include "base/text.h"
#include "model_config.pb.h"
#include "model_config/image_settings.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr std::string_view kGraphLevel = "session.graph_level";

template <typename Declared>
void put_tensor(const TensorSpec& spec, bool batch_axis_is_implicit, Declared& tensor) {
  tensor.set_name(spec.name);
  tensor.set_data_type(static_cast<::inference::DataType>(spec.type));
  const Shape row = batch_axis_is_implicit ? spec.shape.without_first() : spec.shape;
  for (const std::int64_t dim : row.dims())
    tensor.add_dims(dim);
}

void put_tensors(const ModelConfig& config, ::inference::ModelConfig& text) {
  const bool implicit = config.batching.max_batch_size > 0;
  for (const TensorSpec& spec : config.inputs)
    put_tensor(spec, implicit, *text.add_input());
  for (const TensorSpec& spec : config.outputs) {
    ::inference::ModelOutput& output = *text.add_output();
    put_tensor(spec, implicit, output);
    const auto file = config.label_files.find(spec.name);
    if (file != config.label_files.end()) output.set_label_filename(file->second);
  }
}

void put_policy(const QueuePolicy& policy, ::inference::ModelQueuePolicy& text) {
  text.set_max_queue_size(static_cast<std::uint32_t>(policy.max_queue_size));
  if (policy.default_timeout.count() > 0) {
    text.set_default_timeout_microseconds(
        static_cast<std::uint64_t>(policy.default_timeout.count()));
  }
  if (policy.timeout_action == QueuePolicy::TimeoutAction::kDelay) {
    text.set_timeout_action(::inference::ModelQueuePolicy::DELAY);
  }
}

void put_batching(const ModelConfig& config, ::inference::ModelConfig& text) {
  text.set_max_batch_size(static_cast<std::int32_t>(config.batching.max_batch_size));
  if (!config.dynamic_batching) return;
  const BatchingOptions& batching = config.batching;
  ::inference::ModelDynamicBatching& dynamic = *text.mutable_dynamic_batching();
  for (const std::int64_t size : batching.preferred_batch_sizes) {
    dynamic.add_preferred_batch_size(static_cast<std::int32_t>(size));
  }
  dynamic.set_max_queue_delay_microseconds(
      static_cast<std::uint64_t>(batching.max_queue_delay.count()));
  put_policy(batching.default_queue_policy, *dynamic.mutable_default_queue_policy());
  if (batching.priority_levels == 0) return;
  dynamic.set_priority_levels(static_cast<std::uint64_t>(batching.priority_levels));
  dynamic.set_default_priority_level(static_cast<std::uint64_t>(batching.default_priority_level));
  for (const auto& [level, policy] : batching.level_policies) {
    put_policy(policy,
               (*dynamic.mutable_priority_queue_policy())[static_cast<std::uint64_t>(level)]);
  }
}

void put_versions(const VersionChoice& choice, ::inference::ModelConfig& text) {
  switch (choice.kind) {
    case VersionChoice::Kind::kLatest:
      if (choice.latest == 1) return;
      text.mutable_version_policy()->mutable_latest()->set_num_versions(
          static_cast<std::uint32_t>(choice.latest));
      return;
    case VersionChoice::Kind::kAll:
      text.mutable_version_policy()->mutable_all();
      return;
    case VersionChoice::Kind::kSpecific:
      for (const std::int64_t version : choice.specific) {
        text.mutable_version_policy()->mutable_specific()->add_versions(version);
      }
      return;
  }
}

std::string joined(const std::array<double, 3>& values, std::int64_t count) {
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ",", values[i]);
  }
  return text;
}

void put_image(const ImagePreprocessing& image, ::inference::ModelConfig& text) {
  const auto put = [&](const std::string& key, std::string value) {
    (*text.mutable_parameters())["image." + key].set_string_value(std::move(value));
  };
  put("color", std::string(color_name(image.color)));
  put("layout", std::string(layout_name(image.layout)));
  put("type", std::string(data_type_name(image.type)));
  put("height", std::to_string(image.height));
  put("width", std::to_string(image.width));
  const ImagePreprocessing plain;
  if (image.type == DataType::kUint8 && image.scale == 1 && image.mean == plain.mean &&
      image.std == plain.std) {
    return;  // pixels as they are
  }
  put("scale", fmt::format("{}", image.scale));
  put("mean", joined(image.mean, image.channels()));
  put("std", joined(image.std, image.channels()));
}

void put_stand_in(const StandInOptions& options, ::inference::ModelConfig& text) {
  const auto put = [&](std::string_view key, std::string value) {
    (*text.mutable_parameters())[std::string(key)].set_string_value(std::move(value));
  };
  if (!options.aside) put(kBuildKey, "first");
  if (!options.fallback_backend.empty()) put(kFallbackKey, options.fallback_backend);
  if (options.tolerance) put(kToleranceKey, fmt::format("{}", *options.tolerance));
}

void put_parameters(const ModelConfig& config, ::inference::ModelConfig& text) {
  for (const auto& [key, value] : config.parameters) {
    const std::optional<std::int64_t> level = key == kGraphLevel ? parse_int(value) : std::nullopt;
    if (level && *level >= -1 && *level <= 2) {
      text.mutable_optimization()->mutable_graph()->set_level(static_cast<std::int32_t>(*level));
    } else {
      (*text.mutable_parameters())[key].set_string_value(value);
    }
  }
  if (const auto target = config.batching.latency_target; target.count() > 0) {
    const double ms = std::chrono::duration<double, std::milli>(target).count();
    (*text.mutable_parameters())[std::string(kLatencyTargetKey)].set_string_value(
        fmt::format("{}", ms));
  }
  put_stand_in(config.stand_in, text);
  for (const ExecutionAccelerator& accelerator : config.accelerators) {
    auto& lists = *text.mutable_optimization()->mutable_execution_accelerators();
    auto& added = accelerator.on_gpu ? *lists.add_gpu_execution_accelerator()
                                     : *lists.add_cpu_execution_accelerator();
    added.set_name(accelerator.name);
    for (const auto& [key, value] : accelerator.parameters)
      (*added.mutable_parameters())[key] = value;
  }
  if (config.activation != "auto") {
    (*text.mutable_parameters())["classification.activation"].set_string_value(config.activation);
  }
  if (config.image && config.image_from_config) put_image(*config.image, text);
}

// What follows from the shape is told but not written as if somebody had said it.
std::string derived_image_comment(const ImagePreprocessing& image) {
  return fmt::format(
      "# Pictures, as the input's shape has it: {} {}, {} x {} pixels (width x height), {}\n",
      color_name(image.color), layout_name(image.layout), image.width, image.height,
      image.type == DataType::kUint8 ? std::string("as they are")
                                     : fmt::format("times {}", image.scale));
}

}  // namespace

std::string to_text(const ModelConfig& config) {
  ::inference::ModelConfig text;
  text.set_name(config.name);
  text.set_backend(config.backend);
  if (!config.model_filename.empty()) text.set_default_model_filename(config.model_filename);
  put_versions(config.versions, text);
  put_tensors(config, text);
  put_batching(config, text);
  ::inference::ModelInstanceGroup& group = *text.add_instance_group();
  group.set_count(config.instance_count);
  group.set_kind(::inference::ModelInstanceGroup::KIND_CPU);
  put_parameters(config, text);

  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  std::string out;
  printer.PrintToString(text, &out);
  if (config.image && !config.image_from_config) out += derived_image_comment(*config.image);
  return out;
}

}  // namespace muster
