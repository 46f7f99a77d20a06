// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/reply.h"

#include <span>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

// What fits into one packet gains nothing from being smaller.
constexpr std::size_t kMinCompressedBytes = 1024;
// A body up to this size is laid behind its head: one piece costs the system less than several.
constexpr std::size_t kMaxJoinedBody = std::size_t{4} << 10;
constexpr int kServiceUnavailable = 503;
constexpr int kUnauthorized = 401;
constexpr int kMethodNotAllowed = 405;

void compress_body(Call& call) {
  HttpReply& reply = call.reply;
  if (call.head.reply_coding == Coding::kIdentity || reply.status != 200 ||
      reply.body.size() < kMinCompressedBytes) {
    return;
  }
  std::vector<std::span<const std::byte>> parts;
  parts.push_back(std::as_bytes(std::span(reply.body.json)));
  parts.insert(parts.end(), reply.body.parts.begin(), reply.body.parts.end());
  auto coded = compress(call.head.reply_coding, parts);
  if (!coded.ok()) return;  // as it is, then
  reply.coded = std::move(coded).value();
  reply.coding = call.head.reply_coding;
}

void fail(Call& call, int status, std::string message) {
  call.reply.status = status;
  call.reply.content_type = kJsonType;
  call.reply.body.json = error_json(message);
  call.reply.body.parts.clear();
  call.reply.body.binary = false;
  call.reply.error = std::move(message);
}

}  // namespace

void reply_text(Call& call, std::string_view content_type, std::string text) {
  call.reply.status = 200;
  call.reply.content_type = content_type;
  call.reply.body.json = std::move(text);
}

void reply_json(Call& call, std::string json) {
  reply_text(call, kJsonType, std::move(json));
}

void reply_empty(Call& call) {
  call.reply.status = 200;
}

void reply_error(Call& call, const Status& status) {
  fail(call, http_status(status.code()), client_message(status));
  call.reply.retry_after = is_retryable(status.code());
  if (call.reply.status == 500) {
    log(LogLevel::kError,
        "HTTP request " + printable(call.head.target) + ": " + status.to_string());
  }
}

void reply_refusal(Call& call, const Refusal& refusal) {
  fail(call, refusal.status, refusal.message);
  call.reply.retry_after = refusal.status == kServiceUnavailable;
  if (refusal.status == kMethodNotAllowed) call.reply.allow = call.route.allowed();
}

std::size_t reply_bytes(const Call& call) noexcept {
  return call.reply.coding == Coding::kIdentity ? call.reply.body.size() : call.reply.coded.size();
}

void seal_reply(Call& call) {
  HttpReply& reply = call.reply;
  compress_body(call);
  ReplyHead head;
  head.status = reply.status;
  head.content_type = reply.content_type;
  head.content_length = reply_bytes(call);
  if (reply.body.binary) head.json_length = reply.body.json.size();
  head.coding = reply.coding;
  head.close = reply.close;
  head.keep_alive_told = call.head.is_http_1_0;
  head.retry_after = reply.retry_after;
  head.authenticate = reply.status == kUnauthorized;
  head.allow = reply.allow;
  head.batch = reply.batch ? &*reply.batch : nullptr;
  head.version = reply.version;
  write_reply_head(head, reply.head);

  reply.buffers.clear();
  const bool has_body = call.head.method != Method::kHead;
  const bool is_joined =
      has_body && reply.coding == Coding::kIdentity && head.content_length <= kMaxJoinedBody;
  if (is_joined) {
    reply.head += reply.body.json;
    for (const auto part : reply.body.parts)
      reply.head.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  reply.buffers.push_back(std::as_bytes(std::span(reply.head)));
  if (is_joined || !has_body) return;
  if (reply.coding != Coding::kIdentity) {
    reply.buffers.push_back(std::as_bytes(std::span(reply.coded)));
    return;
  }
  if (!reply.body.json.empty()) {
    reply.buffers.push_back(std::as_bytes(std::span(reply.body.json)));
  }
  for (const auto part : reply.body.parts) {
    if (!part.empty()) reply.buffers.push_back(part);
  }
}

}  // namespace muster
