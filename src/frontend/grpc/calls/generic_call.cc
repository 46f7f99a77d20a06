// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/generic_call.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/message/message_frame.h"

namespace muster {
namespace {

// Of calls that are none: refused by their head, or of a path that is unknown.
constexpr GrpcMethod kNoMethod{"", Right::kHealth, nullptr};

}  // namespace

GenericCall::GenericCall(GenericCalls& calls)
    : calls_(calls), message_(calls.environment_.memory), kept_(calls.environment_.memory) {}

const CallEnvironment& GenericCall::environment() const noexcept {
  return calls_.environment_;
}

SpareInferences& GenericCall::spare_inferences() noexcept {
  return calls_.spare_;
}

void GenericCall::begin(Http2Stream& stream, const CallHead& head,
                        std::list<GenericCall>::iterator place) {
  place_ = place;
  stream_ = &stream;
  deadline_ = head.deadline;
  coding_ = head.coding;
  reply_.restart(stream);
  const std::string_view path = stream.field(Http2Field::kPath);
  const GrpcMethod* const found = head.refusal.ok() ? calls_.find(path) : nullptr;
  method_ = found != nullptr ? found : &kNoMethod;
  // Health is told to the end, so that such a call may come when nobody says any more that the
  // server stops: it is waited for when it has asked something.
  if (method_->right != Right::kHealth) be_awaited();
  GrpcStatus refusal = head.refusal;
  if (refusal.ok()) {
    refusal = grpc_status(found == nullptr ? unimplemented("there is no method " + printable(path))
                                           : admit_caller());
  }
  recorded_ = method_->recorded || !refusal.ok();
  if (recorded_) {
    record_.begin(environment(), found != nullptr ? found->path : path, stream.peer());
  }
  if (!refusal.ok()) {
    finished_ = true;
    if (recorded_) record_.end(refusal, 0, false);
    return reply_.refuse(head.http_status, refusal);
  }
  reader_.restart(message_, message_limit(), coding_.has_value());
  if (method_->asks_once) waiting_since_ = environment().thread.now();
  conversation_ = method_->begin(*this);
}

void GenericCall::abandon() noexcept {
  record_.lose();
  if (awaited_) environment().open_calls.leave();
  calls_.open_.erase(place_);
}

Status GenericCall::admit_caller() const {
  Status admitted = admit(environment(), method_->right, *stream_);
  if (admitted.ok() || !method_->or_right) return admitted;
  return admit(environment(), *method_->or_right, *stream_).ok() ? Status() : admitted;
}

// What anybody may ask is as small as the head of a request. It holds for what is gathered as well,
// which takes memory that is there for all.
std::size_t GenericCall::message_limit() const {
  const FrontendLimits& limits = environment().services.limits;
  if (method_->has_tensors) return limits.max_body_bytes;
  const std::size_t most = std::min(limits.max_control_bytes, limits.max_body_bytes);
  return method_->right == Right::kHealth ? std::min(limits.max_header_bytes, most) : most;
}

Status GenericCall::parse(const ReceivedMessage& received,
                          google::protobuf::MessageLite& message) const {
  return parse_message(received, message_limit(), message);
}

MessageBytes GenericCall::new_frame() const {
  return MessageBytes(environment().memory);
}

Status GenericCall::frame(const google::protobuf::MessageLite& message, MessageBytes& out) const {
  return frame_message(message, coding(), out);
}

std::size_t GenericCall::received(std::span<const std::byte> bytes) {
  if (finished_) return bytes.size();
  const std::size_t taken = kept_.size() == 0 ? take(bytes) : 0;
  if (finished_) return bytes.size();
  // Bounded by the stream's window, as it is not given back.
  const Status kept = kept_.append(bytes.subspan(taken));
  if (!kept.ok()) {
    refuse(grpc_status(kept));
    return bytes.size();
  }
  return taken;
}

void GenericCall::ended() {
  ended_ = true;
  if (reading_ && !finished_) take_kept();
}

void GenericCall::read() {
  reading_ = true;
  // While a message is being taken, whoever takes it goes on by himself.
  if (!taking_) take_kept();
}

void GenericCall::take_kept() {
  if (kept_.size() != 0) {
    const std::size_t taken = take(kept_.bytes().subspan(kept_taken_));
    kept_taken_ += taken;
    if (stream_ != nullptr && taken != 0) stream_->consume(taken);
    // Now and then, so that what is small is not moved for every message in it.
    if (kept_taken_ >= kept_.size() / 2) {
      kept_.drop_front(std::exchange(kept_taken_, 0));
      if (kept_.size() == 0) kept_.clear();
    }
  }
  if (ended_ && kept_.size() == 0 && reading_ && !finished_) take_end();
}

std::size_t GenericCall::take(std::span<const std::byte> bytes) {
  std::span<const std::byte> left = bytes;
  taking_ = true;
  while (!left.empty() && reading_ && !finished_) {
    if (has_message_) {
      refuse(more_than_one_message());
      break;
    }
    const MessageReader::Step step = reader_.read(left);
    if (step == MessageReader::Step::kRefused) refuse(reader_.refusal());
    if (step == MessageReader::Step::kMessage) take_message();
    if (step == MessageReader::Step::kNeedBytes && waiting_since_ == kNoDeadline)
      waiting_since_ = environment().thread.now();
  }
  taking_ = false;
  return bytes.size() - left.size();
}

void GenericCall::take_message() {
  if (!method_->asks_once) return deliver();
  has_message_ = true;
}

void GenericCall::take_end() {
  if (has_message_) return deliver();
  reading_ = false;
  waiting_since_ = kNoDeadline;
  if (!reader_.is_between_messages()) return refuse(message_is_cut_off());
  conversation_->half_closed();
}

void GenericCall::deliver() {
  reading_ = has_message_ = false;
  waiting_since_ = kNoDeadline;
  be_awaited();
  if (recorded_) record_.received(message_.size());
  MessageCoding coding = MessageCoding::kIdentity;
  if (reader_.is_compressed()) {
    coding = *coding_;
    reply_.set_coding(reply_coding(*stream_, coding));
  }
  conversation_->message({message_, coding});
}

// A client that does not keep to gRPC, or whose message has no room. What the conversation still
// has elsewhere is of no use any more.
void GenericCall::refuse(const GrpcStatus& status) {
  reading_ = false;
  finish(status);
  conversation_->cancelled();
}

void GenericCall::write(MessageBytes frame) {
  if (finished_ || stream_ == nullptr) return;
  sent_bytes_ += frame.size() - MessageReader::kPrefixBytes;
  sending_bytes_ += frame.size();
  reply_.send(sending_.emplace_back(std::move(frame)));
}

void GenericCall::sent(std::size_t sends) {
  for (; sends != 0 && !sending_.empty(); --sends) {
    sending_bytes_ -= sending_.front().size();
    sending_.pop_front();
  }
  if (!finished_) conversation_->written();
}

void GenericCall::finish(const GrpcStatus& status, std::optional<MessageBytes> last) {
  if (finished_) return;
  be_awaited();
  if (last) write(std::move(*last));
  finished_ = true;
  waiting_since_ = kNoDeadline;
  if (recorded_) record_.end(status, sent_bytes_, cancelled_);
  if (stream_ != nullptr) reply_.finish(status);
}

void GenericCall::closed(Http2Closing) {
  stream_ = nullptr;
  if (!finished_) {
    cancelled_ = true;
    conversation_->cancelled();
  }
  if (std::exchange(awaited_, false)) environment().open_calls.leave();
  end_if_over();
}

void GenericCall::be_awaited() {
  if (!method_->awaited || awaited_ || stream_ == nullptr) return;
  awaited_ = true;
  environment().open_calls.enter();
}

void GenericCall::stop() {
  if (!finished_) conversation_->stop();
}

void GenericCall::check_time(TimePoint now) {
  if (finished_) return;
  if (is_over_time(waiting_since_, now, environment().services.limits))
    return refuse(message_is_late());
  conversation_->check_time(now);
}

void GenericCall::end_if_over() {
  if (stream_ != nullptr || !finished_) return;
  if (conversation_ != nullptr && !conversation_->may_end()) return;
  calls_.open_.erase(place_);
}

GenericCalls::GenericCalls(const CallEnvironment& environment, std::span<const GrpcMethod> methods)
    : environment_(environment), methods_(methods), spare_(environment) {}

Http2Call& GenericCalls::begin(Http2Stream& stream, const CallHead& head) {
  open_.emplace_back(*this);
  const auto call = std::prev(open_.end());
  try {
    call->begin(stream, head, call);
  } catch (...) {
    call->abandon();
    throw;
  }
  return *call;
}

const GrpcMethod* GenericCalls::find(std::string_view path) const noexcept {
  const auto found = std::find_if(methods_.begin(), methods_.end(),
                                  [path](const GrpcMethod& one) { return one.path == path; });
  return found == methods_.end() ? nullptr : &*found;
}

}  // namespace muster
