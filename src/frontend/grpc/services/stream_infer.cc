// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/stream_infer.h"

#include <algorithm>
#include <utility>

#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/message/message_frame.h"
#include "frontend/grpc/message/message_reader.h"
#include "open_inference.pb.h"

namespace muster {
namespace {

constexpr std::string_view kPath = "/inference.GRPCInferenceService/ModelStreamInfer";

}  // namespace

StreamInfer::~StreamInfer() {
  for (Exchange& exchange : exchanges_) {
    if (exchange.inference->is_out()) (void)exchange.inference.release();
  }
}

void StreamInfer::message(const ReceivedMessage& received) {
  const CallEnvironment& environment = call_.environment();
  // First what may find no memory: an exchange has its inference.
  auto inference = call_.spare_inferences().take();
  Exchange& exchange = exchanges_.emplace_back();
  exchange.inference = std::move(inference);
  exchange.record.begin(environment, kPath, call_.stream().peer());
  exchange.record.received(received.bytes.size());
  exchange.inference->bytes().swap(received.bytes);
  exchange.refusal =
      exchange.inference->decode(received.coding, call_.deadline(), environment, call_.stream());
  exchange.departing = exchange.refusal.ok();
  if (exchange.departing && !leaves_with_round_) {
    leaves_with_round_ = true;
    environment.thread.depart_with_round(*this);
  }
  go_on();
}

void StreamInfer::depart() {
  leaves_with_round_ = false;
  InferenceService& service = call_.environment().services.inference;
  Burst& burst = call_.environment().thread.burst();
  for (Exchange& exchange : exchanges_) {
    if (!exchange.departing) continue;
    exchange.departing = false;
    if (call_.is_finished()) {
      exchange.refusal = {StatusCode::kCancelled, "the stream was cancelled"};
    } else {
      exchange.inference->hand_in(service, burst, *this);
    }
  }
  if (call_.is_finished()) call_.end_if_over();
}

void StreamInfer::answered(GrpcInference&) {
  if (call_.is_finished()) return call_.end_if_over();
  go_on();
}

void StreamInfer::half_closed() {
  half_closed_ = true;
  go_on();
}

void StreamInfer::written() {
  go_on();
}

void StreamInfer::cancelled() {
  InferenceService& service = call_.environment().services.inference;
  for (Exchange& exchange : exchanges_) {
    if (exchange.inference->is_out()) exchange.inference->cancel(service);
    exchange.record.end(cancelled_status(), 0, call_.is_cancelled(), exchange.inference->details());
  }
  call_.finish(cancelled_status());
}

void StreamInfer::stop() {
  stopped_ = true;
  go_on();
}

bool StreamInfer::may_end() const {
  return !leaves_with_round_ &&
         std::none_of(exchanges_.begin(), exchanges_.end(),
                      [](const Exchange& exchange) { return exchange.inference->is_out(); });
}

void StreamInfer::go_on() {
  while (!call_.is_finished() && call_.may_write() && !exchanges_.empty() &&
         exchanges_.front().is_answered())
    write_first();
  if (call_.is_finished()) return;
  const bool reads = !half_closed_ && !stopped_;
  if (!reads && exchanges_.empty())
    return call_.finish(half_closed_ ? GrpcStatus() : server_stops());
  if (reads && exchanges_.size() < call_.environment().services.limits.max_pipelined_requests)
    call_.read();
}

void StreamInfer::write_first() {
  Exchange& exchange = exchanges_.front();
  MessageBytes frame = call_.new_frame();
  const GrpcStatus status = frame_answer(exchange, frame);
  if (frame.size() == 0) {
    // Not even for the words of a failure: the client could not tell which answer is missing.
    return give_up(status);
  }
  exchange.record.end(status, frame.size() - MessageReader::kPrefixBytes, false,
                      exchange.inference->details());
  call_.spare_inferences().give_back(std::move(exchange.inference));
  exchanges_.pop_front();
  call_.write(std::move(frame));
}

GrpcStatus StreamInfer::frame_answer(const Exchange& exchange, MessageBytes& frame) {
  GrpcStatus status = grpc_status(exchange.refusal);
  if (status.ok() && exchange.inference->response() == nullptr)
    status = exchange.inference->failure();
  if (status.ok()) status = grpc_status(exchange.inference->encode(reply_));
  if (status.ok()) status = grpc_status(frame_stream_reply(reply_, call_.coding(), frame));
  reply_.clear();
  if (status.ok()) return status;
  // The id tells the client which of its requests it was.
  ::inference::ModelStreamInferResponse message;
  message.set_error_message(status.message);
  message.mutable_infer_response()->set_id(std::string(exchange.inference->id()));
  if (!call_.frame(message, frame).ok()) frame.clear();
  return status;
}

void StreamInfer::give_up(const GrpcStatus& status) {
  call_.finish(status);
  cancelled();
}

GrpcMethod stream_infer_method() {
  return {.path = kPath,
          .right = Right::kInfer,
          .begin = [](GenericCall& call) -> std::unique_ptr<Conversation> {
            return std::make_unique<StreamInfer>(call);
          },
          .awaited = true,
          .recorded = false,
          .asks_once = false,
          .has_tensors = true};
}

}  // namespace muster
