// SPDX-License-Identifier: Apache-2.0
// Targets: a request's path to the endpoint that answers it, and who may ask there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/access_policy.h"
#include "frontend/http/message/request_head.h"

namespace muster {

enum class Endpoint : std::uint8_t {
  kNone,
  kServerLive,
  kServerReady,
  kServerMetadata,
  kModelReady,
  kModelMetadata,
  kModelConfig,
  kStatistics,
  kExplain,
  kInfer,
  kClassify,
  kIndex,
  kLoad,
  kUnload,
  kTraceSettings,
  kLogSettings,
  kSystemRegions,
  kRegisterSystemRegion,
  kUnregisterSystemRegion,
  kCudaRegions,
  kRegisterCudaRegion,
  kUnregisterCudaRegion,
  kMetrics,
};

struct Route {
  Endpoint endpoint = Endpoint::kNone;
  std::string model;    // decoded; "" = the path names none
  std::string version;  // likewise
  std::string region;   // likewise
  std::string query;    // behind '?', as it came
  Right right = Right::kInfer;
  bool get = false;  // the methods that are allowed
  bool post = false;

  [[nodiscard]] bool allows(Method method) const noexcept;
  // "GET, HEAD"
  [[nodiscard]] std::string_view allowed() const noexcept;
};

// Finds the endpoint of `target`: a path, or a whole URL, of which host and query are passed over.
// kNone where there is none; an error where a %-escape is malformed. `route` keeps its strings'
// memory. `method` only says which right is needed.
[[nodiscard]] Status find_route(std::string_view target, Method method, Route& route);

// The value of `name` in a query, decoded; nothing where it is missing.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace muster
