// SPDX-License-Identifier: Apache-2.0
// Writes an ONNX file: operators, weights, and what goes in and comes out. The format is
// protobuf's; the numbers of the fields are those of onnx.proto.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutorial {

// A message as protobuf has it on disk: fields one after the other.
class Message {
 public:
  Message& number(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint((static_cast<std::uint64_t>(field) << 3) | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

class OnnxWriter {
 public:
  using Numbers = std::initializer_list<std::int64_t>;

  // An input or output of floats. Its first axis is open: it has the name "batch" and no number.
  // [start open]
  void input(std::string_view name, Numbers dims) { graph_.message(11, tensor(name, dims)); }
  void output(std::string_view name, Numbers dims) { graph_.message(12, tensor(name, dims)); }

  static Message tensor(std::string_view name, Numbers dims) {
    Message shape;
    shape.message(1, Message().text(2, "batch"));  // dim_param; a fixed one would be a dim_value
    for (const std::int64_t dim : dims)
      shape.message(1, Message().number(1, dim));
    const Message type = Message().number(1, kFloat).message(2, shape);
    return Message().text(1, name).message(2, Message().message(1, type));
  }
  // [end open]

  void weights(std::string_view name, Numbers dims, std::span<const float> values) {
    Message made;
    for (const std::int64_t dim : dims)
      made.number(1, dim);
    const auto raw = std::as_bytes(values);
    made.number(2, kFloat).text(8, name);
    made.text(9, {reinterpret_cast<const char*>(raw.data()), raw.size()});
    graph_.message(5, made);
  }

  // An operator, with attributes of one or of several whole numbers.
  struct Attribute {
    std::string_view name;
    std::vector<std::int64_t> values;
    bool list = true;
  };
  void operation(std::string_view type, std::initializer_list<std::string_view> inputs,
                 std::string_view output, std::initializer_list<Attribute> attributes = {}) {
    Message made;
    for (const std::string_view input : inputs)
      made.text(1, input);
    made.text(2, output).text(3, output).text(4, type);
    for (const Attribute& attribute : attributes) {
      Message one = Message().text(1, attribute.name).number(20, attribute.list ? 7 : 2);
      for (const std::int64_t value : attribute.values)
        one.number(attribute.list ? 8 : 3, value);
      made.message(5, one);
    }
    graph_.message(1, made);
  }

  // The bytes of the file: IR version 8, opset 18.
  [[nodiscard]] std::string file(std::string_view name) const {
    Message graph = graph_;
    graph.text(2, name);
    const Message opset = Message().text(1, "").number(2, 18);
    return Message().number(1, 8).message(7, graph).message(8, opset).bytes();
  }

 private:
  static constexpr std::int64_t kFloat = 1;
  Message graph_;
};

}  // namespace tutorial
