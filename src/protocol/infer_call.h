// SPDX-License-Identifier: Apache-2.0
// InferCall: an inference request of the Open Inference Protocol, taken apart: what the model is
// asked, and how the client wants the answer. Both transports decode to it and encode from it.
//
// Pure: no socket, no model is known here. Everything decoded is hostile until checked; every limit
// is in ProtocolLimits. Errors are kInvalidArgument unless said otherwise, one line, naming the
// field. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/inference.h>

#include "shared_memory/shared_memory_regions.h"

namespace muster {

struct ProtocolLimits {
  std::size_t max_json_depth = 64;
  std::size_t max_tensors = 1024;     // inputs, and outputs, of a request
  std::size_t max_parameters = 256;   // of a request or a tensor
  std::size_t max_rank = 32;          // dimensions of a tensor
  std::size_t max_name_bytes = 1024;  // of a tensor, a parameter
  std::size_t max_id_bytes = 4096;    // of a request id
  std::int64_t max_classes = 65536;   // `classification` of an output
  // Of a request's inputs where some are in shared memory: such a region costs its client nothing.
  std::size_t max_input_bytes = std::size_t{1} << 30;
};

// How one output is wanted.
struct OutputWish {
  std::string name;
  std::int64_t classes = 0;           // > 0: the N highest as BYTES "value:index[:label]"
  bool binary = false;                // HTTP: behind the JSON instead of in it
  std::optional<RegionSlice> target;  // shared memory that it is written to
  std::string region;                 // of `target`, told to the client with its offset
  std::uint64_t region_offset = 0;
};

// How the answer is wanted. Outlives the request.
struct ReplyWishes {
  std::string id;
  std::vector<OutputWish> outputs;  // empty = all the model has
  bool binary = false;              // for outputs without a word of their own
  bool final_response = false;      // triton_enable_empty_final_response, on a stream
};

struct InferCall {
  InferRequest request;
  ReplyWishes wishes;
};

// Whether a caller may name regions of shared memory. Asked where a tensor does, and never where
// none does, so that it costs those requests nothing.
class RegionPermission {
 public:
  [[nodiscard]] virtual Status check() const = 0;

 protected:
  ~RegionPermission() = default;
};

// What decoding may lean on. Borrowed.
struct DecodeContext {
  const ProtocolLimits* limits;
  const SharedMemoryRegions* regions;  // asked where a tensor names one
  TimePoint now;                       // `timeout` counts from here, and shortens the deadline only
  const RegionPermission* permission;  // null = everybody may name them
};

// A model's version as the protocol writes it: "" = 0, the newest. kInvalidArgument where it is no
// positive number.
[[nodiscard]] Result<std::int64_t> parse_model_version(std::string_view text);

}  // namespace muster
