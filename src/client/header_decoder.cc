// SPDX-License-Identifier: Apache-2.0
#include "client/header_decoder.h"

#include <array>
#include <limits>
#include <optional>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kEntryBytes = 32;  // that an entry counts for besides its texts

// Of the static table (RFC 7541, Appendix A), numbered from 1.
constexpr std::array<std::string_view, 61> kStaticNames = {":authority",
                                                           ":method",
                                                           ":method",
                                                           ":path",
                                                           ":path",
                                                           ":scheme",
                                                           ":scheme",
                                                           ":status",
                                                           ":status",
                                                           ":status",
                                                           ":status",
                                                           ":status",
                                                           ":status",
                                                           ":status",
                                                           "accept-charset",
                                                           "accept-encoding",
                                                           "accept-language",
                                                           "accept-ranges",
                                                           "accept",
                                                           "access-control-allow-origin",
                                                           "age",
                                                           "allow",
                                                           "authorization",
                                                           "cache-control",
                                                           "content-disposition",
                                                           "content-encoding",
                                                           "content-language",
                                                           "content-length",
                                                           "content-location",
                                                           "content-range",
                                                           "content-type",
                                                           "cookie",
                                                           "date",
                                                           "etag",
                                                           "expect",
                                                           "expires",
                                                           "from",
                                                           "host",
                                                           "if-match",
                                                           "if-modified-since",
                                                           "if-none-match",
                                                           "if-range",
                                                           "if-unmodified-since",
                                                           "last-modified",
                                                           "link",
                                                           "location",
                                                           "max-forwards",
                                                           "proxy-authenticate",
                                                           "proxy-authorization",
                                                           "range",
                                                           "referer",
                                                           "refresh",
                                                           "retry-after",
                                                           "server",
                                                           "set-cookie",
                                                           "strict-transport-security",
                                                           "transfer-encoding",
                                                           "user-agent",
                                                           "vary",
                                                           "via",
                                                           "www-authenticate"};
constexpr std::size_t kFirstStatus = 8;
constexpr std::array<std::string_view, 7> kStatuses = {"200", "204", "206", "304",
                                                       "400", "404", "500"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string without_percents(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && text.size() - i > 2 ? hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
    if (low < 0) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

std::optional<int> small_number(std::string_view text) {
  const std::optional<std::int64_t> number = parse_int(text);
  if (!number || *number < 0 || *number > 999) return std::nullopt;
  return static_cast<int>(*number);
}

}  // namespace

HeaderDecoder::Name HeaderDecoder::name_of(std::string_view text) noexcept {
  Field field = Field::kOther;
  if (text == ":status") field = Field::kHttpStatus;
  if (text == "grpc-status") field = Field::kGrpcStatus;
  if (text == "grpc-message") field = Field::kGrpcMessage;
  return {field, text.size()};
}

void HeaderDecoder::put(Field field, std::string_view value, GrpcFields& fields) {
  switch (field) {
    case Field::kOther:
      return;
    case Field::kHttpStatus:
      fields.http_status = small_number(value).value_or(0);
      return;
    case Field::kGrpcStatus:
      fields.grpc_status = small_number(value);
      return;
    case Field::kGrpcMessage:
      fields.grpc_message = without_percents(value);
  }
}

bool HeaderDecoder::read(std::string_view block, GrpcFields& fields) {
  while (!block.empty()) {
    const auto first = static_cast<std::uint8_t>(block.front());
    std::size_t number = 0;
    if ((first & 0x80U) != 0) {
      if (!read_number(block, 7, number) || !read_indexed(number, fields)) return false;
    } else if ((first & 0x40U) != 0) {
      if (!read_literal(block, 6, true, fields)) return false;
    } else if ((first & 0x20U) != 0) {
      if (!read_number(block, 5, number) || number > kTableBytes) return false;
      most_bytes_ = number;
      shrink_to(most_bytes_);
    } else if (!read_literal(block, 4, false, fields)) {
      return false;
    }
  }
  return true;
}

bool HeaderDecoder::read_number(std::string_view& block, int prefix_bits,
                                std::size_t& number) noexcept {
  if (block.empty()) return false;
  const std::size_t full = (std::size_t{1} << prefix_bits) - 1;
  number = static_cast<std::uint8_t>(block.front()) & full;
  block.remove_prefix(1);
  if (number < full) return true;
  for (unsigned shift = 0; shift < 28 && !block.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(block.front());
    block.remove_prefix(1);
    number += static_cast<std::size_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool HeaderDecoder::read_text(std::string_view& block, std::string& text) {
  if (block.empty()) return false;
  const bool coded = (static_cast<std::uint8_t>(block.front()) & 0x80U) != 0;
  std::size_t size = 0;
  if (!read_number(block, 7, size) || size > block.size()) return false;
  text.clear();
  if (coded && !decode_huffman(block.substr(0, size), text)) return false;
  if (!coded) text = block.substr(0, size);
  block.remove_prefix(size);
  return true;
}

bool HeaderDecoder::find_name(std::size_t index, Name& name) const noexcept {
  if (index == 0 || index > kStaticNames.size() + table_.size()) return false;
  name = index <= kStaticNames.size() ? name_of(kStaticNames[index - 1])
                                      : table_[index - kStaticNames.size() - 1].name;
  return true;
}

bool HeaderDecoder::read_indexed(std::size_t index, GrpcFields& fields) {
  if (index > kStaticNames.size()) {
    const std::size_t place = index - kStaticNames.size() - 1;
    if (place >= table_.size()) return false;
    put(table_[place].name.field, table_[place].value, fields);
    return true;
  }
  if (index == 0) return false;
  if (index >= kFirstStatus && index < kFirstStatus + kStatuses.size())
    put(Field::kHttpStatus, kStatuses[index - kFirstStatus], fields);
  return true;
}

bool HeaderDecoder::read_literal(std::string_view& block, int prefix_bits, bool kept,
                                 GrpcFields& fields) {
  std::size_t index = 0;
  Name name;
  if (!read_number(block, prefix_bits, index)) return false;
  if (index > 0) {
    if (!find_name(index, name)) return false;
  } else {
    if (!read_text(block, name_text_)) return false;
    name = name_of(name_text_);
  }
  if (!read_text(block, text_)) return false;
  put(name.field, text_, fields);
  if (kept) keep(name, text_);
  return true;
}

void HeaderDecoder::keep(const Name& name, std::string_view value) {
  const std::size_t bytes = name.bytes + value.size() + kEntryBytes;
  // What is larger than the table empties it.
  shrink_to(bytes > most_bytes_ ? 0 : most_bytes_ - bytes);
  if (bytes > most_bytes_) return;
  table_.push_front(
      {name, name.field == Field::kOther ? std::string() : std::string(value), bytes});
  bytes_ += bytes;
}

void HeaderDecoder::shrink_to(std::size_t bytes) noexcept {
  while (bytes_ > bytes) {
    bytes_ -= table_.back().bytes;
    table_.pop_back();
  }
}

}  // namespace muster
