// SPDX-License-Identifier: Apache-2.0
// Appends JSON to a string.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/decimal.h"

namespace muster {

// In quotes, escaped. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) void append_json_number(std::string& out,
                                                                                   T value) {
  append_decimal(out, value);
}
// The shortest text that reads back as the same number; NaN, Infinity and -Infinity are themselves,
// which is no JSON but what the protocol's clients read.
void append_json_number(std::string& out, float value);
void append_json_number(std::string& out, double value);

inline void append_json_bool(std::string& out, bool value) {
  out += value ? std::string_view("true") : std::string_view("false");
}

// JsonWriter: a document piece by piece; it knows where commas go and nothing else. Whoever calls
// it closes what was opened.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) noexcept : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    comma();
    append_json_string(out_, name);
    out_ += ':';
    comma_ = false;
    return *this;
  }
  JsonWriter& text(std::string_view value) {
    comma();
    append_json_string(out_, value);
    return *this;
  }
  template <typename T>
  JsonWriter& number(T value) {
    comma();
    append_json_number(out_, value);
    return *this;
  }
  JsonWriter& flag(bool value) {
    comma();
    append_json_bool(out_, value);
    return *this;
  }
  JsonWriter& null() {
    comma();
    out_ += "null";
    return *this;
  }

 private:
  void comma() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  JsonWriter& open(char bracket) {
    comma();
    out_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    comma_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace muster
