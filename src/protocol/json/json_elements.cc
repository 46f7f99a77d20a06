// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/json_elements.h"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "protocol/json/json_numbers.h"
#include "protocol/json/json_writer.h"
#include "protocol/json/utf8.h"

namespace muster {
namespace {

// The arrays, elements and commas of one `data`. Works on the text by itself: this is where the
// time of a JSON request goes.
class ElementWalk {
 public:
  ElementWalk(JsonReader& json, DataType type, std::size_t count)
      : json_(json), type_(type), count_(count) {
    const std::string_view rest = json.rest();
    at_ = rest.data();
    end_ = at_ + rest.size();
  }

  // Calls `take(at, end, index)` at each element, which reads it. `kRepeatable`: it may be called
  // for the same element again.
  template <bool kRepeatable = false, typename Take>
  Status run(const Take& take) {
    std::size_t depth = 0;
    std::size_t index = 0;
    bool may_close = false;  // an empty array may end, but none behind a comma
    for (;;) {
      skip_space();
      if (at_ == end_) return at_fault("the array has no end");
      if (*at_ == '[') {
        if (++depth > json_.max_depth()) {
          return at_fault("more than " + std::to_string(json_.max_depth()) +
                          " arrays in each other");
        }
        ++at_;
        may_close = true;
        continue;
      }
      if (!(*at_ == ']' && may_close)) {
        if constexpr (kRepeatable) {
          if (const std::size_t taken = take_plain(take, index); taken > 0) {
            index += taken;
            may_close = false;
            continue;
          }
        }
        if (index == count_) return wrong_count("more are");
        MUSTER_RETURN_IF_ERROR(element(take, index));
        ++index;
      }
      MUSTER_RETURN_IF_ERROR(close(depth));
      if (depth == 0) break;
      may_close = false;
    }
    if (index != count_) return wrong_count(std::to_string(index) + " are");
    json_.resume_at(at_);
    return {};
  }

 private:
  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
  }

  // Elements with nothing but a comma and a space behind them, as most are: how many. What is
  // anything else, or at fault, is left to the walk.
  template <typename Take>
  std::size_t take_plain(const Take& take, std::size_t index) {
    const std::size_t first = index;
    const char* const end = end_;
    const char* at = at_;
    const char* behind_comma = at;
    while (index < count_ && at != end) {
      const NumberRead read = take(at, end, index);
      if (read.fault != NumberFault::kNone || read.at == end || *read.at != ',') break;
      ++index;
      at = behind_comma = read.at + 1;
      if (at != end && *at == ' ') ++at;
    }
    at_ = behind_comma;
    return index - first;
  }

  // What follows an element: brackets that close, up to a comma or the end of the outermost array.
  Status close(std::size_t& depth) {
    for (;;) {
      skip_space();
      if (at_ == end_) return at_fault("the array has no end");
      if (*at_ == ',') {
        ++at_;
        return {};
      }
      if (*at_ != ']') return at_fault("',' or ']' is expected");
      ++at_;
      if (--depth == 0) return {};
    }
  }

  template <typename Take>
  Status element(const Take& take, std::size_t index) {
    const auto [at, fault] = take(at_, end_, index);
    if (fault == NumberFault::kNone) [[likely]] {
      at_ = at;
      return {};
    }
    if (!json_.ok()) return json_.status();
    const auto* const stop = std::find_if(at_, end_, [](char c) {
      return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n';
    });
    const std::string given =
        printable({at_, static_cast<std::size_t>(std::max(stop, at_ + 1) - at_)}, 40);
    return invalid_argument(
        "element " + std::to_string(index) + " is " + given +
        (fault == NumberFault::kOutOfRange ? ", which is out of the range of " : ", which is no ") +
        std::string(data_type_name(type_)));
  }

  Status at_fault(std::string_view why) {
    json_.resume_at(at_);
    (void)json_.fail(why);
    return json_.status();
  }

  Status wrong_count(std::string_view given) const {
    return invalid_argument("its shape has " + std::to_string(count_) + " elements, " +
                            std::string(given) + " given as data");
  }

  JsonReader& json_;
  const DataType type_;
  const std::size_t count_;
  const char* at_;
  const char* end_;
};

template <typename T>
Status read_numbers(ElementWalk& walk, std::span<std::byte> bytes) {
  auto* const values = reinterpret_cast<T*>(bytes.data());
  return walk.run<true>([values](const char* at, const char* end, std::size_t index) {
    return read_number(at, end, values[index]);
  });
}

Status read_bools(ElementWalk& walk, std::span<std::byte> bytes) {
  return walk.run([bytes](const char* at, const char* end, std::size_t index) {
    const std::string_view rest(at, static_cast<std::size_t>(end - at));
    const bool value = rest.starts_with("true");
    if (!value && !rest.starts_with("false")) return NumberRead{at, NumberFault::kNoNumber};
    bytes[index] = std::byte{value};
    return NumberRead{at + (value ? 4 : 5), NumberFault::kNone};
  });
}

Result<Tensor> read_strings(JsonReader& json, ElementWalk& walk, Shape shape) {
  std::string serialised;
  MUSTER_RETURN_IF_ERROR(walk.run([&](const char* at, const char*, std::size_t) {
    if (*at != '"') return NumberRead{at, NumberFault::kNoNumber};
    json.resume_at(at);
    std::string_view text;
    if (!json.read_string(text)) return NumberRead{at, NumberFault::kNoNumber};
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
      return NumberRead{at, NumberFault::kOutOfRange};
    }
    const auto length = static_cast<std::uint32_t>(text.size());
    serialised.append(reinterpret_cast<const char*>(&length), sizeof(length));
    serialised.append(text);
    return NumberRead{json.rest().data(), NumberFault::kNone};
  }));
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor,
                          Tensor::allocate(DataType::kBytes, std::move(shape), serialised.size()));
  if (!serialised.empty()) {
    std::memcpy(tensor.bytes().data(), serialised.data(), serialised.size());
  }
  return tensor;
}

Status read_elements(ElementWalk& walk, DataType type, std::span<std::byte> bytes) {
  switch (type) {
    case DataType::kBool:
      return read_bools(walk, bytes);
    case DataType::kUint8:
      return read_numbers<std::uint8_t>(walk, bytes);
    case DataType::kUint16:
      return read_numbers<std::uint16_t>(walk, bytes);
    case DataType::kUint32:
      return read_numbers<std::uint32_t>(walk, bytes);
    case DataType::kUint64:
      return read_numbers<std::uint64_t>(walk, bytes);
    case DataType::kInt8:
      return read_numbers<std::int8_t>(walk, bytes);
    case DataType::kInt16:
      return read_numbers<std::int16_t>(walk, bytes);
    case DataType::kInt32:
      return read_numbers<std::int32_t>(walk, bytes);
    case DataType::kInt64:
      return read_numbers<std::int64_t>(walk, bytes);
    case DataType::kFp32:
      return read_numbers<float>(walk, bytes);
    case DataType::kFp64:
      return read_numbers<double>(walk, bytes);
    default:
      return internal_error("a type without JSON was let through");
  }
}

bool has_json(DataType type) noexcept {
  return type != DataType::kFp16 && type != DataType::kBf16 && type != DataType::kInvalid;
}

Status has_no_json(DataType type) {
  return invalid_argument(std::string(data_type_name(type)) +
                          " has no JSON; it travels as binary data alone");
}

template <typename T>
void append_numbers(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::size_t kUsualLength = std::floating_point<T> ? 11 : 4;
  out.reserve(out.size() + bytes.size() / sizeof(T) * kUsualLength);
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    if (at > 0) out += ',';
    append_json_number(out, value);
  }
}

void append_bools(std::string& out, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += ',';
    append_json_bool(out, bytes[i] != std::byte{0});
  }
}

Status append_strings(std::string& out, const TensorView& tensor) {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<std::string_view> elements, bytes_elements(tensor));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!is_utf8(elements[i])) {
      return invalid_argument("element " + std::to_string(i) +
                              " is not UTF-8, which JSON cannot carry; ask for binary data");
    }
    if (i > 0) out += ',';
    append_json_string(out, elements[i]);
  }
  return {};
}

}  // namespace

Result<Tensor> read_json_elements(JsonReader& json, DataType type, Shape shape, std::size_t count) {
  if (!has_json(type)) return has_no_json(type);
  if (json.next_kind() != JsonKind::kArray) {
    (void)json.fail("an array is expected");
    return json.status();
  }
  // Every element takes at least a byte and its comma.
  if (count > json.rest().size() / 2 + 1) {
    return invalid_argument("its shape has " + std::to_string(count) +
                            " elements, fewer are given as data");
  }
  ElementWalk walk(json, type, count);
  if (type == DataType::kBytes) return read_strings(json, walk, std::move(shape));
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(type, std::move(shape)));
  MUSTER_RETURN_IF_ERROR(read_elements(walk, type, tensor.bytes()));
  return tensor;
}

Status append_json_elements(std::string& out, const TensorView& tensor) {
  if (!has_json(tensor.type)) return has_no_json(tensor.type);
  out += '[';
  const std::span<const std::byte> bytes = tensor.bytes;
  switch (tensor.type) {
    case DataType::kBool:
      append_bools(out, bytes);
      break;
    case DataType::kUint8:
      append_numbers<std::uint8_t>(out, bytes);
      break;
    case DataType::kUint16:
      append_numbers<std::uint16_t>(out, bytes);
      break;
    case DataType::kUint32:
      append_numbers<std::uint32_t>(out, bytes);
      break;
    case DataType::kUint64:
      append_numbers<std::uint64_t>(out, bytes);
      break;
    case DataType::kInt8:
      append_numbers<std::int8_t>(out, bytes);
      break;
    case DataType::kInt16:
      append_numbers<std::int16_t>(out, bytes);
      break;
    case DataType::kInt32:
      append_numbers<std::int32_t>(out, bytes);
      break;
    case DataType::kInt64:
      append_numbers<std::int64_t>(out, bytes);
      break;
    case DataType::kFp32:
      append_numbers<float>(out, bytes);
      break;
    case DataType::kFp64:
      append_numbers<double>(out, bytes);
      break;
    default:
      MUSTER_RETURN_IF_ERROR(append_strings(out, tensor));
  }
  out += ']';
  return {};
}

}  // namespace muster
