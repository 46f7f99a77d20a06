// SPDX-License-Identifier: Apache-2.0
// A boundary (the first line) and a multipart body (the rest).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "frontend/http/message/header_list.h"
#include "frontend/http/message/multipart.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(bytes.find('\n'), size);
  const std::string_view body = bytes.substr(std::min(size, end + 1));
  const muster::MultipartLimits limits{8, 256};
  const std::string boundary = muster::parameter_of(bytes.substr(0, end), "boundary");
  const auto parts = muster::parse_multipart(body, boundary, limits);
  if (!parts.ok()) {
    require(parts.status().message().find('\n') == std::string_view::npos);
    return 0;
  }
  require(parts->size() <= limits.max_parts);
  for (const muster::MultipartPart& part : *parts) {
    // A view of the body, and no boundary in it.
    require(part.content.data() >= body.data() &&
            part.content.data() + part.content.size() <= body.data() + body.size());
    require(part.content.find("\r\n--" + boundary) == std::string_view::npos);
  }
  return 0;
}
