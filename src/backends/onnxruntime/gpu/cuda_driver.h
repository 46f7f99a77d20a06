// SPDX-License-Identifier: Apache-2.0
// A GPU by NVIDIA's driver: libcuda.so.1, opened at run time. Its calls are declared by ourselves
// after NVIDIA's "CUDA Driver API" reference: nothing of NVIDIA's is needed to build. The driver
// keeps its calls under their names, as NVML does (docs/adr/0045).
//
// The context is the device's primary one, which CUDA's runtime uses as well, and so the runtime's
// execution providers.
#pragma once

#include <memory>
#include <string>

#include "backends/onnxruntime/gpu/gpu.h"

namespace muster::onnxruntime {

inline constexpr const char* kCudaDriver = "libcuda.so.1";

// `number`: as CUDA counts the GPUs that this process may see. kFailedPrecondition: no driver, or
// no such GPU. The library stays open until the process ends.
[[nodiscard]] Result<std::shared_ptr<Gpu>> open_gpu(int number,
                                                    const std::string& library = kCudaDriver);

// From now on the calling thread takes no notice of CUDA graphs that other threads record: while
// one does, CUDA else refuses others much (error 900), and the recording fails with it. Nothing
// before a GPU was opened, and a look at a flag after the first time.
void ignore_captures_of_others() noexcept;

}  // namespace muster::onnxruntime
