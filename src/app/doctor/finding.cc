// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/finding.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "app/result_writer.h"
#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;
// Three paths and the words between them.
constexpr std::size_t kMaxTextBytes = 4 * kMaxPathBytes;

// "models/lenet/config.pbtxt:12", as far as it is known.
std::string place_of(const Finding& finding) {
  if (finding.file.empty()) return "this machine";
  const std::string file = printable(finding.file, kMaxPathBytes);
  return finding.line > 0 ? fmt::format("{}:{}", file, finding.line) : file;
}

// Quotes parts of paths and configurations, which may hold anything.
std::string one_line(const std::string& text) {
  return printable(text, kMaxTextBytes);
}

}  // namespace

std::string_view severity_name(Severity severity) noexcept {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::string finding_text(DoctorFormat format, const Finding& finding) {
  if (format == DoctorFormat::kText) {
    return fmt::format("{}: {}: {} [{}]\n    fix: {}\n", place_of(finding),
                       severity_name(finding.severity), one_line(finding.what), finding.check,
                       one_line(finding.fix));
  }
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? std::string("null") : json_string(text);
  };
  return fmt::format(
      R"({{"severity":"{}","check":{},"file":{},"line":{},"field":{},"what":{},"fix":{}}})"
      "\n",
      severity_name(finding.severity), json_string(finding.check), text_or_null(finding.file),
      finding.line > 0 ? std::to_string(finding.line) : "null", text_or_null(finding.field),
      json_string(finding.what), json_string(finding.fix));
}

std::optional<std::string> shell_word(std::string_view path) {
  std::string word = "'";
  for (const char c : path) {
    // What ends the quotes is put between two quoted parts.
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  word += '\'';
  if (printable(word, kMaxPathBytes) != word) return std::nullopt;
  return word;
}

void sort_findings(Findings& findings) {
  std::ranges::stable_sort(findings, {}, [](const Finding& finding) {
    return std::tuple(finding.severity, std::string_view(finding.file), finding.line);
  });
}

std::size_t count_of(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

}  // namespace muster
