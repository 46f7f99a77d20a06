// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/infer_reply.h"

#include <span>
#include <utility>

#include "base/text.h"
#include "open_inference.pb.h"
#include "protocol/grpc/wire_writer.h"
#include "protocol/reply_outputs.h"

namespace muster {
namespace {

using Reply = ::inference::ModelInferResponse;
using Parameter = ::inference::InferParameter;

// An entry of a map of parameters; `put_value(out)` puts its value.
template <typename Out, typename PutValue>
void put_parameter(Out& out, int field, std::string_view name, const PutValue& put_value) noexcept {
  out.message(field, [&](auto& entry) {
    constexpr int kKey = 1;
    constexpr int kValue = 2;
    entry.bytes(kKey, name);
    entry.message(kValue, put_value);
  });
}

template <typename Out>
void put_region(Out& out, const OutputWish& wish, std::size_t size) noexcept {
  constexpr int kField = Reply::InferOutputTensor::kParametersFieldNumber;
  put_parameter(out, kField, "shared_memory_region",
                [&](auto& value) { value.bytes(Parameter::kStringParamFieldNumber, wish.region); });
  put_parameter(out, kField, "shared_memory_byte_size",
                [&](auto& value) { value.number(Parameter::kInt64ParamFieldNumber, size); });
  if (wish.region_offset == 0) return;
  put_parameter(out, kField, "shared_memory_offset", [&](auto& value) {
    value.number(Parameter::kInt64ParamFieldNumber, wish.region_offset);
  });
}

// As protobuf writes texts: not at all where they are empty.
template <typename Out>
void put_text(Out& out, int field, std::string_view text) noexcept {
  if (!text.empty()) out.bytes(field, text);
}

}  // namespace

Status InferReply::prepare(const ReplyWishes& wishes, const InferResponse& response) {
  const ModelDescription* model = response.model.get();
  model_name_ = model == nullptr ? std::string_view() : model->config.name;
  model_version_ = model == nullptr ? std::string() : version_text(model->version);
  id_ = wishes.id;
  final_response_ = wishes.final_response;
  outputs_.clear();
  for (std::size_t i = 0; i < response.outputs.size(); ++i) {
    const InferOutput& output = response.outputs[i];
    const Status status = add_output(output, wish_of(wishes, output.name, i), model);
    if (!status.ok()) return status.with_context("output '" + printable(output.name) + "'");
  }
  return {};
}

Status InferReply::add_output(const InferOutput& given, const OutputWish* wish,
                              const ModelDescription* model) {
  Output& output = outputs_.emplace_back(Output{&given, std::nullopt, nullptr});
  if (wish == nullptr) return {};
  if (wish->classes > 0) {
    MUSTER_ASSIGN_OR_RETURN(output.classes, top_classes(given, wish->classes, model));
  }
  if (!wish->target) return {};
  output.elsewhere = wish;
  return write_to_region(*wish, output.tensor().view());
}

template <typename Out>
void InferReply::put(Out& out) const noexcept {
  put_text(out, Reply::kModelNameFieldNumber, model_name_);
  put_text(out, Reply::kModelVersionFieldNumber, model_version_);
  put_text(out, Reply::kIdFieldNumber, id_);
  if (final_response_) {
    put_parameter(out, Reply::kParametersFieldNumber, "triton_final_response",
                  [](auto& value) { value.number(Parameter::kBoolParamFieldNumber, 1); });
  }
  for (const Output& output : outputs_) {
    out.message(Reply::kOutputsFieldNumber, [&](auto& inner) { put_output(inner, output); });
  }
  // One entry for each output, also for those elsewhere: clients count them.
  for (const Output& output : outputs_) {
    const std::span<const std::byte> bytes =
        output.elsewhere == nullptr ? output.tensor().bytes() : std::span<const std::byte>();
    out.bytes(Reply::kRawOutputContentsFieldNumber,
              {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

template <typename Out>
void InferReply::put_output(Out& out, const Output& output) noexcept {
  using Message = Reply::InferOutputTensor;
  put_text(out, Message::kNameFieldNumber, output.given->name);
  put_text(out, Message::kDatatypeFieldNumber, data_type_name(output.tensor().type()));
  const std::span<const std::int64_t> dims = output.tensor().shape().dims();
  if (!dims.empty()) out.packed(Message::kShapeFieldNumber, dims);
  if (output.elsewhere != nullptr)
    put_region(out, *output.elsewhere, output.tensor().bytes().size());
}

template <typename Out>
void InferReply::put_stream(Out& out) const noexcept {
  out.message(::inference::ModelStreamInferResponse::kInferResponseFieldNumber,
              [this](auto& inner) { put(inner); });
}

void InferReply::clear() noexcept {
  model_name_ = id_ = {};
  outputs_.clear();
}

std::size_t InferReply::size() const noexcept {
  WireSize counted;
  put(counted);
  return counted.size();
}

std::size_t InferReply::stream_size() const noexcept {
  WireSize counted;
  put_stream(counted);
  return counted.size();
}

void InferReply::write(std::uint8_t* out) const noexcept {
  WireWriter writer(out);
  put(writer);
}

void InferReply::write_stream(std::uint8_t* out) const noexcept {
  WireWriter writer(out);
  put_stream(writer);
}

}  // namespace muster
