// SPDX-License-Identifier: Apache-2.0
// ResultWriter: class scores as a table, as CSV (quoted as RFC 4180 says) or as one JSON object a
// line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <muster/service.h>

namespace muster {

enum class ResultFormat : std::uint8_t { kTable, kCsv, kJson };

// Makes text; whoever calls it writes it. The fields are path, rank, label and probability in every
// format; a rank is a line.
class ResultWriter {
 public:
  // `path_width`: of the longest path that will come, for the table's columns.
  ResultWriter(ResultFormat format, std::size_t top_k, std::size_t path_width);

  // What stands before the first result.
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::string lines(std::string_view path, std::span<const ClassScore> scores) const;

 private:
  const ResultFormat format_;
  const bool ranked_;
  const std::size_t path_width_;
};

// With quotes where CSV needs them.
[[nodiscard]] std::string csv_field(std::string_view text);
// With its quotes; bytes that are no UTF-8 become U+FFFD, as JSON has no way to say them.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace muster
