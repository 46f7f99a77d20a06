// SPDX-License-Identifier: Apache-2.0
// InferDecoder: decodes the inference requests of one connection.
//
// Clients mostly ask for the same again with other tensors: the JSON, in front of binary tensors or
// naming shared memory, is then the last one, byte for byte, and says the same. It is kept with
// what it said, so that it is read once. Regions are looked up anew each time. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/http_infer.h"
#include "protocol/infer_tensors.h"

namespace muster {

class InferDecoder {
 public:
  // A longer JSON is read anew each time: every connection has this memory.
  static constexpr std::size_t kMaxKeptBytes = std::size_t{2} << 10;

  // As decode_http_infer.
  [[nodiscard]] Result<InferCall> decode(std::shared_ptr<const RequestBody> body,
                                         std::optional<std::size_t> header_length,
                                         const DecodeContext& context);

 private:
  struct KeptInput {
    InputHead head;
    std::size_t bytes;                 // behind the JSON
    std::optional<RegionPlace> place;  // or here
  };
  struct KeptTarget {
    std::size_t output;
    RegionPlace place;
  };

  [[nodiscard]] bool is_repeated(const RequestBody& body,
                                 std::optional<std::size_t> header_length) const noexcept;
  [[nodiscard]] Result<InferCall> repeat(std::shared_ptr<const RequestBody> body,
                                         const DecodeContext& context) const;
  void keep(const InferCall& call, const RequestBody& body,
            std::optional<std::size_t> header_length, const DecodeContext& context);
  [[nodiscard]] bool keep_inputs(const InferRequest& request, std::span<const std::byte> binary);
  void keep_wishes(const ReplyWishes& wishes);

  std::string json_;  // "" = none is kept
  std::size_t body_size_ = 0;
  std::optional<std::size_t> header_length_;
  std::string id_;
  std::vector<std::string> outputs_;
  std::uint64_t priority_ = 0;
  std::optional<std::chrono::nanoseconds> timeout_;
  ReplyWishes wishes_;  // without targets: a slice would keep a region alive
  std::vector<KeptTarget> targets_;
  std::vector<KeptInput> inputs_;
};

}  // namespace muster
