// SPDX-License-Identifier: Apache-2.0
// Execution providers: other libraries below the runtime, which take the operators that they can of
// a model. Named by optimization.execution_accelerators; docs/backends.md has them all with their
// parameters. A provider's library comes with the runtime, or from the server's own configuration.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/model.h>

#include "backends/onnxruntime/environment.h"

namespace muster::onnxruntime {

using ProviderParameters = std::map<std::string, std::string, std::less<>>;

// The accelerator's parameters as the runtime's provider takes them. An error begins with the
// place in the configuration. Pure.
[[nodiscard]] Result<ProviderParameters> provider_parameters(
    const ModelConfig& config, const ExecutionAccelerator& accelerator, int threads);

struct ProviderOrder {
  const ModelConfig& config;
  // Plugins by name: files that the server vouches for.
  const std::map<std::string, std::string, std::less<>>& libraries;
  int threads;
};

// Gives the session every provider of the list that can be had, in order, and says which:
// "openvino". Those that cannot are warned of; where none can, the error names what to install.
[[nodiscard]] Result<std::string> add_providers(Environment& environment,
                                                const ProviderOrder& order,
                                                Ort::SessionOptions& session);

}  // namespace muster::onnxruntime
