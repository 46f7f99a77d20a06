// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/unary_infer.h"

#include <utility>

#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/message/message_frame.h"
#include "frontend/grpc/timing_trailer.h"

namespace muster {

UnaryInfer::UnaryInfer(UnaryInfers& calls) : calls_(calls), answer_(calls.environment_.memory) {}

UnaryInfer::~UnaryInfer() {
  if (inference_ != nullptr && inference_->is_out()) (void)inference_.release();
}

void UnaryInfer::begin(Http2Stream& stream, const CallHead& head,
                       std::list<UnaryInfer>::iterator place) {
  const CallEnvironment& environment = calls_.environment_;
  place_ = place;
  stream_ = &stream;
  has_message_ = departing_ = cancelled_ = finished_ = false;
  deadline_ = head.deadline;
  coding_ = head.coding;
  reply_.restart(stream);
  inference_ = calls_.spare_.take();
  environment.open_calls.enter();
  record_.begin(environment, kModelInferPath, stream.peer());
  const Status admitted = admit(environment, kModelInferRight, stream);
  if (!admitted.ok()) return fail(grpc_status(admitted));
  waiting_since_ = environment.thread.now();
  reader_.restart(inference_->bytes(), environment.services.limits.max_body_bytes,
                  coding_.has_value());
}

void UnaryInfer::abandon() noexcept {
  record_.lose();
  if (inference_ != nullptr) calls_.environment_.open_calls.leave();
  calls_.open_.erase(place_);
}

std::size_t UnaryInfer::received(std::span<const std::byte> bytes) {
  std::span<const std::byte> left = bytes;
  while (!left.empty() && !finished_) {
    if (has_message_) {
      fail(more_than_one_message());
    } else {
      const MessageReader::Step step = reader_.read(left);
      if (step == MessageReader::Step::kRefused) fail(reader_.refusal());
      has_message_ = step == MessageReader::Step::kMessage;
    }
  }
  return bytes.size();
}

std::span<std::byte> UnaryInfer::room(std::size_t most) noexcept {
  return finished_ || has_message_ ? std::span<std::byte>() : reader_.room(most);
}

void UnaryInfer::ended() {
  waiting_since_ = kNoDeadline;
  if (finished_) return;
  if (!has_message_) {
    return fail(reader_.is_between_messages() ? no_message() : message_is_cut_off());
  }
  record_.received(inference_->bytes().size());
  MessageCoding coding = MessageCoding::kIdentity;
  if (reader_.is_compressed()) {
    coding = *coding_;
    reply_.set_coding(reply_coding(*stream_, coding));
  }
  const CallEnvironment& environment = calls_.environment_;
  const Status status = inference_->decode(coding, deadline_, environment, *stream_);
  if (!status.ok()) return fail(grpc_status(status));
  departing_ = true;
  environment.thread.depart_with_round(*this);
}

void UnaryInfer::depart() {
  departing_ = false;
  if (cancelled_) return fail(cancelled_status());
  inference_->hand_in(calls_.environment_.services.inference, calls_.environment_.thread.burst(),
                      *this);
}

void UnaryInfer::answered(GrpcInference& inference) {
  const InferResponse* response = inference.response();
  if (response == nullptr) return fail(inference.failure());
  if (cancelled_) return fail(cancelled_status());
  Status status = inference.encode(calls_.reply_);
  if (status.ok()) status = frame_reply(calls_.reply_, reply_.coding(), answer_);
  calls_.reply_.clear();
  if (!status.ok()) return fail(grpc_status(status));
  append_timing(*response, reply_.timing());
  finish({}, answer_.size() - MessageReader::kPrefixBytes);
}

void UnaryInfer::fail(const GrpcStatus& status) {
  finish(status, 0);
}

void UnaryInfer::finish(const GrpcStatus& status, std::size_t reply_bytes) {
  record_.end(status, reply_bytes, cancelled_, inference_->details());
  finished_ = true;
  waiting_since_ = kNoDeadline;
  if (stream_ == nullptr) return end_if_over();
  if (status.ok()) reply_.send(answer_);
  reply_.finish(status);
}

void UnaryInfer::check_time(TimePoint now) {
  if (is_over_time(waiting_since_, now, calls_.environment_.services.limits))
    fail(message_is_late());
}

void UnaryInfer::stop() {
  if (waiting_since_ != kNoDeadline) fail(server_stops());
}

void UnaryInfer::closed(Http2Closing) {
  stream_ = nullptr;
  waiting_since_ = kNoDeadline;
  if (!finished_) {
    cancelled_ = true;
    if (inference_->is_out()) {
      inference_->cancel(calls_.environment_.services.inference);
    } else if (!departing_) {
      return fail(cancelled_status());
    }
  }
  end_if_over();
}

void UnaryInfer::end_if_over() {
  if (stream_ != nullptr || !finished_) return;
  calls_.environment_.open_calls.leave();
  calls_.spare_.give_back(std::move(inference_));
  answer_.clear();
  calls_.put_away(place_);
}

UnaryInfers::UnaryInfers(const CallEnvironment& environment)
    : environment_(environment), spare_(environment) {}

Http2Call& UnaryInfers::begin(Http2Stream& stream, const CallHead& head) {
  if (idle_.empty()) idle_.emplace_back(*this);
  const auto call = idle_.begin();
  open_.splice(open_.end(), idle_, call);
  try {
    call->begin(stream, head, call);
  } catch (...) {
    call->abandon();
    throw;
  }
  return *call;
}

void UnaryInfers::put_away(std::list<UnaryInfer>::iterator call) {
  if (idle_.size() < kMaxIdle) {
    idle_.splice(idle_.begin(), open_, call);
  } else {
    open_.erase(call);
  }
}

}  // namespace muster
