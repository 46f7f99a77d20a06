// SPDX-License-Identifier: Apache-2.0
#include "protocol/completed_config.h"

#include <google/protobuf/text_format.h>

#include "protocol/control_json.h"
#include "protocol/json/message_json.h"

namespace muster {
namespace {

void complete_optimization(::inference::ModelConfig& config) {
  ::inference::ModelOptimizationPolicy& optimization = *config.mutable_optimization();
  if (!optimization.has_input_pinned_memory()) {
    optimization.mutable_input_pinned_memory()->set_enable(true);
  }
  if (!optimization.has_output_pinned_memory()) {
    optimization.mutable_output_pinned_memory()->set_enable(true);
  }
}

void complete_instances(::inference::ModelConfig& config) {
  for (int i = 0; i < config.instance_group_size(); ++i) {
    ::inference::ModelInstanceGroup& group = *config.mutable_instance_group(i);
    if (group.name().empty()) group.set_name(config.name() + "_" + std::to_string(i));
  }
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string platform_of(std::string_view backend) {
  if (backend == "onnxruntime") return "onnxruntime_onnx";
  if (backend == "tensorrt") return "tensorrt_plan";
  return std::string(backend);
}

Result<::inference::ModelConfig> completed_config(const ModelDescription& model) {
  ::inference::ModelConfig config;
  if (!google::protobuf::TextFormat::ParseFromString(model.config_text, &config)) {
    return internal_error("the configuration of model '" + model.config.name +
                          "' is no text of its schema");
  }
  config.set_name(model.config.name);
  config.set_platform(platform_of(model.config.backend));
  // Triton's name of its backend's library; here, what runs the model, with version and
  // accelerators.
  config.set_runtime(model.runtime);
  if (config.default_model_filename().empty()) {
    config.set_default_model_filename(file_name(model.file));
  }
  if (config.version_policy().policy_choice_case() ==
      ::inference::ModelVersionPolicy::POLICY_CHOICE_NOT_SET) {
    config.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  }
  if (config.has_dynamic_batching() && config.max_batch_size() > 0 &&
      config.dynamic_batching().preferred_batch_size_size() == 0) {
    config.mutable_dynamic_batching()->add_preferred_batch_size(config.max_batch_size());
  }
  complete_optimization(config);
  complete_instances(config);
  return config;
}

Result<std::string> model_config_json(const ModelDescription& model) {
  MUSTER_ASSIGN_OR_RETURN(const ::inference::ModelConfig config, completed_config(model));
  std::string json;
  append_message_json(json, config);
  return json;
}

}  // namespace muster
