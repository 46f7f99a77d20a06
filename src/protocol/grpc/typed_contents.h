// SPDX-License-Identifier: Apache-2.0
// TypedContents: the elements that an input's message holds by type (`contents`), where they lie.
//
// They are counted when the message is read, and read from the wire once more when the tensor that
// they go into is known: so they take no memory of their own, however they are cut into pieces.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "open_inference.pb.h"
#include "protocol/grpc/wire_reader.h"

namespace muster {

class TypedContents {
 public:
  using Message = ::inference::InferTensorContents;

  TypedContents() noexcept = default;
  // `input`: the bytes of the whole input.
  explicit TypedContents(std::string_view input) noexcept : input_(input) {}

  // Counts one `contents` of the input, of which there may be several, as protobuf has it; false
  // where it is no such message.
  [[nodiscard]] bool add(WireReader contents) noexcept;

  // Elements in one field, by its number, and in all.
  [[nodiscard]] std::size_t count(int field) const noexcept {
    return counts_[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::size_t count() const noexcept;
  // Bytes of all elements of bytes_contents.
  [[nodiscard]] std::size_t string_bytes() const noexcept { return string_bytes_; }
  // The elements of fp32_contents or fp64_contents where they lie in one piece, as they do unless a
  // client takes pains; else empty. For an input with elements of one of these alone.
  [[nodiscard]] std::string_view floats() const noexcept;

  // `visit(run)` for each piece of a field, in order: one string, or the bytes of some numbers.
  template <typename Visit>
  void visit_runs(int field, const Visit& visit) const {
    WireReader in(input_);
    while (const std::uint32_t tag = in.next()) {
      if (tag != kTag) {
        in.skip(tag);
      } else if (!walk(in.message(), [&](int number, std::string_view run) {
                   if (number == field) visit(run);
                   return true;
                 })) {
        return;
      }
    }
  }

 private:
  using Input = ::inference::ModelInferRequest::InferInputTensor;
  static constexpr std::uint32_t kTag = wire_tag(Input::kContentsFieldNumber, WireType::kBytes);
  static constexpr std::size_t kFields = std::size_t{Message::kBytesContentsFieldNumber} + 1;

  // `visit(field, run)` is false where that is no run of this field.
  template <typename Visit>
  static bool walk(WireReader contents, const Visit& visit);
  [[nodiscard]] bool add_run(int field, std::string_view run) noexcept;

  std::string_view input_;
  std::array<std::size_t, kFields> counts_ = {};
  std::size_t string_bytes_ = 0;
  std::string_view first_floats_;
};

template <typename Visit>
bool TypedContents::walk(WireReader contents, const Visit& visit) {
  while (const std::uint32_t tag = contents.next()) {
    const int field = static_cast<int>(tag >> 3U);
    std::string_view run;
    if (field >= static_cast<int>(kFields)) {
      contents.skip(tag);
      continue;
    }
    const auto type = static_cast<WireType>(tag & 7U);
    if (type == WireType::kBytes) {
      run = contents.bytes();
    } else if (type == WireType::kVarint && field <= Message::kUint64ContentsFieldNumber) {
      run = contents.varint_bytes();
    } else if (type == WireType::kFixed32 && field == Message::kFp32ContentsFieldNumber) {
      run = contents.fixed_bytes(sizeof(float));
    } else if (type == WireType::kFixed64 && field == Message::kFp64ContentsFieldNumber) {
      run = contents.fixed_bytes(sizeof(double));
    } else {
      contents.skip(tag);
      continue;
    }
    contents.require(contents.whole() && visit(field, run));
  }
  return contents.whole();
}

}  // namespace muster
