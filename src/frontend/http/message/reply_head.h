// SPDX-License-Identifier: Apache-2.0
// ReplyHead: the first lines of a reply, written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <muster/inference.h>

#include "frontend/http/message/content_coding.h"

namespace muster {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kBinaryType = "application/octet-stream";
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr std::string_view kContinueLine = "HTTP/1.1 100 Continue\r\n\r\n";

struct ReplyHead {
  int status = 200;
  std::string_view content_type = kJsonType;
  std::size_t content_length = 0;
  std::optional<std::size_t> json_length;  // Inference-Header-Content-Length
  Coding coding = Coding::kIdentity;
  bool close = false;
  bool keep_alive_told = false;  // to HTTP/1.0 clients, who would otherwise wait for the end
  bool retry_after = false;
  bool authenticate = false;           // WWW-Authenticate
  std::string_view allow = {};         // of a 405
  const BatchReport* batch = nullptr;  // Server-Timing
  std::int64_t version = 0;            // of the model, told beside it; 0 = not told
};

// Replaces what `out` holds, and keeps its memory.
void write_reply_head(const ReplyHead& head, std::string& out);

}  // namespace muster
