// SPDX-License-Identifier: Apache-2.0
#include "comparing/npy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionBytes = 2;

struct Header {
  std::string_view type;  // "<f4"
  bool fortran_order = false;
  Shape shape;
};

Status malformed(std::string_view what) {
  return invalid_argument("no .npy file that can be read: " + std::string(what));
}

// The dictionary of a header as numpy.save writes it: a Python literal with three keys.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  Result<Header> read() {
    Header header;
    bool seen[3] = {};
    if (!take('{')) return malformed("its header is no dictionary");
    while (!take('}')) {
      const std::optional<std::string_view> key = take_text();
      if (!key || !take(':')) return malformed("its header has no 'key': value");
      const int which = *key == "descr" ? 0 : *key == "fortran_order" ? 1 : *key == "shape" ? 2 : 3;
      if (which == 3 || std::exchange(seen[which], true)) {
        return malformed("its header has an unexpected key '" + printable(*key) + "'");
      }
      MUSTER_RETURN_IF_ERROR(read_value(which, header));
      if (!take(',') && !sees('}')) return malformed("its header ends too early");
    }
    if (!seen[0] || !seen[1] || !seen[2]) {
      return malformed("its header lacks one of descr, fortran_order and shape");
    }
    return header;
  }

 private:
  void skip_spaces() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \n"), text_.size()));
  }
  bool sees(char c) {
    skip_spaces();
    return text_.starts_with(c);
  }
  bool take(char c) {
    if (!sees(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_spaces();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string_view> take_text() {
    if (!sees('\'') && !sees('"')) return std::nullopt;
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view word = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return word;
  }

  Status read_value(int which, Header& header) {
    if (which == 2) return read_shape(header.shape);
    if (which == 1) {
      header.fortran_order = take_word("True");
      return header.fortran_order || take_word("False")
                 ? Status()
                 : malformed("fortran_order is neither True nor False");
    }
    const std::optional<std::string_view> type = take_text();
    if (!type) {
      return malformed("it holds records, not numbers; save each field as an array of its own");
    }
    header.type = *type;
    return {};
  }

  Status read_shape(Shape& shape) {
    std::vector<std::int64_t> dims;
    if (!take('(')) return malformed("its shape is no tuple");
    while (!take(')')) {
      skip_spaces();
      const std::size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
      const std::optional<std::int64_t> dim = parse_int(text_.substr(0, digits));
      if (!dim) return malformed("its shape has a dimension that is no number");
      text_.remove_prefix(digits);
      dims.push_back(*dim);
      if (dims.size() > kMaxNpyRank) {
        return malformed("it has more than " + std::to_string(kMaxNpyRank) + " dimensions");
      }
      if (!take(',') && !sees(')')) return malformed("its shape ends too early");
    }
    shape = Shape(std::span<const std::int64_t>(dims));
    return {};
  }

  std::string_view text_;
};

Result<DataType> type_of(std::string_view descr) {
  constexpr std::pair<std::string_view, DataType> kTypes[] = {
      {"b1", DataType::kBool},   {"i1", DataType::kInt8},   {"i2", DataType::kInt16},
      {"i4", DataType::kInt32},  {"i8", DataType::kInt64},  {"u1", DataType::kUint8},
      {"u2", DataType::kUint16}, {"u4", DataType::kUint32}, {"u8", DataType::kUint64},
      {"f2", DataType::kFp16},   {"f4", DataType::kFp32},   {"f8", DataType::kFp64}};
  const bool swapped = descr.starts_with('>');
  const std::string_view bare =
      descr.starts_with('<') || descr.starts_with('|') || descr.starts_with('=') || swapped
          ? descr.substr(1)
          : descr;
  for (const auto& [name, type] : kTypes) {
    if (name != bare) continue;
    if (swapped && element_size(type) > 1) {
      return invalid_argument("its elements are big-endian ('" + printable(descr) +
                              "'); save x.astype('<" + std::string(bare) + "') instead");
    }
    return type;
  }
  return invalid_argument("its elements are of type '" + printable(descr) +
                          "'; booleans, integers and float16 to float64 can be read");
}

std::optional<std::string_view> header_of(std::string_view& rest) {
  const bool is_long = static_cast<unsigned char>(rest[kMagic.size()]) > 1;
  rest.remove_prefix(kMagic.size() + kVersionBytes);
  const std::size_t length_bytes = is_long ? 4 : 2;
  if (rest.size() < length_bytes) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, rest.data(), length_bytes);
  rest.remove_prefix(length_bytes);
  if (length > rest.size() || length > kMaxNpyHeaderBytes) return std::nullopt;
  const std::string_view header = rest.substr(0, length);
  rest.remove_prefix(length);
  return header;
}

}  // namespace

bool is_npy(std::string_view bytes) noexcept {
  return bytes.starts_with(kMagic);
}

Result<Tensor> read_npy(std::string_view bytes) {
  if (!is_npy(bytes) || bytes.size() < kMagic.size() + kVersionBytes) {
    return malformed("it does not begin as one");
  }
  const auto version = static_cast<unsigned char>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) {
    return malformed("its version is " + std::to_string(version) + "; 1 to 3 are known");
  }
  const std::optional<std::string_view> text = header_of(bytes);
  if (!text) return malformed("its header is cut off or too long");
  MUSTER_ASSIGN_OR_RETURN(const Header header, HeaderReader(*text).read());
  MUSTER_ASSIGN_OR_RETURN(const DataType type, type_of(header.type));
  if (header.fortran_order && header.shape.rank() > 1) {
    return invalid_argument(
        "its elements are in Fortran order; save numpy.ascontiguousarray(x) instead");
  }
  const auto expected = byte_size(type, header.shape);
  if (!expected.ok()) return expected.status();
  if (*expected != bytes.size()) {
    return malformed("shape " + header.shape.to_string() + " takes " + std::to_string(*expected) +
                     " bytes, and it has " + std::to_string(bytes.size()));
  }
  return Tensor::copy_of(type, header.shape, std::as_bytes(std::span(bytes)));
}

}  // namespace muster
