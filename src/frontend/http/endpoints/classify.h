// SPDX-License-Identifier: Apache-2.0
// POST .../classify: pictures as they are, one as the body or many as multipart.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

[[nodiscard]] bool begin_classify(const EndpointContext& context, Call& call);
void submit_classify(const EndpointContext& context, Call& call);
void finish_classify(const EndpointContext& context, Call& call);

}  // namespace muster
