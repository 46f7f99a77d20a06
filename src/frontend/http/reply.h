// SPDX-License-Identifier: Apache-2.0
// Replies of a call: filled in by endpoints, sealed into the bytes that are sent.
#pragma once

#include <string>
#include <string_view>

#include <muster/status.h>

#include "frontend/http/call.h"

namespace muster {

void reply_json(Call& call, std::string json);
void reply_text(Call& call, std::string_view content_type, std::string text);
// 200 without a body.
void reply_empty(Call& call);
// The status that the protocol has for the code, with {"error": ...}. What the client may not read
// goes into the log.
void reply_error(Call& call, const Status& status);
void reply_refusal(Call& call, const Refusal& refusal);

// Compresses, where the client asked for it and it pays, and lays head and body out in
// `reply.buffers`. Nothing of the reply may change afterwards.
void seal_reply(Call& call);
// Of the body as it is sent.
[[nodiscard]] std::size_t reply_bytes(const Call& call) noexcept;

}  // namespace muster
