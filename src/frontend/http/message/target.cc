// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/target.h"

#include <array>

#include "frontend/http/message/header_list.h"

namespace muster {
namespace {

enum class Methods : std::uint8_t { kGet, kPost, kBoth };

// '*' stands for one segment, whose meaning the segment before it tells. Where both methods are
// allowed, reading needs `right` and changing kAdmin.
struct Row {
  std::string_view pattern;
  Endpoint endpoint;
  Methods methods;
  Right right;
};

constexpr auto kRows = std::to_array<Row>({
    {"v2/models/*/infer", Endpoint::kInfer, Methods::kPost, Right::kInfer},
    {"v2/models/*/versions/*/infer", Endpoint::kInfer, Methods::kPost, Right::kInfer},
    {"v2/models/*/classify", Endpoint::kClassify, Methods::kPost, Right::kInfer},
    {"v2/models/*/versions/*/classify", Endpoint::kClassify, Methods::kPost, Right::kInfer},
    {"v2/health/live", Endpoint::kServerLive, Methods::kGet, Right::kHealth},
    {"v2/health/ready", Endpoint::kServerReady, Methods::kGet, Right::kHealth},
    {"metrics", Endpoint::kMetrics, Methods::kGet, Right::kMetrics},
    {"v2", Endpoint::kServerMetadata, Methods::kGet, Right::kInfer},
    {"v2/models/stats", Endpoint::kStatistics, Methods::kGet, Right::kInfer},
    {"v2/models/*", Endpoint::kModelMetadata, Methods::kGet, Right::kInfer},
    {"v2/models/*/versions/*", Endpoint::kModelMetadata, Methods::kGet, Right::kInfer},
    {"v2/models/*/ready", Endpoint::kModelReady, Methods::kGet, Right::kHealth},
    {"v2/models/*/versions/*/ready", Endpoint::kModelReady, Methods::kGet, Right::kHealth},
    {"v2/models/*/config", Endpoint::kModelConfig, Methods::kGet, Right::kInfer},
    {"v2/models/*/versions/*/config", Endpoint::kModelConfig, Methods::kGet, Right::kInfer},
    {"v2/models/*/stats", Endpoint::kStatistics, Methods::kGet, Right::kInfer},
    {"v2/models/*/versions/*/stats", Endpoint::kStatistics, Methods::kGet, Right::kInfer},
    {"v2/models/*/explain", Endpoint::kExplain, Methods::kGet, Right::kInfer},
    {"v2/models/*/versions/*/explain", Endpoint::kExplain, Methods::kGet, Right::kInfer},
    {"v2/repository/index", Endpoint::kIndex, Methods::kPost, Right::kInfer},
    {"v2/repository/models/*/load", Endpoint::kLoad, Methods::kPost, Right::kAdmin},
    {"v2/repository/models/*/unload", Endpoint::kUnload, Methods::kPost, Right::kAdmin},
    {"v2/trace/setting", Endpoint::kTraceSettings, Methods::kBoth, Right::kInfer},
    {"v2/models/*/trace/setting", Endpoint::kTraceSettings, Methods::kBoth, Right::kInfer},
    {"v2/logging", Endpoint::kLogSettings, Methods::kBoth, Right::kInfer},
    {"v2/systemsharedmemory/status", Endpoint::kSystemRegions, Methods::kGet, Right::kAdmin},
    {"v2/systemsharedmemory/region/*/status", Endpoint::kSystemRegions, Methods::kGet,
     Right::kAdmin},
    {"v2/systemsharedmemory/region/*/register", Endpoint::kRegisterSystemRegion, Methods::kPost,
     Right::kAdmin},
    {"v2/systemsharedmemory/unregister", Endpoint::kUnregisterSystemRegion, Methods::kPost,
     Right::kAdmin},
    {"v2/systemsharedmemory/region/*/unregister", Endpoint::kUnregisterSystemRegion, Methods::kPost,
     Right::kAdmin},
    {"v2/cudasharedmemory/status", Endpoint::kCudaRegions, Methods::kGet, Right::kAdmin},
    {"v2/cudasharedmemory/region/*/status", Endpoint::kCudaRegions, Methods::kGet, Right::kAdmin},
    {"v2/cudasharedmemory/region/*/register", Endpoint::kRegisterCudaRegion, Methods::kPost,
     Right::kAdmin},
    {"v2/cudasharedmemory/unregister", Endpoint::kUnregisterCudaRegion, Methods::kPost,
     Right::kAdmin},
    {"v2/cudasharedmemory/region/*/unregister", Endpoint::kUnregisterCudaRegion, Methods::kPost,
     Right::kAdmin},
});

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Appends; false where an escape is malformed.
bool decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = digit_of(text[i + 1]);
    const int low = digit_of(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

std::string_view next_segment(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('/');
  const std::string_view segment = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return segment;
}

struct Captures {
  std::string_view model;
  std::string_view version;
  std::string_view region;
};

bool match(std::string_view pattern, std::string_view path, Captures& captures) noexcept {
  std::string_view before;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = next_segment(pattern);
    // A path that ends in '/' is none of ours.
    if (path.back() == '/') return false;
    const std::string_view segment = next_segment(path);
    if (wanted == "*") {
      if (segment.empty()) return false;
      if (before == "models") captures.model = segment;
      if (before == "versions") captures.version = segment;
      if (before == "region") captures.region = segment;
    } else if (wanted != segment) {
      return false;
    }
    before = wanted;
  }
  return pattern.empty() && path.empty();
}

// The path without its first '/', or nothing where `target` has none.
std::optional<std::string_view> path_of(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() ||
        !equals_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      continue;
    }
    const std::size_t slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  if (!target.starts_with('/')) return std::nullopt;
  return target.substr(1);
}

}  // namespace

bool Route::allows(Method method) const noexcept {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
      return get;
    case Method::kPost:
      return post;
    case Method::kOther:
      break;
  }
  return false;
}

std::string_view Route::allowed() const noexcept {
  if (get) return post ? "GET, HEAD, POST" : "GET, HEAD";
  return "POST";
}

Status find_route(std::string_view target, Method method, Route& route) {
  route.endpoint = Endpoint::kNone;
  route.model.clear();
  route.version.clear();
  route.region.clear();
  route.query.clear();
  const auto whole = path_of(target.substr(0, target.find('#')));
  if (!whole) return {};
  const std::size_t mark = whole->find('?');
  const std::string_view path = whole->substr(0, mark);
  if (mark != std::string_view::npos) route.query = whole->substr(mark + 1);
  for (const Row& row : kRows) {
    Captures captures;
    if (!match(row.pattern, path, captures)) continue;
    route.get = row.methods != Methods::kPost;
    route.post = row.methods != Methods::kGet;
    const bool changes = row.methods == Methods::kBoth && method == Method::kPost;
    route.right = changes ? Right::kAdmin : row.right;
    if (!decode(captures.model, route.model) || !decode(captures.version, route.version) ||
        !decode(captures.region, route.region)) {
      return invalid_argument("the path has a '%' that two hexadecimal digits do not follow");
    }
    route.endpoint = row.endpoint;
    return {};
  }
  return {};
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    std::string value;
    if (equals != std::string_view::npos && !decode(pair.substr(equals + 1), value)) {
      return std::nullopt;
    }
    return value;
  }
  return std::nullopt;
}

}  // namespace muster
