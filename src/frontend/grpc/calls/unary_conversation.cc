// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/unary_conversation.h"

#include <utility>

namespace muster {

void UnaryConversation::message(const grpc::ByteBuffer& bytes) {
  grpc::ByteBuffer answer;
  const Status status = answer_(call_, bytes, answer);
  if (!status.ok()) return call_.finish(grpc_status(status));
  call_.finish(grpc::Status::OK, std::move(answer));
}

void UnaryConversation::half_closed() {
  call_.finish({grpc::StatusCode::INVALID_ARGUMENT, "the call has no message"});
}

void UnaryConversation::cancelled() {
  call_.finish(grpc::Status::CANCELLED);
}

// A message is answered where it comes, so there was none.
void UnaryConversation::stop() {
  call_.finish(grpc_status(unavailable("the server is shutting down")));
}

}  // namespace muster
