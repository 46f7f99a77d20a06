// SPDX-License-Identifier: Apache-2.0
#include "app/result_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kWidestPath = 60;

}  // namespace

ResultWriter::ResultWriter(ResultFormat format, std::size_t top_k, std::size_t path_width)
    : format_(format),
      ranked_(top_k > 1),
      path_width_(std::clamp<std::size_t>(path_width, 4, kWidestPath)) {}

std::string ResultWriter::header() const {
  switch (format_) {
    case ResultFormat::kCsv:
      return "path,rank,label,probability\n";
    case ResultFormat::kJson:
      return "";
    case ResultFormat::kTable:
      return ranked_ ? fmt::format("{:<{}}  {:>4}  {:<16}  probability\n", "path", path_width_,
                                   "rank", "label")
                     : fmt::format("{:<{}}  {:<16}  probability\n", "path", path_width_, "label");
  }
  return "";
}

std::string ResultWriter::lines(std::string_view path, std::span<const ClassScore> scores) const {
  std::string text;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const ClassScore& score = scores[i];
    switch (format_) {
      case ResultFormat::kCsv:
        text += fmt::format("{},{},{},{:.6f}\n", csv_field(path), i + 1, csv_field(score.label),
                            score.probability);
        break;
      case ResultFormat::kJson:
        text += fmt::format(R"({{"path":{},"rank":{},"label":{},"probability":{:.6f}}})"
                            "\n",
                            json_string(path), i + 1, json_string(score.label), score.probability);
        break;
      case ResultFormat::kTable: {
        // A path or label with control characters must not steer the terminal.
        const std::string shown = printable(path, 4096);
        const std::string label = printable(score.label);
        text += ranked_ ? fmt::format("{:<{}}  {:>4}  {:<16}  {:.4f}\n", shown, path_width_, i + 1,
                                      label, score.probability)
                        : fmt::format("{:<{}}  {:<16}  {:.4f}\n", shown, path_width_, label,
                                      score.probability);
      }
    }
  }
  return text;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text[0];
    if (length > 1) {
      quoted.append(text.substr(0, length));
    } else if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (length == 1) {
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      quoted += "\\ufffd";
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return quoted + '"';
}

}  // namespace muster
