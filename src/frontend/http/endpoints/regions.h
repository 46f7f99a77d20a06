// SPDX-License-Identifier: Apache-2.0
// Shared memory regions. CUDA's are not supported: none is listed, removing one changes nothing,
// and registering one is refused.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

void answer_regions(const EndpointContext& context, Call& call);
void answer_register_region(const EndpointContext& context, Call& call);
void answer_unregister_region(const EndpointContext& context, Call& call);
void answer_cuda_regions(const EndpointContext& context, Call& call);

}  // namespace muster
