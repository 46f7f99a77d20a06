// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/multipart.h"

#include "base/text.h"
#include "frontend/http/message/header_list.h"

namespace muster {
namespace {

constexpr std::size_t kMaxBoundaryBytes = 70;  // RFC 2046, 5.1.1

bool is_valid(std::string_view boundary) noexcept {
  if (boundary.empty() || boundary.size() > kMaxBoundaryBytes) return false;
  for (const char c : boundary) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

void read_header(std::string_view line, MultipartPart& part) {
  const std::string_view name = next_item(line, ':');
  if (equals_ignoring_case(name, "Content-Type")) {
    part.content_type = media_type_of(line);
  } else if (equals_ignoring_case(name, "Content-Disposition")) {
    part.name = parameter_of(line, "name");
    part.is_file = !parameter_of(line, "filename").empty();
  }
}

// Takes the headers and the empty line behind them off `rest`.
Status read_headers(std::string_view& rest, std::size_t limit, MultipartPart& part) {
  std::size_t read = 0;
  while (true) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) {
      return invalid_argument("multipart: no empty line behind the headers of a part");
    }
    read += end + 2;
    if (read > limit) {
      return invalid_argument("multipart: the headers of a part have more than " +
                              std::to_string(limit) + " bytes");
    }
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (line.empty()) return {};
    read_header(line, part);
  }
}

// Takes what follows a delimiter on its line off `rest`; `last` where it was the closing one.
Status end_delimiter(std::string_view& rest, bool& last) {
  last = rest.starts_with("--");
  if (last) return {};
  while (rest.starts_with(' ') || rest.starts_with('\t'))
    rest.remove_prefix(1);
  if (!rest.starts_with("\r\n")) return invalid_argument("multipart: a boundary's line goes on");
  rest.remove_prefix(2);
  return {};
}

}  // namespace

Result<std::vector<MultipartPart>> parse_multipart(std::string_view body, std::string_view boundary,
                                                   const MultipartLimits& limits) {
  if (!is_valid(boundary)) {
    return invalid_argument("multipart: the Content-Type needs a boundary of 1 to 70 characters");
  }
  const std::string delimiter = "\r\n--" + std::string(boundary);
  std::string_view rest = body;
  if (rest.starts_with(std::string_view(delimiter).substr(2))) {
    rest.remove_prefix(delimiter.size() - 2);
  } else {
    const std::size_t first = rest.find(delimiter);
    if (first == std::string_view::npos) {
      return invalid_argument("multipart: the body has no boundary '" + printable(boundary) + "'");
    }
    rest.remove_prefix(first + delimiter.size());
  }
  std::vector<MultipartPart> parts;
  while (true) {
    bool last = false;
    MUSTER_RETURN_IF_ERROR(end_delimiter(rest, last));
    if (last) return parts;
    if (parts.size() == limits.max_parts) {
      return invalid_argument("multipart: more than " + std::to_string(limits.max_parts) +
                              " parts");
    }
    MultipartPart& part = parts.emplace_back();
    MUSTER_RETURN_IF_ERROR(read_headers(rest, limits.max_part_header_bytes, part));
    const std::size_t end = rest.find(delimiter);
    if (end == std::string_view::npos) {
      return invalid_argument("multipart: the last part has no boundary behind it");
    }
    part.content = rest.substr(0, end);
    rest.remove_prefix(end + delimiter.size());
  }
}

}  // namespace muster
