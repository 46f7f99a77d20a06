// SPDX-License-Identifier: Apache-2.0
// InferMessage: a ModelInferRequest, or a ModelInferResponse, where it lies, its bytes read once:
// texts, tensors and values are views into them. What is no message to protobuf's parser is none
// here, and what is one means the same: the last value counts, map entries with one key are one,
// `contents` adds up, unknown fields are passed over.
//
// Limits are held while reading, so that memory is bounded by their number and not by what the
// bytes hold. Made to be used again. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <muster/status.h>

#include "protocol/grpc/typed_contents.h"
#include "protocol/infer_call.h"
#include "protocol/infer_parameters.h"

namespace muster {

class InferMessage {
 public:
  struct Parameter {
    std::string_view name;
    ParameterValue value;
  };
  // Of those of all tensors.
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  struct Input {
    std::string_view name;
    std::string_view datatype;
    std::size_t rank = 0;  // as given; dimensions are kept up to the limit
    Range dims;
    Range parameters;
    TypedContents contents;
  };
  struct Output {
    std::string_view name;
    Range parameters;
  };

  // The bytes stay where they are as long as anything read from them is used. kInvalidArgument:
  // no such message, or more tensors or parameters than the limits say; what came before that
  // point has been read.
  [[nodiscard]] Status read(std::string_view bytes, const ProtocolLimits& limits);
  // A ModelInferResponse, likewise: its outputs and their raw contents stand where a request's
  // inputs and theirs do, as they are the same messages by other names.
  [[nodiscard]] Status read_reply(std::string_view bytes, const ProtocolLimits& limits);
  // Large memory is given back.
  void clear() noexcept;

  [[nodiscard]] std::string_view model_name() const noexcept { return model_name_; }
  [[nodiscard]] std::string_view model_version() const noexcept { return model_version_; }
  [[nodiscard]] std::string_view id() const noexcept { return id_; }
  // By name, each once; here and below.
  [[nodiscard]] std::span<const Parameter> parameters() const noexcept { return parameters_; }
  [[nodiscard]] std::span<const Input> inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::span<const Output> outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::span<const std::string_view> raw_input_contents() const noexcept {
    return raw_input_contents_;
  }
  [[nodiscard]] std::span<const std::int64_t> dims(const Input& input) const noexcept {
    return std::span(dims_).subspan(input.dims.begin, input.dims.end - input.dims.begin);
  }
  template <typename Tensor>
  [[nodiscard]] std::span<const Parameter> parameters(const Tensor& tensor) const noexcept {
    const Range& range = tensor.parameters;
    return std::span(tensor_parameters_).subspan(range.begin, range.end - range.begin);
  }

 private:
  class Reader;

  std::string_view model_name_;
  std::string_view model_version_;
  std::string_view id_;
  std::vector<Parameter> parameters_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<std::string_view> raw_input_contents_;
  std::vector<std::int64_t> dims_;
  std::vector<Parameter> tensor_parameters_;
};

}  // namespace muster
