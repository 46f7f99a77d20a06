// SPDX-License-Identifier: Apache-2.0
// The server itself: health, metadata, metrics and settings.
#pragma once

#include "frontend/http/endpoints/endpoint.h"

namespace muster {

void answer_live(const EndpointContext& context, Call& call);
void answer_ready(const EndpointContext& context, Call& call);
void answer_server_metadata(const EndpointContext& context, Call& call);
void answer_metrics(const EndpointContext& context, Call& call);
void answer_log_settings(const EndpointContext& context, Call& call);
void answer_trace_settings(const EndpointContext& context, Call& call);

}  // namespace muster
