// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/target.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

Route route_of(std::string_view target, Method method = Method::kGet) {
  Route route;
  EXPECT_TRUE(find_route(target, method, route).ok()) << target;
  return route;
}

TEST(TargetTest, finds_each_endpoint_with_and_without_a_version) {
  const std::vector<std::pair<std::string_view, Endpoint>> cases = {
      {"/v2", Endpoint::kServerMetadata},
      {"/v2/health/live", Endpoint::kServerLive},
      {"/v2/health/ready", Endpoint::kServerReady},
      {"/v2/models/m", Endpoint::kModelMetadata},
      {"/v2/models/m/versions/1", Endpoint::kModelMetadata},
      {"/v2/models/m/ready", Endpoint::kModelReady},
      {"/v2/models/m/versions/1/ready", Endpoint::kModelReady},
      {"/v2/models/m/config", Endpoint::kModelConfig},
      {"/v2/models/m/versions/1/config", Endpoint::kModelConfig},
      {"/v2/models/m/stats", Endpoint::kStatistics},
      {"/v2/models/m/versions/1/stats", Endpoint::kStatistics},
      {"/v2/models/stats", Endpoint::kStatistics},
      {"/v2/models/m/explain", Endpoint::kExplain},
      {"/v2/models/m/versions/1/explain", Endpoint::kExplain},
      {"/v2/models/m/infer", Endpoint::kInfer},
      {"/v2/models/m/versions/1/infer", Endpoint::kInfer},
      {"/v2/models/m/classify", Endpoint::kClassify},
      {"/v2/models/m/versions/1/classify", Endpoint::kClassify},
      {"/v2/repository/index", Endpoint::kIndex},
      {"/v2/repository/models/m/load", Endpoint::kLoad},
      {"/v2/repository/models/m/unload", Endpoint::kUnload},
      {"/v2/trace/setting", Endpoint::kTraceSettings},
      {"/v2/models/m/trace/setting", Endpoint::kTraceSettings},
      {"/v2/logging", Endpoint::kLogSettings},
      {"/v2/systemsharedmemory/status", Endpoint::kSystemRegions},
      {"/v2/systemsharedmemory/region/r/status", Endpoint::kSystemRegions},
      {"/v2/systemsharedmemory/region/r/register", Endpoint::kRegisterSystemRegion},
      {"/v2/systemsharedmemory/region/r/unregister", Endpoint::kUnregisterSystemRegion},
      {"/v2/systemsharedmemory/unregister", Endpoint::kUnregisterSystemRegion},
      {"/v2/cudasharedmemory/status", Endpoint::kCudaRegions},
      {"/v2/cudasharedmemory/region/r/register", Endpoint::kRegisterCudaRegion},
      {"/v2/cudasharedmemory/unregister", Endpoint::kUnregisterCudaRegion},
      {"/metrics", Endpoint::kMetrics},
  };
  for (const auto& [target, endpoint] : cases) {
    EXPECT_EQ(route_of(target).endpoint, endpoint) << target;
  }
}

TEST(TargetTest, takes_names_out_of_the_path_and_decodes_them) {
  const Route route = route_of("/v2/models/le%20net%2f%C3%A9/versions/12/infer?a=b#c");
  EXPECT_EQ(route.endpoint, Endpoint::kInfer);
  EXPECT_EQ(route.model, "le net/\xC3\xA9");
  EXPECT_EQ(route.version, "12");
  EXPECT_EQ(route.query, "a=b");
  EXPECT_EQ(route_of("/v2/systemsharedmemory/region/in%2D0/status").region, "in-0");
}

TEST(TargetTest, a_whole_url_is_as_good_as_its_path) {
  EXPECT_EQ(route_of("http://localhost:8000/v2/models/m").model, "m");
  EXPECT_EQ(route_of("HTTPS://h").endpoint, Endpoint::kNone);
}

TEST(TargetTest, what_is_not_there_is_not_found) {
  for (const std::string_view target :
       {"", "/", "*", "v2", "/v1", "/v2/", "/v2/models", "/v2/models/", "/v2/models/m/",
        "/v2/models//infer", "/v2/models/m/versions//infer", "/v2/models/m/versions/1/infer/x",
        "/v2/models/m/infer/", "//v2", "/V2", "/v2/health", "/v2/models/m/versions", "http:/v2",
        "/v2/../v2"}) {
    Route route;
    EXPECT_TRUE(find_route(target, Method::kGet, route).ok());
    EXPECT_EQ(route.endpoint, Endpoint::kNone) << target;
  }
}

TEST(TargetTest, a_malformed_escape_is_refused) {
  for (const std::string_view target :
       {"/v2/models/%/infer", "/v2/models/%2/infer", "/v2/models/%zz/infer", "/v2/models/a%"}) {
    Route route;
    EXPECT_FALSE(find_route(target, Method::kPost, route).ok()) << target;
  }
}

TEST(TargetTest, knows_which_methods_are_allowed) {
  const Route infer = route_of("/v2/models/m/infer");
  EXPECT_TRUE(infer.allows(Method::kPost));
  EXPECT_FALSE(infer.allows(Method::kGet));
  EXPECT_EQ(infer.allowed(), "POST");
  const Route live = route_of("/v2/health/live");
  EXPECT_TRUE(live.allows(Method::kHead));
  EXPECT_FALSE(live.allows(Method::kPost));
  EXPECT_EQ(route_of("/v2/logging").allowed(), "GET, HEAD, POST");
  EXPECT_FALSE(route_of("/v2/logging").allows(Method::kOther));
}

TEST(TargetTest, changing_needs_more_than_reading) {
  EXPECT_EQ(route_of("/v2/logging").right, Right::kInfer);
  EXPECT_EQ(route_of("/v2/logging", Method::kPost).right, Right::kAdmin);
  EXPECT_EQ(route_of("/v2/repository/index", Method::kPost).right, Right::kInfer);
  EXPECT_EQ(route_of("/v2/repository/models/m/load", Method::kPost).right, Right::kAdmin);
  EXPECT_EQ(route_of("/v2/systemsharedmemory/status").right, Right::kAdmin);
  EXPECT_EQ(route_of("/metrics").right, Right::kMetrics);
  EXPECT_EQ(route_of("/v2/models/m/explain").right, Right::kInfer);
  EXPECT_EQ(route_of("/v2/health/live").right, Right::kHealth);
}

TEST(TargetTest, reads_a_query) {
  EXPECT_EQ(query_value("a=1&top_k=%35&top_k=6", "top_k"), "5");
  EXPECT_EQ(query_value("top_k", "top_k"), "");
  EXPECT_EQ(query_value("xtop_k=1", "top_k"), std::nullopt);
  EXPECT_EQ(query_value("top_k=%", "top_k"), std::nullopt);
  EXPECT_EQ(query_value("", "top_k"), std::nullopt);
}

}  // namespace
}  // namespace muster
