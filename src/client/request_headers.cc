// SPDX-License-Identifier: Apache-2.0
#include "client/request_headers.h"

#include <utility>

namespace muster {
namespace {

constexpr std::size_t kStaticEntries = 61;  // of HPACK's own table

// Without Huffman's code.
void append_text(std::string& out, std::string_view text) {
  if (text.size() < 127) {
    out += static_cast<char>(text.size());
  } else {
    out += '\x7f';
    std::size_t rest = text.size() - 127;
    for (; rest > 127; rest >>= 7U)
      out += static_cast<char>((rest & 127U) | 128U);
    out += static_cast<char>(rest);
  }
  out += text;
}

}  // namespace

// Names that HPACK's own table has are said by their number there.
RequestHeaders::RequestHeaders(std::string_view path, std::string_view authority,
                               std::string_view bearer_token) {
  add("\x44", "\x04", "", path);
  add("\x41", "\x01", "", authority);
  add("\x40", std::string_view("\0", 1), "te", "trailers");
  add("\x5f", "\x0f\x10", "", "application/grpc");
  add("\x7a", "\x0f\x2b", "", "muster");
  for (std::size_t entry = 0; entry < entries_; ++entry)
    known_ += static_cast<char>(0x80U | (kStaticEntries + entries_ - entry));
  if (bearer_token.empty()) return;
  secret_ = "\x1f\x08";  // authorization, never indexed
  append_text(secret_, "Bearer " + std::string(bearer_token));
}

void RequestHeaders::add(std::string_view kept, std::string_view plain, std::string_view name,
                         std::string_view value) {
  with_table_ += kept;
  without_table_ += plain;
  for (std::string* const block : {&with_table_, &without_table_}) {
    if (!name.empty()) append_text(*block, name);
    append_text(*block, value);
  }
  ++entries_;
}

void RequestHeaders::forget() {
  plain_ = true;
  emptied_ = false;
}

void RequestHeaders::append_to(std::string& block) {
  if (plain_ && !std::exchange(emptied_, true)) block += '\x20';
  block += "\x83\x86";  // :method POST, :scheme http
  if (plain_) {
    block += without_table_;
  } else {
    block += std::exchange(sent_, true) ? known_ : with_table_;
  }
  block += secret_;
}

}  // namespace muster
