// SPDX-License-Identifier: Apache-2.0
// Models: how they are, what they are, and the repository they come from.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

void answer_model_ready(const EndpointContext& context, Call& call);
void answer_model_metadata(const EndpointContext& context, Call& call);
void answer_model_config(const EndpointContext& context, Call& call);
void answer_statistics(const EndpointContext& context, Call& call);
void answer_explain(const EndpointContext& context, Call& call);
void answer_index(const EndpointContext& context, Call& call);
void answer_unload(const EndpointContext& context, Call& call);

[[nodiscard]] bool begin_load(const EndpointContext& context, Call& call);
void submit_load(const EndpointContext& context, Call& call);
void finish_load(const EndpointContext& context, Call& call);

}  // namespace muster
