// SPDX-License-Identifier: Apache-2.0
// InferReply: a response as a ModelInferResponse, written straight to where its bytes shall lie.
// Outputs go to raw_output_contents.
//
// Made to be used again. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/inference.h>

#include "protocol/infer_call.h"

namespace muster {

class InferReply {
 public:
  // Checks what is wished, and writes to shared memory what goes there. Both stay where they are
  // until the reply is written.
  [[nodiscard]] Status prepare(const ReplyWishes& wishes, const InferResponse& response);
  // Lets go of both.
  void clear() noexcept;

  // How many bytes it takes, by itself and as an answer on a stream.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::size_t stream_size() const noexcept;
  // That many, to `out`.
  void write(std::uint8_t* out) const noexcept;
  void write_stream(std::uint8_t* out) const noexcept;

 private:
  struct Output {
    const InferOutput* given;
    std::optional<Tensor> classes;  // instead of its tensor
    const OutputWish* elsewhere;    // in shared memory; or null

    [[nodiscard]] const Tensor& tensor() const noexcept {
      return classes ? *classes : given->tensor;
    }
  };

  [[nodiscard]] Status add_output(const InferOutput& output, const OutputWish* wish,
                                  const ModelDescription* model);
  template <typename Out>
  void put(Out& out) const noexcept;
  template <typename Out>
  void put_stream(Out& out) const noexcept;
  template <typename Out>
  static void put_output(Out& out, const Output& output) noexcept;

  std::string_view model_name_;
  std::string model_version_;
  std::string_view id_;
  bool final_response_ = false;
  std::vector<Output> outputs_;
};

}  // namespace muster
