// SPDX-License-Identifier: Apache-2.0
// UnaryConversation: one question, answered on the spot; and how a plain function of two messages
// becomes a method.
#pragma once

#include <memory>

#include "frontend/grpc/calls/conversation.h"
#include "frontend/grpc/calls/generic_call.h"

namespace muster {

class UnaryConversation final : public Conversation {
 public:
  using Answer = Status (*)(GenericCall& call, const ReceivedMessage& question,
                            MessageBytes& answer);

  UnaryConversation(GenericCall& call, Answer answer) noexcept : call_(call), answer_(answer) {}

  void message(const ReceivedMessage& received) override;
  void half_closed() override;
  void cancelled() override;
  void stop() override;

 private:
  GenericCall& call_;
  const Answer answer_;
};

template <auto Function>
struct MethodOf;

// Of a function `Status f(GenericCall&, const Request&, Reply&)`; it neither blocks nor throws.
template <typename Request, typename Reply,
          Status (*Function)(GenericCall&, const Request&, Reply&)>
struct MethodOf<Function> {
  static Status answer(GenericCall& call, const ReceivedMessage& question, MessageBytes& answer) {
    Request request;
    MUSTER_RETURN_IF_ERROR(call.parse(question, request));
    Reply reply;
    MUSTER_RETURN_IF_ERROR(Function(call, request, reply));
    return call.frame(reply, answer);
  }
  static std::unique_ptr<Conversation> begin(GenericCall& call) {
    return std::make_unique<UnaryConversation>(call, &answer);
  }
};

}  // namespace muster
