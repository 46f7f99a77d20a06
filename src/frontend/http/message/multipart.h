// SPDX-License-Identifier: Apache-2.0
// Multipart bodies (RFC 2046, RFC 7578): several files in one request.
//
// Pure; the parts are views into the body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

struct MultipartPart {
  std::string content_type;  // type and subtype in lower case; "" = not told
  std::string name;          // of a form's field
  bool is_file = false;      // it has a filename
  std::string_view content;
};

struct MultipartLimits {
  std::size_t max_parts = 256;
  std::size_t max_part_header_bytes = 4096;
};

// kInvalidArgument where the body does not follow the grammar, or is over a limit.
[[nodiscard]] Result<std::vector<MultipartPart>> parse_multipart(std::string_view body,
                                                                 std::string_view boundary,
                                                                 const MultipartLimits& limits);

}  // namespace muster
