// SPDX-License-Identifier: Apache-2.0
// TensorRT's log, as lines of ours, and what it said last.
#pragma once

#include <string>

#include <NvInferRuntime.h>

namespace muster::tensorrt {

// One for the whole process, which never ends: TensorRT keeps the first that it is given.
[[nodiscard]] nvinfer1::ILogger& trt_log();

// The first error that was told since this was last asked, by this thread where there is one, else
// by any; "" = none. TensorRT's calls say only that they failed; why is in its log.
[[nodiscard]] std::string take_trt_error();

}  // namespace muster::tensorrt
