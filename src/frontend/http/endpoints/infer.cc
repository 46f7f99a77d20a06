// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/infer.h"

#include <utility>

#include "frontend/caller_permission.h"
#include "frontend/http/reply.h"

namespace muster {
namespace {

class HttpPermission final : public CallerPermission {
 public:
  HttpPermission(const AccessPolicy& access, const Call& call) noexcept
      : access_(access), call_(call) {}

 private:
  [[nodiscard]] Status ask(Right right) const override {
    return access_.check(right, {call_.head.bearer_token, call_.is_loopback});
  }

  const AccessPolicy& access_;
  const Call& call_;
};

Result<InferCall> decode(const EndpointContext& context, Call& call, std::int64_t version) {
  const FrontServices& services = context.services;
  const HttpPermission permission(services.access, call);
  const DecodeContext decoding{&services.limits.protocol, &services.regions, call.received,
                               &permission};
  std::shared_ptr<const RequestBody> body = call.body;
  if (call.head.json_length != std::size_t{0}) {
    return call.decoder->decode(std::move(body), call.head.json_length, decoding);
  }
  MUSTER_ASSIGN_OR_RETURN(const auto model, services.inference.describe(call.route.model, version));
  return decode_raw_infer(std::move(body), *model, decoding);
}

Status prepare(const EndpointContext& context, Call& call) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(call.route.version));
  MUSTER_ASSIGN_OR_RETURN(InferCall decoded, decode(context, call, version));
  call.wishes = std::move(decoded.wishes);
  call.ticket = new_ticket();
  auto& request = call.order.emplace<InferRequest>(std::move(decoded.request));
  request.model = call.route.model;
  request.version = version;
  request.ticket = call.ticket;
  request.received_at = call.came_after;
  return {};
}

struct Deliver {
  Call* call;
  std::shared_ptr<Mailbox> mailbox;

  void operator()(Result<InferResponse> outcome) {
    call->answer.emplace<Result<InferResponse>>(std::move(outcome));
    mailbox->push(call);
  }
};

}  // namespace

bool begin_infer(const EndpointContext& context, Call& call) {
  const Status prepared = prepare(context, call);
  if (prepared.ok()) return false;
  reply_error(call, prepared);
  return true;
}

void submit_infer(const EndpointContext& context, Call& call) {
  InferRequest request = std::move(std::get<InferRequest>(call.order));
  call.order.emplace<std::monostate>();
  call.stage = Call::Stage::kInFlight;
  context.services.inference.infer_in(context.burst, std::move(request),
                                      Deliver{&call, context.mailbox});
}

void finish_infer(const EndpointContext& context, Call& call) {
  auto& outcome = std::get<Result<InferResponse>>(call.answer);
  if (!outcome.ok()) return reply_error(call, outcome.status());
  HttpReply& reply = call.reply;
  reply.batch = outcome->batch;
  if (outcome->model) reply.version = outcome->model->version;
  const Delivery delivery = std::move(outcome->delivery);
  const Status encoded = encode_http_infer(call.wishes, std::move(*outcome), reply.body);
  if (delivery.meter) delivery.ended(context.services.clock.now());
  if (!encoded.ok()) return reply_error(call, encoded);
  reply.status = 200;
  reply.content_type = reply.body.binary ? kBinaryType : kJsonType;
}

}  // namespace muster
