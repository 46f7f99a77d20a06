// SPDX-License-Identifier: Apache-2.0
// Fields that mean something else than they seem to.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/doctor/checks.h"
#include "app/doctor/config_text.h"

namespace muster {
namespace {

Finding at_line(const ModelFacts& model, Severity severity, int line, std::string field,
                std::string what, std::string fix) {
  return {severity, model.config_file, line, std::move(field), std::move(what), std::move(fix), ""};
}

// "2" is no more than "1", but nothing at all.
void check_graph_level(const ModelFacts& model, const MachineFacts& /*machine*/,
                       Findings& findings) {
  if (!model.said) return;
  const auto level = model.said->parameters.find("session.graph_level");
  if (level == model.said->parameters.end() || level->second == "0") return;
  const auto found = model.said->parameter_lines.find(level->first);
  const int line = found == model.said->parameter_lines.end() ? 0 : found->second;
  const bool none = level->second == "2";
  const std::string_view meaning = level->second == "1" ? "1 is extended, which is less than 0"
                                                        : "-1 is basic, which is the least";
  findings.push_back(at_line(
      model, none ? Severity::kWarning : Severity::kNote, line, "optimization.graph.level",
      none ? "the graph's level is 2, which switches all optimizations of it off; 0 is all of them"
           : fmt::format("of the graph's levels, {}; 0 is all optimizations", meaning),
      "write 0, or leave it out, unless that is what is meant"));
}

// Where the only input is a picture, the label says how its rows are laid out.
void check_format(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  const bool is_picture = std::ranges::any_of(model.versions, [](const VersionFacts& version) {
    return version.config && version.config->image;
  });
  if (!model.said || is_picture) return;
  for (const std::string_view format : {"FORMAT_NHWC", "FORMAT_NCHW"}) {
    const int line = line_of_field(model.config_text, format);
    if (line == 0) continue;
    findings.push_back(at_line(model, Severity::kNote, line, "input.format",
                               fmt::format("{} is a label: nothing is transposed, and clients send "
                                           "what the model's shape says",
                                           format),
                               "remove it, or leave it where that is known"));
  }
}

constexpr ModelCheck kChecks[] = {
    {"graph-level", check_graph_level},
    {"format", check_format},
};

}  // namespace

std::span<const ModelCheck> meaning_checks() noexcept {
  return kChecks;
}

}  // namespace muster
