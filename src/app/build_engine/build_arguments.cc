// SPDX-License-Identifier: Apache-2.0
#include "app/build_engine/build_arguments.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace muster {
namespace {

// The part before `mark`, which goes with it; all where there is none.
std::string_view take_until(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

Result<Parameters> parameters_of(const BuildArguments& arguments, std::int64_t usual_max) {
  Parameters parameters;
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) parameters[name] = text;
  };
  put("profiles", arguments.profiles);
  put("precision", arguments.precision);
  put("workspace", arguments.workspace);
  if (arguments.level >= 0) put("builder_optimization_level", std::to_string(arguments.level));
  if (arguments.device >= 0) put("device", std::to_string(arguments.device));
  if (arguments.min == 0 && arguments.opt == 0 && arguments.max == 0) return parameters;
  const std::int64_t max =
      arguments.max > 0 ? arguments.max : std::max({usual_max, arguments.opt, arguments.min});
  const std::int64_t min = arguments.min > 0 ? arguments.min : 1;
  const std::int64_t opt = arguments.opt > 0 ? arguments.opt : max;
  if (min > opt || opt > max) {
    return invalid_argument(fmt::format(
        "--min {} --opt {} --max {}: each must be at least the one before", min, opt, max));
  }
  parameters["profiles"] = fmt::format("{}:{}:{}", min, opt, max);
  return parameters;
}

std::vector<std::int64_t> sizes_to_check(std::string_view profiles) {
  std::set<std::int64_t> sizes;
  while (!profiles.empty()) {
    std::string_view profile = take_until(profiles, ';');
    while (!profile.empty()) {
      const std::optional<std::int64_t> size = parse_int(take_until(profile, ':'));
      if (size && *size > 0) sizes.insert(*size);
    }
  }
  if (sizes.empty()) sizes.insert(1);
  return {sizes.begin(), sizes.end()};
}

std::string plan_beside(const std::string& model_file) {
  return std::filesystem::path(model_file).replace_extension(".plan").string();
}

}  // namespace muster
