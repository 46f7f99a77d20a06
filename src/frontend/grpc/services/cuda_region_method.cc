// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/cuda_region_method.h"

#include <utility>

#include "frontend/grpc/services/deferred_method.h"
#include "open_inference.pb.h"
#include "protocol/control_messages.h"

namespace muster {
namespace {

struct CudaRegionMethod {
  using Request = ::inference::CudaSharedMemoryRegisterRequest;
  using Reply = ::inference::CudaSharedMemoryRegisterResponse;

  static Status begin(const FrontServices& services, const Request& request,
                      SharedMemoryRegions::Done done) {
    MUSTER_RETURN_IF_ERROR(services.regions.cuda_supported());
    MUSTER_ASSIGN_OR_RETURN(CudaRegionOrder order, cuda_region_order(request));
    services.regions.add_cuda(std::move(order), std::move(done));
    return {};
  }
};

}  // namespace

GrpcMethod cuda_region_method() {
  return deferred_method<CudaRegionMethod>(
      "/inference.GRPCInferenceService/CudaSharedMemoryRegister", Right::kAdmin);
}

}  // namespace muster
