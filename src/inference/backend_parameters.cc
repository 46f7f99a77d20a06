// SPDX-License-Identifier: Apache-2.0
#include "inference/backend_parameters.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace muster {

bool read_number(std::string_view text, std::int64_t low, std::int64_t high, std::int64_t& target) {
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < low || *value > high) return false;
  target = *value;
  return true;
}

bool read_numbers(std::string_view text, std::int64_t low, std::int64_t high, std::size_t most,
                  std::vector<std::int64_t>& target) {
  std::vector<std::int64_t> numbers;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::int64_t number = 0;
    if (numbers.size() == most || !read_number(text.substr(0, comma), low, high, number))
      return false;
    numbers.push_back(number);
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  target = std::move(numbers);
  return true;
}

std::string place_of(const ModelConfig& config, std::string_view parameter) {
  constexpr std::size_t kMaxPlaceBytes = 1000;
  return printable(config.parameter_place(parameter), kMaxPlaceBytes);
}

Status wrong_parameter(const ModelConfig& config, std::string_view parameter, std::string_view text,
                       std::string_view values) {
  return invalid_argument(place_of(config, parameter) + " is '" + printable(text) + "'; expected " +
                          std::string(values));
}

Status unknown_parameter(const ModelConfig& config, std::string_view parameter,
                         std::string_view backend, std::span<const std::string_view> known) {
  const std::string_view near = nearest(parameter, known);
  return invalid_argument(place_of(config, parameter) + " is unknown to the " +
                          std::string(backend) + " backend; " +
                          (near.empty() ? "docs/backends.md lists those that it takes"
                                        : "did you mean '" + std::string(near) + "'?"));
}

}  // namespace muster
