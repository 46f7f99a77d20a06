// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_reader.h"

#include <charconv>

#include "protocol/json/plain_text.h"
#include "protocol/json/utf8.h"

namespace muster {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

bool JsonReader::fail(std::string_view why) {
  if (status_.ok()) {
    status_ = invalid_argument(std::string(what_) + ", at byte " + std::to_string(at_ - begin_) +
                               ": " + std::string(why));
  }
  return false;
}

JsonKind JsonReader::next_kind() noexcept {
  skip_space();
  if (at_ == end_) return JsonKind::kNone;
  switch (*at_) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return JsonKind::kNull;
    default:
      return *at_ == '-' || is_digit(*at_) ? JsonKind::kNumber : JsonKind::kNone;
  }
}

bool JsonReader::enter(char bracket, std::string_view expected) {
  if (!ok()) return false;
  skip_space();
  if (at_ == end_ || *at_ != bracket) return fail(std::string(expected) + " is expected");
  if (depth_ == max_depth_) {
    return fail("more than " + std::to_string(max_depth_) + " arrays and objects in each other");
  }
  ++at_;
  ++depth_;
  first_ = true;
  return true;
}

bool JsonReader::next_item(char closing) {
  if (!ok()) return false;
  skip_space();
  if (at_ != end_ && *at_ == closing) {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (at_ == end_ || *at_ != ',') {
      return fail(closing == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
    }
    ++at_;
    skip_space();
  }
  first_ = false;
  return true;
}

bool JsonReader::next_key(std::string_view& key, std::string& scratch) {
  if (!next_item('}')) return false;
  if (at_ == end_ || *at_ != '"') return fail("a key in quotes is expected");
  if (!read_quoted(key, scratch)) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("':' is expected");
  ++at_;
  return true;
}

bool JsonReader::read_string(std::string_view& value) {
  if (!ok()) return false;
  skip_space();
  if (at_ == end_ || *at_ != '"') return fail("a string is expected");
  return read_quoted(value, string_);
}

bool JsonReader::read_quoted(std::string_view& value, std::string& scratch) {
  const char* const start = ++at_;
  for (;;) {
    at_ = behind_plain(at_, end_);
    if (at_ == end_) return fail("the string has no end");
    if (*at_ == '"') {
      value = {start, static_cast<std::size_t>(at_ - start)};
      ++at_;
      return true;
    }
    if (*at_ == '\\') break;
    const std::size_t length = utf8_character(rest());
    if (length == 0) return fail("the string is not UTF-8");
    if (length == 1) return fail("the string has a control character");
    at_ += length;
  }
  scratch.assign(start, at_);
  if (!read_escaped(scratch)) return false;
  value = scratch;
  return true;
}

// The rest of a string, from its first escape on.
bool JsonReader::read_escaped(std::string& scratch) {
  for (;;) {
    const char* const start = at_;
    at_ = behind_plain(at_, end_);
    scratch.append(start, at_);
    if (at_ == end_) return fail("the string has no end");
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (*at_ == '\\') {
      if (!read_escape(scratch)) return false;
      continue;
    }
    const std::size_t length = utf8_character(rest());
    if (length == 0) return fail("the string is not UTF-8");
    if (length == 1) return fail("the string has a control character");
    scratch.append(at_, length);
    at_ += length;
  }
}

bool JsonReader::read_escape(std::string& scratch) {
  ++at_;
  if (at_ == end_) return fail("the string has no end");
  const char letter = *at_++;
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      scratch += letter;
      return true;
    case 'b':
      scratch += '\b';
      return true;
    case 'f':
      scratch += '\f';
      return true;
    case 'n':
      scratch += '\n';
      return true;
    case 'r':
      scratch += '\r';
      return true;
    case 't':
      scratch += '\t';
      return true;
    case 'u':
      break;
    default:
      return fail("the string has an unknown escape");
  }
  char32_t code = 0;
  if (!read_hex4(code)) return false;
  if (code >= 0xD800 && code < 0xDC00) {
    char32_t low = 0;
    if (rest().starts_with("\\u")) {
      at_ += 2;
      if (!read_hex4(low)) return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) return fail("the string has half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code < 0xE000) {
    return fail("the string has half of a surrogate pair");
  }
  append_utf8(scratch, code);
  return true;
}

bool JsonReader::read_hex4(char32_t& code) {
  std::uint32_t value = 0;
  const char* const stop = end_ - at_ < 4 ? end_ : at_ + 4;
  const auto read = std::from_chars(at_, stop, value, 16);
  if (read.ptr != at_ + 4) return fail("four hexadecimal digits are expected");
  at_ += 4;
  code = value;
  return true;
}

bool JsonReader::take_word(std::string_view word) {
  if (!rest().starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonReader::read_bool(bool& value) {
  if (!ok()) return false;
  skip_space();
  value = take_word("true");
  return value || take_word("false") || fail("true or false is expected");
}

bool JsonReader::read_null() {
  if (!ok()) return false;
  skip_space();
  return take_word("null") || fail("null is expected");
}

bool JsonReader::read_number(std::string_view& token, bool& integer) {
  if (!ok()) return false;
  skip_space();
  const char* const start = at_;
  const auto digits = [&] {
    const char* const first = at_;
    while (at_ != end_ && is_digit(*at_))
      ++at_;
    return at_ != first;
  };
  if (at_ != end_ && *at_ == '-') ++at_;
  const char* const whole = at_;
  if (!digits()) return fail("a number is expected");
  if (*whole == '0' && at_ - whole > 1) return fail("a number begins with 0");
  integer = true;
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    integer = false;
    if (!digits()) return fail("a digit is expected behind the point");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    integer = false;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("a digit is expected in the exponent");
  }
  token = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

bool JsonReader::read_int(std::int64_t& value) {
  std::string_view token;
  bool integer = false;
  if (!read_number(token, integer)) return false;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), value);
  if (!integer || read.ec != std::errc()) return fail("an integer of 64 bits is expected");
  return true;
}

bool JsonReader::read_uint(std::uint64_t& value) {
  std::string_view token;
  bool integer = false;
  if (!read_number(token, integer)) return false;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), value);
  if (!integer || read.ec != std::errc()) {
    return fail("an integer from 0 to 18446744073709551615 is expected");
  }
  return true;
}

bool JsonReader::skip_scalar(bool with_nan) {
  std::string_view text;
  bool unused = false;
  switch (next_kind()) {
    case JsonKind::kString:
      return read_quoted(text, skipped_);
    case JsonKind::kBool:
      return read_bool(unused);
    case JsonKind::kNull:
      return read_null();
    case JsonKind::kNumber:
      return (with_nan && take_word("-Infinity")) || read_number(text, unused);
    default:
      return (with_nan && (take_word("NaN") || take_word("Infinity"))) ||
             fail("a value is expected");
  }
}

bool JsonReader::skip_value(bool with_nan) {
  if (!ok()) return false;
  std::string open;  // the closing brackets of what was entered, innermost last
  std::string_view key;
  do {
    const JsonKind kind = next_kind();
    if (kind == JsonKind::kObject) {
      if (!enter_object()) return false;
      open += '}';
    } else if (kind == JsonKind::kArray) {
      if (!enter_array()) return false;
      open += ']';
    } else if (!skip_scalar(with_nan)) {
      return false;
    }
    while (!open.empty() && !(open.back() == '}' ? next_key(key, skipped_) : next_element())) {
      if (!ok()) return false;
      open.pop_back();
    }
  } while (!open.empty());
  return true;
}

bool JsonReader::skip_value(std::string_view& text, bool with_nan) {
  skip_space();
  const char* const start = at_;
  if (!skip_value(with_nan)) return false;
  text = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

bool JsonReader::finish() {
  if (!ok()) return false;
  skip_space();
  return at_ == end_ || fail("nothing is expected behind the end");
}

}  // namespace muster
