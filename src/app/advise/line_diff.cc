// SPDX-License-Identifier: Apache-2.0
#include "app/advise/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace muster {
namespace {

using Lines = std::span<const std::string_view>;

// Of the table that is looked through: 4 MiB.
constexpr std::size_t kMostPairs = std::size_t{1} << 20;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void put(std::string& out, char sign, std::string_view line) {
  out += sign;
  out += ' ';
  out += line;
  out += '\n';
}

// How many lines the rests of both have in common at most, for each pair of rests.
std::vector<std::uint32_t> common_lines(Lines before, Lines after) {
  const std::size_t width = after.size() + 1;
  std::vector<std::uint32_t> common((before.size() + 1) * width);
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i * width + j] =
          before[i] == after[j] ? common[(i + 1) * width + j + 1] + 1
                                : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  return common;
}

}  // namespace

std::string line_diff(std::string_view before_text, std::string_view after_text) {
  const std::vector<std::string_view> before_lines = lines_of(before_text);
  const std::vector<std::string_view> after_lines = lines_of(after_text);
  Lines before(before_lines);
  Lines after(after_lines);
  while (!before.empty() && !after.empty() && before.front() == after.front()) {
    before = before.subspan(1);
    after = after.subspan(1);
  }
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    before = before.first(before.size() - 1);
    after = after.first(after.size() - 1);
  }
  std::vector<std::uint32_t> common;
  const std::size_t width = after.size() + 1;
  if ((before.size() + 1) * width <= kMostPairs) common = common_lines(before, after);

  std::string out;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (!common.empty() && i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
    } else if (i < before.size() && (common.empty() || j == after.size() ||
                                     common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      put(out, '-', before[i++]);
    } else {
      put(out, '+', after[j++]);
    }
  }
  return out;
}

}  // namespace muster
