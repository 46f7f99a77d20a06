// SPDX-License-Identifier: Apache-2.0
// A finding of `muster doctor`, and its text: lines for people, JSON for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

enum class Severity : std::uint8_t {
  kError,    // it will not be served
  kWarning,  // it will be served, and probably not as is meant
  kNote,     // worth knowing
};
[[nodiscard]] std::string_view severity_name(Severity severity) noexcept;

struct Finding {
  Severity severity = Severity::kError;
  std::string file;   // or folder; "" = the machine
  int line = 0;       // 0 = none
  std::string field;  // of the configuration, or a flag of the server; "" = none
  std::string what;
  std::string fix;    // what to do, exactly
  std::string check;  // the name of what found it (docs/doctor.md)
};
using Findings = std::vector<Finding>;

enum class DoctorFormat : std::uint8_t { kText, kJson };

// Ends in a line break. Text has a second line with the fix; JSON is one object.
[[nodiscard]] std::string finding_text(DoctorFormat format, const Finding& finding);

// A path as one word of a shell's command, in single quotes. Nothing where a finding's text could
// not show it as it is, for control characters, invalid UTF-8 or its length: a command with another
// path in it is worse than none.
[[nodiscard]] std::optional<std::string> shell_word(std::string_view path);

// Errors first, then by file and line.
void sort_findings(Findings& findings);
[[nodiscard]] std::size_t count_of(const Findings& findings, Severity severity);

}  // namespace muster
