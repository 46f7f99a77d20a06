// SPDX-License-Identifier: Apache-2.0
// What two processes of the same program tell each other: numbers and texts, one behind the other.
//
// Numbers are as they lie in memory. Both ends are the same program, so that this is no format;
// what is read is checked all the same, because the other end may have been in the middle of a
// fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace muster {

// Of a text in a message; what is longer is cut.
inline constexpr std::size_t kLongestMessageText = std::size_t{8} << 10;

template <typename T>
concept MessageNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

class MessageWriter {
 public:
  template <MessageNumber T>
  void put(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    message_.append(bytes, sizeof(T));
  }
  void put_text(std::string_view text) {
    text = text.substr(0, kLongestMessageText);
    put(static_cast<std::uint32_t>(text.size()));
    message_ += text;
  }
  [[nodiscard]] std::string take() && { return std::move(message_); }

 private:
  std::string message_;
};

// Reads in the order in which it was written. Behind the end everything is 0 or empty.
class MessageReader {
 public:
  // `message` must outlive it.
  explicit MessageReader(std::string_view message) : rest_(message) {}

  template <MessageNumber T>
  [[nodiscard]] T take() {
    T value{};
    const std::string_view bytes = cut(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  [[nodiscard]] std::string take_text() { return std::string(cut(take<std::uint32_t>())); }
  // Nothing was missing, and nothing is left.
  [[nodiscard]] bool is_whole() const noexcept { return !is_short_ && rest_.empty(); }

 private:
  [[nodiscard]] std::string_view cut(std::size_t size) {
    is_short_ = is_short_ || size > rest_.size();
    if (is_short_) return {};
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string_view rest_;
  bool is_short_ = false;
};

}  // namespace muster
