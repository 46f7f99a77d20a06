// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/stream_infer.h"

#include <algorithm>
#include <utility>

#include "frontend/grpc/calls/message_bytes.h"
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

void StreamInfer::message(const grpc::ByteBuffer& bytes) {
  CallEnvironment& environment = call_.environment();
  Exchange& exchange = exchanges_.emplace_back();
  exchange.record.begin(environment, kPath);
  exchange.record.received(bytes.Length());
  exchange.inference = call_.spare_inferences().take();
  exchange.refusal = exchange.inference->decode(core_buffer_of(bytes), environment, call_.caller());
  exchange.departing = exchange.refusal.ok();
  if (exchange.departing && !leaves_with_round_) {
    leaves_with_round_ = true;
    environment.loop.depart_with_round(*this);
  }
  go_on();
}

void StreamInfer::depart() {
  leaves_with_round_ = false;
  InferenceService& service = call_.environment().services.inference;
  CompletionLoop& loop = call_.environment().loop;
  for (Exchange& exchange : exchanges_) {
    if (!exchange.departing) continue;
    exchange.departing = false;
    if (call_.is_cancelled()) {
      exchange.refusal = {StatusCode::kCancelled, "the stream was cancelled"};
    } else {
      exchange.inference->hand_in(service, loop.burst(), *this);
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
    exchange.record.end(call_.caller(), grpc::Status::CANCELLED, 0, true,
                        exchange.inference->details());
  }
  call_.finish(grpc::Status::CANCELLED);
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
  if (call_.is_finished()) return;
  if (!call_.is_writing() && !exchanges_.empty() && exchanges_.front().is_answered()) write_first();
  const bool reads = !half_closed_ && !stopped_;
  if (!reads && exchanges_.empty() && !call_.is_writing()) {
    return call_.finish(half_closed_ ? grpc::Status::OK
                                     : grpc_status(unavailable("the server is shutting down")));
  }
  if (reads && exchanges_.size() < call_.environment().services.limits.max_pipelined_requests)
    call_.read();
}

void StreamInfer::write_first() {
  Exchange& exchange = exchanges_.front();
  grpc::ByteBuffer bytes;
  const grpc::Status status = write_answer(exchange, bytes);
  exchange.record.end(call_.caller(), status, bytes.Length(), false, exchange.inference->details());
  call_.spare_inferences().give_back(std::move(exchange.inference));
  exchanges_.pop_front();
  call_.write(bytes);
}

grpc::Status StreamInfer::write_answer(Exchange& exchange, grpc::ByteBuffer& bytes) {
  grpc::Status status = grpc_status(exchange.refusal);
  if (status.ok() && exchange.inference->response() == nullptr)
    status = exchange.inference->failure();
  InferReply reply;
  if (status.ok()) status = grpc_status(exchange.inference->encode(reply));
  if (status.ok()) status = grpc_status(write_stream_reply(reply, bytes));
  if (status.ok()) return status;
  // The id tells the client which of its requests it was.
  ::inference::ModelStreamInferResponse message;
  message.set_error_message(status.error_message());
  message.mutable_infer_response()->set_id(std::string(exchange.inference->id()));
  (void)write_message(message, bytes);
  return status;
}

GrpcMethod stream_infer_method() {
  return {.path = kPath,
          .right = Right::kInfer,
          .begin = [](GenericCall& call) -> std::unique_ptr<Conversation> {
            return std::make_unique<StreamInfer>(call);
          },
          .awaited = true,
          .recorded = false,
          .asks_once = false};
}

}  // namespace muster
