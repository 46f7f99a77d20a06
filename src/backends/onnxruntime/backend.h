// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime behind Muster's backend contract: ONNX files on the CPU.
//
// A model is loaded once into one Ort::Session, which all its runners share; no vendor type or
// exception leaves this folder. docs/backends.md tells its parameters and who owns what.
#pragma once

#include <memory>

#include <muster/backend.h>

#include "base/clock.h"

namespace muster::onnxruntime {

// `clock` paces how often memory is given back, and must outlive all that is loaded.
[[nodiscard]] Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& settings = {},
                                                              Clock& clock = steady_clock());

}  // namespace muster::onnxruntime
