// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/classify.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "frontend/http/message/header_list.h"
#include "frontend/http/message/multipart.h"
#include "frontend/http/reply.h"

namespace muster {
namespace {

constexpr std::string_view kTopK = "top_k";
// Of a multipart body, beside its pictures.
constexpr std::size_t kMaxFields = 16;
constexpr auto kPictureTypes = std::to_array<std::string_view>(
    {"image/png", "image/jpeg", "image/jpg", "application/octet-stream", ""});

Status read_top_k(std::string_view text, const ProtocolLimits& limits, std::size_t& top_k) {
  const auto number = parse_int(text);
  if (!number || *number < 1 || *number > limits.max_classes) {
    return invalid_argument("top_k must be a number from 1 to " +
                            std::to_string(limits.max_classes) + ", not '" + printable(text) + "'");
  }
  top_k = static_cast<std::size_t>(*number);
  return {};
}

bool is_picture(std::string_view type) noexcept {
  return std::find(kPictureTypes.begin(), kPictureTypes.end(), type) != kPictureTypes.end();
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Status take_part(const MultipartPart& part, const FrontendLimits& limits, PictureRequest& request) {
  if (part.name == kTopK && !part.is_file) {
    return read_top_k(trim(part.content), limits.protocol, request.top_k);
  }
  if (!is_picture(part.content_type)) {
    return invalid_argument("part '" + printable(part.name) + "' is of type '" +
                            printable(part.content_type) +
                            "'; pictures are image/png or image/jpeg");
  }
  if (request.files.size() == limits.max_pictures) {
    return invalid_argument("more than " + std::to_string(limits.max_pictures) + " pictures");
  }
  request.files.push_back(bytes_of(part.content));
  return {};
}

Status read_files(Call& call, const FrontendLimits& limits, PictureRequest& request) {
  const std::string type = media_type_of(call.head.content_type);
  if (type == "multipart/form-data" || type == "multipart/mixed") {
    MultipartLimits bounds;
    bounds.max_parts = limits.max_pictures + kMaxFields;
    MUSTER_ASSIGN_OR_RETURN(
        const auto parts,
        parse_multipart(call.body->text(), parameter_of(call.head.content_type, "boundary"),
                        bounds));
    for (const MultipartPart& part : parts)
      MUSTER_RETURN_IF_ERROR(take_part(part, limits, request));
  } else {
    request.files.push_back(call.body->bytes());
  }
  const bool empty =
      request.files.empty() || std::any_of(request.files.begin(), request.files.end(),
                                           [](const auto& file) { return file.empty(); });
  if (empty) return invalid_argument("a picture is missing, or is empty");
  return {};
}

Status prepare(const EndpointContext& context, Call& call) {
  const FrontendLimits& limits = context.services.limits;
  PictureRequest request;
  MUSTER_ASSIGN_OR_RETURN(request.version, parse_model_version(call.route.version));
  if (const auto top_k = query_value(call.route.query, kTopK)) {
    MUSTER_RETURN_IF_ERROR(read_top_k(*top_k, limits.protocol, request.top_k));
  }
  MUSTER_RETURN_IF_ERROR(read_files(call, limits, request));
  if (call.head.request_id.size() > limits.protocol.max_id_bytes) {
    return invalid_argument("the header X-Request-Id has more than " +
                            std::to_string(limits.protocol.max_id_bytes) + " bytes");
  }
  request.model = call.route.model;
  request.id = call.head.request_id;
  request.ticket = call.ticket = new_ticket();
  request.received_at = call.came_after;
  call.wishes.id = request.id;
  request.owner = std::move(call.body);
  call.order.emplace<PictureRequest>(std::move(request));
  return {};
}

}  // namespace

bool begin_classify(const EndpointContext& context, Call& call) {
  const std::string type = media_type_of(call.head.content_type);
  if (!is_picture(type) && type != "multipart/form-data" && type != "multipart/mixed") {
    reply_refusal(call, {415,
                         "a picture's Content-Type is image/png or image/jpeg, or "
                         "multipart/form-data of them, not '" +
                             printable(type) + "'"});
    return true;
  }
  const Status prepared = prepare(context, call);
  if (prepared.ok()) return false;
  reply_error(call, prepared);
  return true;
}

void submit_classify(const EndpointContext& context, Call& call) {
  PictureRequest request = std::move(std::get<PictureRequest>(call.order));
  call.order.emplace<std::monostate>();
  std::function<void(Result<PictureResponse>)> done =
      [&call, mailbox = context.mailbox](Result<PictureResponse> outcome) {
        call.answer.emplace<Result<PictureResponse>>(std::move(outcome));
        mailbox->push(&call);
      };
  call.stage = Call::Stage::kInFlight;
  context.services.pictures.classify(std::move(request), std::move(done));
}

void finish_classify(const EndpointContext& context, Call& call) {
  auto& outcome = std::get<Result<PictureResponse>>(call.answer);
  if (!outcome.ok()) return reply_error(call, outcome.status());
  call.reply.batch = outcome->batch;
  if (outcome->model) call.reply.version = outcome->model->version;
  reply_json(call, pictures_json(*outcome, call.wishes.id));
  if (outcome->delivery.meter) outcome->delivery.ended(context.services.clock.now());
}

}  // namespace muster
