// SPDX-License-Identifier: Apache-2.0
// Endpoints: what is answered where. Each takes a call whose request is complete.
//
// A call is begun when its request is read; its reply may be there at once, or it has an order
// then. Orders are submitted together, at the end of the transport thread's round. Their answers
// come home through the mailbox, and the call is finished. All of it on the transport thread;
// nothing blocks.
#pragma once

#include <memory>

#include <muster/inference.h>

#include "frontend/front_services.h"
#include "frontend/http/call.h"
#include "frontend/http/http_frontend.h"
#include "frontend/transport/mailbox.h"
#include "inference/burst.h"

namespace muster {

struct EndpointContext {
  const FrontServices& services;
  std::shared_ptr<Mailbox> mailbox;
  Burst& burst;  // of the round's requests; the thread ends it
};

// Whether this kind of listener serves the endpoint at all.
[[nodiscard]] bool is_served(Endpoint endpoint, HttpListener::Kind kind) noexcept;

// True where the reply is there, false where the call has an order.
[[nodiscard]] bool begin_call(const EndpointContext& context, Call& call);
// The call belongs to whoever answers from here on, if its stage is kInFlight then; where this
// throws before that, it is still the caller's.
void submit_call(const EndpointContext& context, Call& call);
// Its answer is home: makes the reply of it.
void finish_call(const EndpointContext& context, Call& call);

}  // namespace muster
