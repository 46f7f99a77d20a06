// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/generic_methods.h"

#include "frontend/grpc/services/control_methods.h"
#include "frontend/grpc/services/cuda_region_method.h"
#include "frontend/grpc/services/health.h"
#include "frontend/grpc/services/load_method.h"
#include "frontend/grpc/services/reflection.h"
#include "frontend/grpc/services/stream_infer.h"

namespace muster {

std::vector<GrpcMethod> generic_methods() {
  std::vector<GrpcMethod> methods = {stream_infer_method(), load_method(), cuda_region_method()};
  const auto add = [&methods](const auto& more) {
    methods.insert(methods.end(), more.begin(), more.end());
  };
  add(control_methods());
  add(health_methods());
  add(reflection_methods());
  return methods;
}

}  // namespace muster
