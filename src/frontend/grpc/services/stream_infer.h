// SPDX-License-Identifier: Apache-2.0
// StreamInfer: ModelStreamInfer. Many inferences on one call, several at a time, answered in the
// order in which they were asked. One that fails is answered so, and the stream goes on.
//
// At most `max_pipelined_requests` are under way or wait for their turn to be written; more are not
// read, so that the stream's window stops the client.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "frontend/grpc/calls/conversation.h"
#include "frontend/grpc/calls/generic_call.h"

namespace muster {

class StreamInfer final : public Conversation,
                          public GrpcInference::Asker,
                          public CallThread::Departure {
 public:
  explicit StreamInfer(GenericCall& call) noexcept : call_(call) {}
  // Leaves to the service what it still has.
  ~StreamInfer() override;

  void message(const ReceivedMessage& received) override;
  void half_closed() override;
  void written() override;
  void cancelled() override;
  void stop() override;
  [[nodiscard]] bool may_end() const override;

  void depart() override;
  void answered(GrpcInference& inference) override;

 private:
  // One message and what becomes of it.
  struct Exchange {
    std::unique_ptr<GrpcInference> inference;
    CallRecord record;
    Status refusal;          // why it was not handed in
    bool departing = false;  // decoded, to be handed in at the end of the round
    [[nodiscard]] bool is_answered() const noexcept { return !departing && !inference->is_out(); }
  };

  // Reads, writes or finishes, whichever is due.
  void go_on();
  void write_first();
  // The answer as a message; the status is what the client is told in it.
  [[nodiscard]] GrpcStatus frame_answer(const Exchange& exchange, MessageBytes& frame);

  // Where the stream cannot go on.
  void give_up(const GrpcStatus& status);

  GenericCall& call_;
  std::deque<Exchange> exchanges_;  // in the order of asking
  InferReply reply_;                // of the answer that is being encoded
  bool half_closed_ = false;
  bool stopped_ = false;
  bool leaves_with_round_ = false;
};

[[nodiscard]] GrpcMethod stream_infer_method();

}  // namespace muster
