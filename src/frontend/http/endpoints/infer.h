// SPDX-License-Identifier: Apache-2.0
// POST .../infer: the way of nearly every request.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

[[nodiscard]] bool begin_infer(const EndpointContext& context, Call& call);
void submit_infer(const EndpointContext& context, Call& call);
void finish_infer(const EndpointContext& context, Call& call);

}  // namespace muster
