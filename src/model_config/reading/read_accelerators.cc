// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/reading/read_fields.h"

namespace muster {
namespace {

using Accelerators = ::inference::ModelOptimizationPolicy::ExecutionAccelerators;

void read_accelerator(const Accelerators::Accelerator& text, int line, bool on_gpu,
                      ModelConfig& config, Problems& problems) {
  if (text.name().empty()) {
    problems.add(line,
                 "an execution accelerator has no name; give it one, as in name: \"openvino\"");
    return;
  }
  if (std::ranges::find(config.accelerators, text.name(), &ExecutionAccelerator::name) !=
      config.accelerators.end()) {
    problems.add(line, fmt::format("execution accelerator '{}' is given twice; keep one",
                                   printable(text.name())));
    return;
  }
  if (config.accelerators.size() == kMaxAccelerators) {
    problems.add(line, fmt::format("more than {} execution accelerators", kMaxAccelerators));
    return;
  }
  ExecutionAccelerator accelerator{text.name(), {}, on_gpu, line};
  for (const auto& [key, value] : text.parameters())
    accelerator.parameters.emplace(key, value);
  config.accelerators.push_back(std::move(accelerator));
}

}  // namespace

void read_accelerators(ParsedConfig::Parts& parts, Problems& problems) {
  if (!parts.text.optimization().has_execution_accelerators()) return;
  const Accelerators& text = parts.text.optimization().execution_accelerators();
  const Located at = parts.located().nested("optimization").nested("execution_accelerators");
  for (int i = 0; i < text.gpu_execution_accelerator_size(); ++i) {
    read_accelerator(text.gpu_execution_accelerator(i), at.line("gpu_execution_accelerator", i),
                     true, parts.config, problems);
  }
  for (int i = 0; i < text.cpu_execution_accelerator_size(); ++i) {
    read_accelerator(text.cpu_execution_accelerator(i), at.line("cpu_execution_accelerator", i),
                     false, parts.config, problems);
  }
}

}  // namespace muster
