// SPDX-License-Identifier: Apache-2.0
// TensorRT behind Muster's backend contract: engines (model.plan), and ONNX files that are built
// into one on load, on an NVIDIA GPU.
//
// No vendor type leaves this folder. docs/backends.md tells its parameters and who owns what; ADR
// 0041 how a GPU is used.
#pragma once

#include <memory>

#include <muster/backend.h>

#include "base/clock.h"

namespace muster::tensorrt {

// Calls neither CUDA nor TensorRT: on a machine without a GPU the backend is there and says so when
// a model is loaded. `clock` paces waits and renewals, and must outlive all that is loaded.
[[nodiscard]] Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& settings = {},
                                                              Clock& clock = steady_clock());

}  // namespace muster::tensorrt
