// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/ir_outline.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "base/text.h"

namespace muster::openvino {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

Status no_ir(std::string_view reason) {
  return invalid_argument("not an OpenVINO IR model (" + std::string(reason) + ")");
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// What stands between '<' and '>', and reads past it; quotes may hold any of them.
std::optional<std::string_view> take_tag(std::string_view& rest) {
  char quote = '\0';
  for (std::size_t i = 1; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      const std::string_view tag = rest.substr(1, i - 1);
      rest.remove_prefix(i + 1);
      return tag;
    }
  }
  return std::nullopt;
}

std::string_view name_of(std::string_view tag) {
  const auto end = std::ranges::find_if(tag, [](char c) { return is_space(c) || c == '/'; });
  return {tag.begin(), end};
}

// The value of an attribute of that name, nothing where the tag has none.
std::optional<std::string_view> attribute(std::string_view tag, std::string_view name) {
  std::size_t at = name_of(tag).size();
  while (true) {
    while (at < tag.size() && (is_space(tag[at]) || tag[at] == '/'))
      ++at;
    const std::size_t equals = tag.find('=', at);
    if (equals == kNowhere) return std::nullopt;
    std::string_view found = tag.substr(at, equals - at);
    while (!found.empty() && is_space(found.back()))
      found.remove_suffix(1);
    std::size_t open = equals + 1;
    while (open < tag.size() && is_space(tag[open]))
      ++open;
    if (open >= tag.size() || (tag[open] != '"' && tag[open] != '\'')) return std::nullopt;
    const std::size_t close = tag.find(tag[open], open + 1);
    if (close == kNowhere) return std::nullopt;
    if (found == name) return tag.substr(open + 1, close - open - 1);
    at = close + 1;
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status add_weights(std::string_view tag, IrOutline& outline) {
  const auto offset = attribute(tag, "offset");
  const auto size = attribute(tag, "size");
  if (!offset || !size) return {};
  const auto from = number(*offset);
  const auto count = number(*size);
  std::uint64_t end = 0;
  if (!from || !count || __builtin_add_overflow(*from, *count, &end)) {
    return no_ir("a constant of " + printable(*size) + " bytes at " + printable(*offset));
  }
  outline.weight_bytes = std::max(outline.weight_bytes, end);
  return {};
}

// Reads past what begins with `open` and ends with `close`.
bool skip(std::string_view& rest, std::string_view open, std::string_view close) {
  if (!rest.starts_with(open)) return false;
  const std::size_t end = rest.find(close, open.size());
  rest.remove_prefix(end == kNowhere ? rest.size() : end + close.size());
  return true;
}

}  // namespace

Result<IrOutline> outline_ir(std::string_view xml) {
  IrOutline outline;
  std::size_t depth = 0;
  bool any = false;
  std::string_view rest = xml;
  for (std::size_t next = rest.find('<'); next != kNowhere; next = rest.find('<')) {
    rest.remove_prefix(next);
    if (skip(rest, "<!--", "-->") || skip(rest, "<![CDATA[", "]]>") || skip(rest, "<?", "?>")) {
      continue;
    }
    // No IR has one, and entities could stand for anything.
    if (rest.starts_with("<!")) return no_ir("it has a document type");
    const std::optional<std::string_view> tag = take_tag(rest);
    if (!tag) return no_ir("a tag does not end");
    if (tag->starts_with('/')) {
      if (depth == 0) return no_ir("a tag ends that did not begin");
      --depth;
      continue;
    }
    if (!any && name_of(*tag) != "net") return no_ir("it does not begin with <net>");
    any = true;
    if (name_of(*tag) == "data") MUSTER_RETURN_IF_ERROR(add_weights(*tag, outline));
    if (tag->ends_with('/')) continue;
    if (++depth > kMaxIrNesting) {
      return no_ir("more than " + std::to_string(kMaxIrNesting) + " elements within each other");
    }
  }
  if (!any) return no_ir("it holds no XML");
  if (depth != 0) return no_ir("it is cut short");
  return outline;
}

Result<IrOutline> outline_ir_file(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return not_found("there is no such file, or none that can be read");
  if (size > kMaxIrBytes) {
    return invalid_argument("it is larger than " + std::to_string(kMaxIrBytes) + " bytes");
  }
  std::string xml(static_cast<std::size_t>(size), '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.read(xml.data(), static_cast<std::streamsize>(xml.size()));
  if (static_cast<std::uintmax_t>(stream.gcount()) != size) {
    return failed_precondition("it cannot be read");
  }
  return outline_ir(xml);
}

}  // namespace muster::openvino
