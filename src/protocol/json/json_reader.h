// SPDX-License-Identifier: Apache-2.0
// JsonReader: walks over a JSON text once, from left to right, strictly by RFC 8259, and lets its
// caller take what it wants. No tree is built, nothing recurses, nothing behind the text is read.
//
//   (enter_object (next_field VALUE)* | enter_array (next_element VALUE)* | read_* | skip_value)
//
// Every call is false once the text is at fault; status() says where and why. next_field and
// next_element are also false at the end of their container: ask ok() behind such a loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

enum class JsonKind : std::uint8_t {
  kObject,
  kArray,
  kString,
  kNumber,
  kBool,
  kNull,
  kNone  // the end, or no JSON
};

class JsonReader {
 public:
  // `text` outlives the reader. `max_depth`: containers within containers. `what` names the text in
  // messages: "the request's JSON".
  JsonReader(std::string_view text, std::size_t max_depth,
             std::string_view what = "the request's JSON") noexcept
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        max_depth_(max_depth),
        what_(what) {}

  // What stands next, by its first byte.
  [[nodiscard]] JsonKind next_kind() noexcept;

  [[nodiscard]] bool enter_object() { return enter('{', "an object"); }
  [[nodiscard]] bool enter_array() { return enter('[', "an array"); }
  // The key is valid until the next call of next_field.
  [[nodiscard]] bool next_field(std::string_view& key) { return next_key(key, key_); }
  [[nodiscard]] bool next_element() { return next_item(']'); }

  // Valid until the next call of read_string.
  [[nodiscard]] bool read_string(std::string_view& value);
  [[nodiscard]] bool read_bool(bool& value);
  [[nodiscard]] bool read_null();
  // The number as it stands; `integer`: it has neither fraction nor exponent.
  [[nodiscard]] bool read_number(std::string_view& token, bool& integer);
  // An integer that fits; "-1" is none for the latter.
  [[nodiscard]] bool read_int(std::int64_t& value);
  [[nodiscard]] bool read_uint(std::uint64_t& value);
  // Checks the value as strictly as if it were read. `with_nan`: NaN, Infinity and -Infinity, which
  // are no JSON, are numbers.
  [[nodiscard]] bool skip_value(bool with_nan = false);
  // The same, and tells its text.
  [[nodiscard]] bool skip_value(std::string_view& text, bool with_nan);
  // Nothing but space follows.
  [[nodiscard]] bool finish();

  [[nodiscard]] bool ok() const noexcept { return status_.ok(); }
  [[nodiscard]] const Status& status() const noexcept { return status_; }

  // For those who read a part of the text by themselves: what is left, and where they stopped in
  // it.
  [[nodiscard]] std::string_view rest() const noexcept {
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }
  void resume_at(const char* position) noexcept { at_ = position; }
  [[nodiscard]] std::size_t max_depth() const noexcept { return max_depth_; }
  // At fault at the present place. Always false.
  bool fail(std::string_view why);

 private:
  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
  }
  [[nodiscard]] bool enter(char bracket, std::string_view expected);
  [[nodiscard]] bool next_item(char closing);
  [[nodiscard]] bool next_key(std::string_view& key, std::string& scratch);
  [[nodiscard]] bool read_quoted(std::string_view& value, std::string& scratch);
  [[nodiscard]] bool read_escaped(std::string& scratch);
  [[nodiscard]] bool read_escape(std::string& scratch);
  [[nodiscard]] bool read_hex4(char32_t& code);
  [[nodiscard]] bool take_word(std::string_view word);
  [[nodiscard]] bool skip_scalar(bool with_nan);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t max_depth_;
  std::string_view what_;
  std::size_t depth_ = 0;
  bool first_ = false;  // no item of the container has been read yet
  Status status_;
  // What has escapes, without them.
  std::string key_;
  std::string string_;
  std::string skipped_;
};

}  // namespace muster
