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
#include "backends/onnxruntime/gpu/gpu_wishes.h"

namespace muster::onnxruntime {

// The accelerator's parameters as the runtime's provider takes them. An error begins with the
// place in the configuration. Pure.
[[nodiscard]] Result<ProviderParameters> provider_parameters(
    const ModelConfig& config, const ExecutionAccelerator& accelerator, int threads);

struct ProviderOrder {
  const ModelConfig& config;
  // Plugins by name: files that the server vouches for.
  const std::map<std::string, std::string, std::less<>>& libraries;
  int threads;
  const GpuWishes* wishes = nullptr;  // null: none
};

// Why some of a list cannot be had, by name and in the words of the runtime.
using ProviderFailures = std::map<std::string, std::string, std::less<>>;

// Gives the session every provider of the list that can be had, in order, and returns their names.
// What is among `failures` is left out, and what fails here is added to it. Where none can be had,
// the error names what to install.
[[nodiscard]] Result<std::vector<std::string>> add_providers(Environment& environment,
                                                             const ProviderOrder& order,
                                                             ProviderFailures& failures,
                                                             Ort::SessionOptions& session);

// For each that cannot be had, in the list's order: its place, the reason, and what to install.
[[nodiscard]] std::vector<std::string> failure_lines(const ProviderOrder& order,
                                                     const ProviderFailures& failures);

}  // namespace muster::onnxruntime
