// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/infer_message.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "protocol/grpc/wire_reader.h"

namespace muster {
namespace {

using Request = ::inference::ModelInferRequest;
using RequestInput = Request::InferInputTensor;
using RequestOutput = Request::InferRequestedOutputTensor;
using Reply = ::inference::ModelInferResponse;
using ReplyOutput = Reply::InferOutputTensor;

static_assert(int{ReplyOutput::kNameFieldNumber} == RequestInput::kNameFieldNumber &&
              int{ReplyOutput::kDatatypeFieldNumber} == RequestInput::kDatatypeFieldNumber &&
              int{ReplyOutput::kShapeFieldNumber} == RequestInput::kShapeFieldNumber &&
              int{ReplyOutput::kParametersFieldNumber} == RequestInput::kParametersFieldNumber &&
              int{ReplyOutput::kContentsFieldNumber} == RequestInput::kContentsFieldNumber);

constexpr std::uint32_t bytes_tag(int field) {
  return wire_tag(field, WireType::kBytes);
}
constexpr std::uint32_t varint_tag(int field) {
  return wire_tag(field, WireType::kVarint);
}

// An InferParameter, into the one that was given before in the same place.
bool read_value(WireReader in, ParameterValue& value) {
  using Value = ::inference::InferParameter;
  while (const std::uint32_t tag = in.next()) {
    switch (tag) {
      case varint_tag(Value::kBoolParamFieldNumber):
        value = in.varint() != 0;
        break;
      case varint_tag(Value::kInt64ParamFieldNumber):
        value = static_cast<std::int64_t>(in.varint());
        break;
      case bytes_tag(Value::kStringParamFieldNumber):
        value = in.text();
        break;
      case wire_tag(Value::kDoubleParamFieldNumber, WireType::kFixed64):
        value = std::bit_cast<double>(in.fixed64());
        break;
      case varint_tag(Value::kUint64ParamFieldNumber):
        value = in.varint();
        break;
      default:
        in.skip(tag);
    }
  }
  return in.whole();
}

// An entry of a map: a message of two fields, either of which may be missing.
bool read_entry(WireReader in, InferMessage::Parameter& parameter) {
  constexpr int kKey = 1;
  constexpr int kValue = 2;
  while (const std::uint32_t tag = in.next()) {
    switch (tag) {
      case bytes_tag(kKey):
        parameter.name = in.text();
        break;
      case bytes_tag(kValue):
        in.require(read_value(in.message(), parameter.value));
        break;
      default:
        in.skip(tag);
    }
  }
  return in.whole();
}

// Of those with one name the last is kept, from `begin` on.
void keep_last(std::vector<InferMessage::Parameter>& parameters, std::size_t begin) {
  if (parameters.size() - begin < 2) return;
  using Parameter = InferMessage::Parameter;
  const auto first = parameters.begin() + static_cast<std::ptrdiff_t>(begin);
  std::reverse(first, parameters.end());
  std::stable_sort(first, parameters.end(),
                   [](const Parameter& a, const Parameter& b) { return a.name < b.name; });
  parameters.erase(
      std::unique(first, parameters.end(),
                  [](const Parameter& a, const Parameter& b) { return a.name == b.name; }),
      parameters.end());
}

template <typename T>
void empty(std::vector<T>& items) noexcept {
  constexpr std::size_t kMaxKept = 64;
  if (items.capacity() > kMaxKept) {
    items = {};
  } else {
    items.clear();
  }
}

}  // namespace

class InferMessage::Reader {
 public:
  // `what`: the message, for people.
  Reader(InferMessage& message, const ProtocolLimits& limits, std::string_view what) noexcept
      : message_(message), limits_(limits), what_(what) {}

  // Request or Reply.
  template <typename Message>
  Status read(std::string_view bytes) {
    WireReader in(bytes);
    while (const std::uint32_t tag = in.next())
      in.require(read_field<Message>(in, tag));
    if (in.whole()) {
      keep_last(message_.parameters_, 0);
      return {};
    }
    if (!fault_.ok()) return std::move(fault_);
    return invalid_argument("the bytes are no message " +
                            Message::default_instance().GetTypeName());
  }

 private:
  template <typename Message>
  bool read_field(WireReader& in, std::uint32_t tag) {
    constexpr bool kIsRequest = std::is_same_v<Message, Request>;
    constexpr int kTensors =
        kIsRequest ? int{Request::kInputsFieldNumber} : int{Reply::kOutputsFieldNumber};
    constexpr int kRaw = kIsRequest ? int{Request::kRawInputContentsFieldNumber}
                                    : int{Reply::kRawOutputContentsFieldNumber};
    switch (tag) {
      case bytes_tag(Message::kModelNameFieldNumber):
        message_.model_name_ = in.text();
        return true;
      case bytes_tag(Message::kModelVersionFieldNumber):
        message_.model_version_ = in.text();
        return true;
      case bytes_tag(Message::kIdFieldNumber):
        message_.id_ = in.text();
        return true;
      case bytes_tag(Message::kParametersFieldNumber):
        return read_parameter(in.message(), "parameters", 0, message_.parameters_);
      case bytes_tag(kTensors):
        return has_room(message_.inputs_) && read_input(in.message());
      case bytes_tag(kRaw):
        if (!has_room(message_.raw_input_contents_)) return false;
        message_.raw_input_contents_.push_back(in.bytes());
        return true;
      default:
        if (kIsRequest && tag == bytes_tag(Request::kOutputsFieldNumber))
          return has_room(message_.outputs_) && read_output(in.message());
        in.skip(tag);
        return true;
    }
  }

  bool read_input(WireReader in) {
    Input& input = message_.inputs_.emplace_back();
    input.contents = TypedContents(in.rest());
    input.dims.begin = message_.dims_.size();
    input.parameters.begin = message_.tensor_parameters_.size();
    while (const std::uint32_t tag = in.next())
      in.require(read_input_field(in, tag, input));
    keep_last(message_.tensor_parameters_, input.parameters.begin);
    input.parameters.end = message_.tensor_parameters_.size();
    input.dims.end = message_.dims_.size();
    return in.whole();
  }

  bool read_input_field(WireReader& in, std::uint32_t tag, Input& input) {
    switch (tag) {
      case bytes_tag(RequestInput::kNameFieldNumber):
        input.name = in.text();
        return true;
      case bytes_tag(RequestInput::kDatatypeFieldNumber):
        input.datatype = in.text();
        return true;
      case varint_tag(RequestInput::kShapeFieldNumber):
        return read_dims(WireReader(in.varint_bytes()), input);
      case bytes_tag(RequestInput::kShapeFieldNumber):
        return read_dims(WireReader(in.bytes()), input);
      case bytes_tag(RequestInput::kParametersFieldNumber):
        return read_parameter(in.message(), "parameters of a tensor", input.parameters.begin,
                              message_.tensor_parameters_);
      case bytes_tag(RequestInput::kContentsFieldNumber):
        return input.contents.add(in.message());
      default:
        in.skip(tag);
        return true;
    }
  }

  bool read_output(WireReader in) {
    Output& output = message_.outputs_.emplace_back();
    output.parameters.begin = message_.tensor_parameters_.size();
    while (const std::uint32_t tag = in.next()) {
      if (tag == bytes_tag(RequestOutput::kNameFieldNumber)) {
        output.name = in.text();
      } else if (tag == bytes_tag(RequestOutput::kParametersFieldNumber)) {
        in.require(read_parameter(in.message(), "parameters of a tensor", output.parameters.begin,
                                  message_.tensor_parameters_));
      } else {
        in.skip(tag);
      }
    }
    keep_last(message_.tensor_parameters_, output.parameters.begin);
    output.parameters.end = message_.tensor_parameters_.size();
    return in.whole();
  }

  // Those of one map are `parameters` from `begin` on.
  bool read_parameter(WireReader in, const char* what, std::size_t begin,
                      std::vector<Parameter>& parameters) {
    if (parameters.size() - begin >= limits_.max_parameters)
      return too_many(what, limits_.max_parameters);
    return read_entry(in, parameters.emplace_back());
  }

  bool read_dims(WireReader in, Input& input) {
    while (!in.rest().empty()) {
      const auto dim = static_cast<std::int64_t>(in.varint());
      if (in.whole() && ++input.rank <= limits_.max_rank) message_.dims_.push_back(dim);
    }
    return in.whole();
  }

  template <typename T>
  bool has_room(const std::vector<T>& tensors) {
    return tensors.size() < limits_.max_tensors ||
           too_many("inputs or outputs", limits_.max_tensors);
  }

  bool too_many(const char* what, std::size_t limit) {
    fault_ = invalid_argument(std::string(what_) + " has more than " + std::to_string(limit) + " " +
                              what);
    return false;
  }

  InferMessage& message_;
  const ProtocolLimits& limits_;
  const std::string_view what_;
  Status fault_;
};

Status InferMessage::read(std::string_view bytes, const ProtocolLimits& limits) {
  clear();
  return Reader(*this, limits, "the request").read<Request>(bytes);
}

Status InferMessage::read_reply(std::string_view bytes, const ProtocolLimits& limits) {
  clear();
  return Reader(*this, limits, "the answer").read<Reply>(bytes);
}

void InferMessage::clear() noexcept {
  model_name_ = model_version_ = id_ = {};
  empty(parameters_);
  empty(inputs_);
  empty(outputs_);
  empty(raw_input_contents_);
  empty(dims_);
  empty(tensor_parameters_);
}

}  // namespace muster
