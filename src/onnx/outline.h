// SPDX-License-Identifier: Apache-2.0
// The outline of an ONNX file: its versions, and every place outside the file that it points to.
//
// Read before the runtime sees the file, so that a hostile or broken one is refused with a message
// of ours. Walks the protobuf wire format field by field: weights are skipped, not read, and
// memory stays bounded by the limits below. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <muster/status.h>

namespace muster::onnx {

// Messages within messages. Protobuf itself, and so the runtime, reads no more.
inline constexpr std::size_t kMaxNesting = 100;
// Different files that one model's weights may be spread over.
inline constexpr std::size_t kMaxExternalLocations = 65536;
inline constexpr std::size_t kMaxLocationBytes = 4096;
inline constexpr std::size_t kMaxOpsets = 1024;

struct ExternalLocation {
  std::string location;  // as the file has it
  std::string tensor;    // the first that points there, "" where it has no name
};

struct OpsetImport {
  std::string domain;  // "" is ai.onnx
  std::int64_t version = 0;
};

struct Outline {
  std::int64_t ir_version = 0;
  std::vector<OpsetImport> opsets;
  std::vector<ExternalLocation> external;  // each location once
};

// Messages of their errors do not name the file; kInvalidArgument where it is no ONNX model.
[[nodiscard]] Result<Outline> outline_bytes(std::span<const std::byte> model);
[[nodiscard]] Result<Outline> outline_file(const std::string& path);

}  // namespace muster::onnx
