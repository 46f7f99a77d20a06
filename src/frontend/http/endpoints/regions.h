// SPDX-License-Identifier: Apache-2.0
// Shared memory regions: the system's, and those of GPUs. Registering the latter takes as long as
// opening them does, and is answered as a load is.
//
// Clients clean up regions of GPUs that they may have left behind: where there can be none, none
// is listed, and removing them is no error.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

void answer_regions(const EndpointContext& context, Call& call);
void answer_register_region(const EndpointContext& context, Call& call);
void answer_unregister_region(const EndpointContext& context, Call& call);

void answer_cuda_regions(const EndpointContext& context, Call& call);
[[nodiscard]] bool begin_register_cuda_region(const EndpointContext& context, Call& call);
void submit_register_cuda_region(const EndpointContext& context, Call& call);
void answer_unregister_cuda_region(const EndpointContext& context, Call& call);

}  // namespace muster
