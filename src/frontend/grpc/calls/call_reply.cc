// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/call_reply.h"

#include <array>
#include <span>

#include "frontend/grpc/timing_trailer.h"

namespace muster {
namespace {

constexpr Http2Header kContentType{"content-type", "application/grpc"};
// Tells clients what they may compress with.
constexpr Http2Header kAccepted{"grpc-accept-encoding", kAcceptedCodings};

constexpr std::array<std::string_view, 17> kCodes = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};

// As many as an answer has at most.
class Fields {
 public:
  void add(const Http2Header& field) noexcept { fields_[count_++] = field; }
  [[nodiscard]] std::span<const Http2Header> all() const noexcept {
    return {fields_.data(), count_};
  }

 private:
  std::array<Http2Header, 7> fields_ = {};
  std::size_t count_ = 0;
};

}  // namespace

void CallReply::restart(Http2Stream& stream) noexcept {
  stream_ = &stream;
  coding_ = MessageCoding::kIdentity;
  has_head_ = false;
  timing_.clear();
}

void CallReply::send(const MessageBytes& frame) {
  if (!has_head_) {
    has_head_ = true;
    Fields fields;
    fields.add({":status", "200"});
    fields.add(kContentType);
    if (coding_ != MessageCoding::kIdentity) fields.add({"grpc-encoding", coding_name(coding_)});
    fields.add(kAccepted);
    stream_->respond(fields.all());
  }
  stream_->send(frame.bytes());
}

template <typename Fields>
void CallReply::add_ending(const GrpcStatus& status, Fields& fields) {
  fields.add({"grpc-status", kCodes[static_cast<std::size_t>(status.code)]});
  if (!status.message.empty()) {
    message_.clear();
    append_percent_encoded(status.message, message_);
    fields.add({.name = "grpc-message", .value = message_, .varies = true});
  }
  if (!timing_.empty()) fields.add({.name = kTimingKey, .value = timing_, .varies = true});
}

void CallReply::finish(const GrpcStatus& status) {
  if (!has_head_) return refuse("200", status);
  Fields fields;
  add_ending(status, fields);
  stream_->finish(fields.all());
}

void CallReply::refuse(std::string_view http_status, const GrpcStatus& status) {
  Fields fields;
  fields.add({":status", http_status});
  if (http_status == "405") fields.add({"allow", "POST"});
  fields.add(kContentType);
  fields.add(kAccepted);
  add_ending(status, fields);
  stream_->respond_only(fields.all());
}

}  // namespace muster
