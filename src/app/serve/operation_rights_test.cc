// SPDX-License-Identifier: Apache-2.0
// What may be asked over both transports takes the same right over both.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/grpc/calls/infer_method.h"
#include "frontend/grpc/services/generic_methods.h"
#include "frontend/http/message/target.h"

namespace muster {
namespace {

constexpr std::string_view kOip = "/inference.GRPCInferenceService/";

struct Operation {
  std::string_view over_grpc;  // behind kOip
  Method method;
  std::string_view path;
  Right right;
};

constexpr std::array kOperations = {
    Operation{"ServerLive", Method::kGet, "/v2/health/live", Right::kHealth},
    Operation{"ServerReady", Method::kGet, "/v2/health/ready", Right::kHealth},
    Operation{"ModelReady", Method::kGet, "/v2/models/m/ready", Right::kHealth},
    Operation{"ServerMetadata", Method::kGet, "/v2", Right::kInfer},
    Operation{"ModelMetadata", Method::kGet, "/v2/models/m", Right::kInfer},
    Operation{"ModelConfig", Method::kGet, "/v2/models/m/config", Right::kInfer},
    Operation{"ModelStatistics", Method::kGet, "/v2/models/m/stats", Right::kInfer},
    Operation{"ModelInfer", Method::kPost, "/v2/models/m/infer", Right::kInfer},
    Operation{"ModelStreamInfer", Method::kPost, "/v2/models/m/infer", Right::kInfer},
    Operation{"RepositoryIndex", Method::kPost, "/v2/repository/index", Right::kInfer},
    Operation{"RepositoryModelLoad", Method::kPost, "/v2/repository/models/m/load", Right::kAdmin},
    Operation{"RepositoryModelUnload", Method::kPost, "/v2/repository/models/m/unload",
              Right::kAdmin},
    Operation{"SystemSharedMemoryStatus", Method::kGet, "/v2/systemsharedmemory/status",
              Right::kAdmin},
    Operation{"SystemSharedMemoryStatus", Method::kGet, "/v2/systemsharedmemory/region/r/status",
              Right::kAdmin},
    Operation{"SystemSharedMemoryRegister", Method::kPost,
              "/v2/systemsharedmemory/region/r/register", Right::kAdmin},
    Operation{"SystemSharedMemoryUnregister", Method::kPost, "/v2/systemsharedmemory/unregister",
              Right::kAdmin},
    Operation{"SystemSharedMemoryUnregister", Method::kPost,
              "/v2/systemsharedmemory/region/r/unregister", Right::kAdmin},
    Operation{"CudaSharedMemoryStatus", Method::kGet, "/v2/cudasharedmemory/status", Right::kAdmin},
    Operation{"CudaSharedMemoryStatus", Method::kGet, "/v2/cudasharedmemory/region/r/status",
              Right::kAdmin},
    Operation{"CudaSharedMemoryRegister", Method::kPost, "/v2/cudasharedmemory/region/r/register",
              Right::kAdmin},
    Operation{"CudaSharedMemoryUnregister", Method::kPost, "/v2/cudasharedmemory/unregister",
              Right::kAdmin},
    Operation{"CudaSharedMemoryUnregister", Method::kPost,
              "/v2/cudasharedmemory/region/r/unregister", Right::kAdmin},
    // Over gRPC one method reads and changes.
    Operation{"TraceSetting", Method::kGet, "/v2/trace/setting", Right::kInfer},
    Operation{"TraceSetting", Method::kPost, "/v2/trace/setting", Right::kAdmin},
    Operation{"TraceSetting", Method::kGet, "/v2/models/m/trace/setting", Right::kInfer},
    Operation{"TraceSetting", Method::kPost, "/v2/models/m/trace/setting", Right::kAdmin},
    Operation{"LogSettings", Method::kGet, "/v2/logging", Right::kInfer},
    Operation{"LogSettings", Method::kPost, "/v2/logging", Right::kAdmin},
};

std::vector<Right> rights_over_grpc(std::string_view path) {
  if (path == kModelInferPath) return {kModelInferRight};
  const std::vector<GrpcMethod> methods = generic_methods();
  const auto found = std::ranges::find(methods, path, &GrpcMethod::path);
  if (found == methods.end()) return {};
  if (found->or_right) return {found->right, *found->or_right};
  return {found->right};
}

TEST(OperationRightsTest, are_the_same_over_both_transports) {
  for (const Operation& operation : kOperations) {
    const std::string path = std::string(kOip) + std::string(operation.over_grpc);
    Route route;
    ASSERT_TRUE(find_route(operation.path, operation.method, route).ok()) << operation.path;
    ASSERT_NE(route.endpoint, Endpoint::kNone) << operation.path;
    EXPECT_TRUE(route.allows(operation.method)) << operation.path;
    EXPECT_EQ(route.right, operation.right) << operation.path;
    const std::vector<Right> over_grpc = rights_over_grpc(path);
    EXPECT_TRUE(std::ranges::count(over_grpc, operation.right) == 1) << path;
  }
}

// No right of a method that no row above has: neither a forgotten method nor a second way in.
TEST(OperationRightsTest, are_all_in_that_table) {
  for (const GrpcMethod& method : generic_methods()) {
    if (!method.path.starts_with(kOip)) continue;  // health and reflection, which HTTP has not
    for (const Right right : rights_over_grpc(method.path)) {
      EXPECT_TRUE(std::ranges::any_of(kOperations, [&](const Operation& operation) {
        return operation.over_grpc == method.path.substr(kOip.size()) && operation.right == right;
      })) << method.path;
    }
  }
}

}  // namespace
}  // namespace muster
