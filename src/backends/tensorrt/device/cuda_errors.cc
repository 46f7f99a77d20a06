// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <cuda_runtime_api.h>

#include "backends/tensorrt/device/cuda_device.h"

namespace muster::tensorrt {
namespace {

StatusCode code_of(int error) {
  switch (static_cast<cudaError_t>(error)) {
    case cudaErrorMemoryAllocation:
      return StatusCode::kResourceExhausted;
    case cudaErrorInsufficientDriver:
    case cudaErrorStubLibrary:
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorSystemNotReady:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice:
      return StatusCode::kFailedPrecondition;
    case cudaErrorCudartUnloading:
    case cudaErrorDevicesUnavailable:
      return StatusCode::kUnavailable;
    // After these every further call in the context fails with the same.
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case static_cast<cudaError_t>(226):  // contained, and
    case static_cast<cudaError_t>(911):  // external device: CUDA 12 has no names for them
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
      return kBrokenForGood;
    default:
      return StatusCode::kInternal;
  }
}

}  // namespace

Status status_of_cuda(int error, const std::string& what) {
  if (error == 0) return {};
  const auto code = static_cast<cudaError_t>(error);
  return {code_of(error), what + ": CUDA says: " + cudaGetErrorString(code) + " (" +
                              cudaGetErrorName(code) + ", " + std::to_string(error) + ")"};
}

}  // namespace muster::tensorrt
