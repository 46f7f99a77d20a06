// SPDX-License-Identifier: Apache-2.0
// Why a call of TensorRT failed, as a Status.
#pragma once

#include <string>

#include <muster/status.h>

#include "backends/tensorrt/device/device.h"

namespace muster::tensorrt {

// `what`: what was asked for. kBrokenForGood where the device is lost, kResourceExhausted where its
// memory was out, else kInternal, each with what TensorRT's log said.
[[nodiscard]] Status trt_failure(Device& device, const std::string& what);

}  // namespace muster::tensorrt
