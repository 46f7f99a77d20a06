// SPDX-License-Identifier: Apache-2.0
// What `muster verify` found, and its text: a table for people, JSON for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <muster/tensor.h>

#include "comparing/output_comparison.h"

namespace muster {

enum class VerifyFormat : std::uint8_t { kTable, kJson };

// By how much an element may differ, as a part of what it should be (output_comparison.h).
class Tolerances {
 public:
  // "1e-3" for everything, or "bf16:0.2" for one precision; later ones stand above earlier ones.
  [[nodiscard]] static Result<Tolerances> parse(const std::vector<std::string>& texts);

  // Of an output of that type, computed with that precision: usual_tolerance by default.
  [[nodiscard]] double of(std::string_view precision, DataType type) const;

 private:
  std::map<std::string, double, std::less<>> given_;  // by precision; "" = all
};

// One output of one backend, precision and batch size.
struct VerifyRow {
  std::string backend;
  std::string precision;    // that was asked for; "" = a server's, which nobody told
  std::string computed_in;  // what the processor has for it, as the runtime says; "" = the same
  std::int64_t batch_size = 0;
  std::string output;
  double tolerance = 0;
  OutputFindings found;
};

// What could not be verified.
struct VerifyMiss {
  std::string backend;
  std::string precision;
  std::int64_t batch_size = 0;  // 0: no batch size at all
  std::string reason;
  bool asked_for = false;  // by name
};

// Columns of the table for names of usual length.
inline constexpr std::size_t kNameWidth = 20;

// Each ends in a line break, or is empty. JSON is one object a line. The line of an output that is
// beyond its tolerance has a second one behind it in the table, which names the first difference.
// `name_width`: of the longest name of a backend in the table.
[[nodiscard]] std::string verify_header(VerifyFormat format, std::size_t name_width = kNameWidth);
[[nodiscard]] std::string verify_line(VerifyFormat format, const VerifyRow& row,
                                      std::size_t name_width = kNameWidth);
// "openvino bf16, batch size 8: why", without a line break.
[[nodiscard]] std::string describe_miss(const VerifyMiss& miss);

}  // namespace muster
