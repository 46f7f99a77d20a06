// SPDX-License-Identifier: Apache-2.0
// OpenVINO behind Muster's backend contract: IR (model.xml with model.bin) and ONNX files on the
// CPU.
//
// A model is compiled for any batch size, and once more for each of a few fixed ones, which run
// faster; its sessions share what was compiled. No vendor type or exception leaves this folder.
// docs/backends.md tells its parameters and who owns what.
#pragma once

#include <memory>

#include <muster/backend.h>

#include "base/clock.h"

namespace muster::openvino {

// `clock` paces how often memory is given back, and must outlive all that is loaded. Threads that
// serve have the priority of the calling thread. oneTBB, which this process may use for other
// things too, is limited to the thread budget of `settings` while the backend and its models live.
[[nodiscard]] Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& settings = {},
                                                              Clock& clock = steady_clock());

}  // namespace muster::openvino
