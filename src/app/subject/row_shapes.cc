// SPDX-License-Identifier: Apache-2.0
#include "app/subject/row_shapes.h"

#include <optional>
#include <span>

#include "base/text.h"

namespace muster {
namespace {

std::optional<Shape> parse_dims(std::string_view text) {
  std::vector<std::int64_t> dims;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::optional<std::int64_t> dim = parse_int(text.substr(0, comma));
    if (!dim || *dim < 1) return std::nullopt;
    dims.push_back(*dim);
    if (comma == std::string_view::npos) return Shape(std::span<const std::int64_t>(dims));
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

NamedText split_name(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<RowShapes> parse_row_shapes(const std::vector<std::string>& texts) {
  RowShapes shapes;
  for (const std::string& text : texts) {
    const NamedText parts = split_name(text);
    const std::optional<Shape> shape = parts.name.empty() ? std::nullopt : parse_dims(parts.rest);
    if (!shape) {
      return invalid_argument("--shape '" + printable(text) +
                              "': expected NAME:D1,D2,... with dimensions of at least 1, as in "
                              "input:3,224,224");
    }
    if (!shapes.emplace(parts.name, *shape).second)
      return invalid_argument("--shape is given twice for '" + printable(parts.name) + "'");
  }
  return shapes;
}

}  // namespace muster
