// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/call.h"

#include "frontend/http/connection.h"

namespace muster {
namespace {

// Kept from one request to the next; a rare large reply must not stay in memory for good.
constexpr std::size_t kMaxKeptBytes = std::size_t{64} << 10;

void clear_text(std::string& text) {
  if (text.capacity() > kMaxKeptBytes) {
    text = {};
  } else {
    text.clear();
  }
}

}  // namespace

void Call::open() {
  connection->answered(*this);
}

void Call::clear() {
  connection = nullptr;
  following = nullptr;
  decoder = nullptr;
  stage = Stage::kReading;
  head.clear();
  // An answered request lets go of the body first, so that nobody else can begin to view it.
  if (body && (body.use_count() > 1 || body->capacity() > kMaxKeptBytes)) body.reset();
  body_bytes = 0;
  order.emplace<std::monostate>();
  ticket = 0;
  answer.emplace<std::monostate>();
  wishes.id.clear();
  wishes.outputs.clear();
  wishes.binary = false;
  wishes.final_response = false;
  reply.status = 0;
  reply.content_type = kJsonType;
  clear_text(reply.body.json);
  reply.body.parts.clear();
  reply.body.binary = false;
  reply.body.response = InferResponse();
  reply.body.made.clear();
  clear_text(reply.coded);
  reply.coding = Coding::kIdentity;
  reply.close = false;
  reply.retry_after = false;
  reply.allow = {};
  reply.batch.reset();
  reply.version = 0;
  reply.error.clear();
  reply.buffers.clear();
}

}  // namespace muster
