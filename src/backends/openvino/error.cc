// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "base/text.h"

namespace muster::openvino {
namespace {

constexpr std::size_t kMaxMessageBytes = 600;

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front())) != 0)
    line.remove_prefix(1);
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0)
    line.remove_suffix(1);
  return line;
}

// "src/inference/src/cpp/core.cpp:84:" at the end.
bool ends_in_source_line(std::string_view line) {
  if (!line.ends_with(':')) return false;
  line.remove_suffix(1);
  const std::size_t colon = line.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == line.size()) return false;
  const std::string_view digits = line.substr(colon + 1);
  const bool is_number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return is_number && line.substr(0, colon).find("src/") != std::string_view::npos;
}

// Lines that say where in the runtime it happened, and no more.
bool says_nothing(std::string_view line) {
  constexpr std::array<std::string_view, 5> kHeadings = {
      "Loading input model", "Model wasn't fully converted.",
      "Summary:", "FrontEnd API failed with ",
      "Model wasn't fully converted. Failed operations detailed log:"};
  if (line.empty() || ends_in_source_line(line)) return true;
  return std::ranges::any_of(kHeadings, [&](std::string_view heading) {
    return heading.ends_with(' ') ? line.starts_with(heading) : line == heading;
  });
}

bool is_of_memory(std::string_view message) {
  constexpr std::array<std::string_view, 4> kWords = {"bad_alloc", "out of memory",
                                                      "ailed to allocate", "annot allocate"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return message.find(word) != std::string_view::npos; });
}

}  // namespace

std::string one_line(std::string_view runtime_message) {
  std::string text;
  while (!runtime_message.empty()) {
    const std::size_t end = std::min(runtime_message.find('\n'), runtime_message.size());
    std::string_view line = trimmed(runtime_message.substr(0, end));
    runtime_message.remove_prefix(std::min(end + 1, runtime_message.size()));
    if (says_nothing(line)) continue;
    if (line.starts_with("-- ")) line.remove_prefix(3);
    // The first line of an exception's kind and place: "NotFound: Unsupported property".
    if (!text.empty()) text += text.ends_with(':') ? " " : "; ";
    text += line;
  }
  while (text.ends_with('.') || text.ends_with(' ') || text.ends_with(':'))
    text.pop_back();
  if (text.empty()) text = "the runtime gave no reason";
  return printable(text, kMaxMessageBytes);
}

Status status_of(const std::exception& exception) {
  std::string message = one_line(exception.what());
  if (is_of_memory(message)) return resource_exhausted(std::move(message));
  if (dynamic_cast<const ov::NotImplemented*>(&exception) != nullptr) {
    return unimplemented(std::move(message));
  }
  return internal_error(std::move(message));
}

}  // namespace muster::openvino
