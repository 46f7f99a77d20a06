// SPDX-License-Identifier: Apache-2.0
// CudaSharedMemoryRegister: the first use of a GPU takes seconds, and no thread waits for it.
#pragma once

#include "frontend/grpc/calls/conversation.h"

namespace muster {

[[nodiscard]] GrpcMethod cuda_region_method();

}  // namespace muster
