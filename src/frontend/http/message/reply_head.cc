// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/reply_head.h"

#include "base/decimal.h"
#include "frontend/server_timing.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_decimal(out, status);
  out += ' ';
  out += http_reason(status);
  out += "\r\n";
}

}  // namespace

void write_reply_head(const ReplyHead& head, std::string& out) {
  out.clear();
  append_status_line(out, head.status);
  out += "Content-Type: ";
  out += head.content_type;
  out += "\r\nContent-Length: ";
  append_decimal(out, head.content_length);
  out += "\r\n";
  if (head.json_length) {
    out += "Inference-Header-Content-Length: ";
    append_decimal(out, *head.json_length);
    out += "\r\n";
  }
  if (head.coding != Coding::kIdentity) {
    out += "Content-Encoding: ";
    out += coding_name(head.coding);
    out += "\r\n";
  }
  if (head.batch != nullptr) {
    out += "Server-Timing: ";
    append_server_timing(*head.batch, head.version, out);
    out += "\r\n";
  }
  if (!head.allow.empty()) {
    out += "Allow: ";
    out += head.allow;
    out += "\r\n";
  }
  if (head.retry_after) out += "Retry-After: 1\r\n";
  if (head.authenticate) out += "WWW-Authenticate: Bearer\r\n";
  if (head.close) {
    out += "Connection: close\r\n";
  } else if (head.keep_alive_told) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

}  // namespace muster
