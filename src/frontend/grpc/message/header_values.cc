// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/header_values.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace muster {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kMaxTimeoutDigits = 8;
constexpr std::string_view kGrpcType = "application/grpc";

// 0 where there is no such unit.
nanoseconds::rep nanoseconds_of(char unit) noexcept {
  switch (unit) {
    case 'H':
      return nanoseconds(std::chrono::hours(1)).count();
    case 'M':
      return nanoseconds(std::chrono::minutes(1)).count();
    case 'S':
      return nanoseconds(std::chrono::seconds(1)).count();
    case 'm':
      return nanoseconds(std::chrono::milliseconds(1)).count();
    case 'u':
      return nanoseconds(std::chrono::microseconds(1)).count();
    case 'n':
      return 1;
    default:
      return 0;
  }
}

bool is_plain(char letter) noexcept {
  return letter >= ' ' && letter <= '~' && letter != '%';
}

char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<nanoseconds> parse_grpc_timeout(std::string_view value) noexcept {
  if (value.size() < 2 || value.size() > kMaxTimeoutDigits + 1) return std::nullopt;
  const nanoseconds::rep unit = nanoseconds_of(value.back());
  value.remove_suffix(1);
  nanoseconds::rep number = -1;
  const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
  if (unit == 0 || read.ec != std::errc() || read.ptr != value.data() + value.size() ||
      number < 0 || value.front() == '-')
    return std::nullopt;
  if (number > nanoseconds::max().count() / unit) return nanoseconds::max();
  return nanoseconds(number * unit);
}

void append_percent_encoded(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char letter : text) {
    if (is_plain(letter)) {
      out += letter;
    } else {
      const auto byte = static_cast<unsigned char>(letter);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

bool is_grpc_content_type(std::string_view value) noexcept {
  if (value.size() < kGrpcType.size() ||
      !std::equal(kGrpcType.begin(), kGrpcType.end(), value.begin(),
                  [](char wanted, char given) { return lower(given) == wanted; }))
    return false;
  value.remove_prefix(kGrpcType.size());
  return value.empty() || value.front() == '+' || value.front() == ';' || value.front() == ' ';
}

std::string_view coding_name(MessageCoding coding) noexcept {
  switch (coding) {
    case MessageCoding::kGzip:
      return "gzip";
    case MessageCoding::kDeflate:
      return "deflate";
    case MessageCoding::kIdentity:
      break;
  }
  return "identity";
}

std::optional<MessageCoding> parse_message_coding(std::string_view value) noexcept {
  using enum MessageCoding;
  for (const MessageCoding coding : {kIdentity, kDeflate, kGzip}) {
    if (value == coding_name(coding)) return coding;
  }
  return std::nullopt;
}

bool accepts_coding(std::string_view list, MessageCoding coding) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (without_blanks(list.substr(0, comma)) == coding_name(coding)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace muster
