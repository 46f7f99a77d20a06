// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/unary_conversation.h"

#include <utility>

#include "frontend/grpc/calls/call_limits.h"

namespace muster {

void UnaryConversation::message(const ReceivedMessage& received) {
  MessageBytes answer = call_.new_frame();
  const Status status = answer_(call_, received, answer);
  if (!status.ok()) return call_.finish(grpc_status(status));
  call_.finish({}, std::move(answer));
}

void UnaryConversation::half_closed() {
  call_.finish(no_message());
}

void UnaryConversation::cancelled() {
  call_.finish(cancelled_status());
}

// A message is answered where it comes, so there was none.
void UnaryConversation::stop() {
  call_.finish(server_stops());
}

}  // namespace muster
