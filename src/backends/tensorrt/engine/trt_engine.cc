// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trt_engine.h"

#include <utility>
#include <vector>

#include <NvInferRuntime.h>

#include "backends/tensorrt/engine/budget_allocator.h"
#include "backends/tensorrt/engine/engine_outline.h"
#include "backends/tensorrt/engine/trt_context.h"
#include "backends/tensorrt/engine/trt_failure.h"
#include "backends/tensorrt/engine/trt_log.h"

namespace muster::tensorrt {
namespace {

// How the builder here marks its engines: "muster fp16".
constexpr std::string_view kNameOfOurs = "muster ";

// In this order: the runtime ends before the memory that it takes.
struct RuntimeParts {
  explicit RuntimeParts(Device& of) : device(of), memory(of) {}
  Device& device;
  BudgetAllocator memory;
  std::unique_ptr<nvinfer1::IRuntime> runtime;
};

class TrtEngine final : public Engine, public std::enable_shared_from_this<TrtEngine> {
 public:
  TrtEngine(std::shared_ptr<RuntimeParts> parts, std::unique_ptr<nvinfer1::ICudaEngine> engine,
            EngineOutline outline, std::uint64_t weight_bytes)
      : parts_(std::move(parts)),
        engine_(std::move(engine)),
        outline_(std::move(outline)),
        weight_bytes_(weight_bytes) {}

  [[nodiscard]] std::span<const EnginePort> ports() const override { return outline_.ports; }
  [[nodiscard]] std::span<const ProfileRange> profiles() const override {
    return outline_.profiles;
  }
  [[nodiscard]] std::size_t activation_bytes(int profile) const override {
    const std::int64_t bytes = engine_->getDeviceMemorySizeForProfileV2(profile);
    return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
  }
  [[nodiscard]] std::uint64_t weight_bytes() const override { return weight_bytes_; }

  [[nodiscard]] Result<std::unique_ptr<EngineContext>> new_context() const override {
    std::unique_ptr<nvinfer1::IExecutionContext> context(engine_->createExecutionContext(
        nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
    if (!context) return trt_failure(parts_->device, "an execution context");
    return std::make_unique<TrtContext>(shared_from_this(), outline_.ports, parts_->device,
                                        std::move(context));
  }

  [[nodiscard]] std::string precision() const override {
    const char* const name = engine_->getName();
    const std::string_view text = name == nullptr ? "" : name;
    return text.starts_with(kNameOfOurs) ? std::string(text.substr(kNameOfOurs.size()))
                                         : std::string();
  }

 private:
  const std::shared_ptr<RuntimeParts> parts_;
  const std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  const EngineOutline outline_;
  const std::uint64_t weight_bytes_;
};

// The words with which TensorRT refuses what another version of it wrote, or for another GPU.
bool is_for_another(std::string_view said) {
  for (const std::string_view words : {"please rebuild", "not compatible", "incompatible",
                                       "expecting", "Version tag does not match"}) {
    if (said.find(words) != std::string_view::npos) return true;
  }
  return false;
}

Status refusal(Device& device) {
  const Status failed = trt_failure(device, "the engine");
  if (failed.code() != StatusCode::kInternal) return failed;
  const std::string message(failed.message());
  if (!is_for_another(message)) return invalid_argument(message);
  return failed_precondition(message +
                             "; an engine runs on the version of TensorRT and the kind of "
                             "GPU that it was built with: build it here (muster "
                             "build-engine)");
}

class Runtime final : public TrtRuntime {
 public:
  explicit Runtime(std::shared_ptr<RuntimeParts> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] Result<std::shared_ptr<const Engine>> read(std::string_view plan) override {
    if (plan.empty()) return invalid_argument("the engine is empty");
    (void)take_trt_error();
    const std::uint64_t before = parts_->memory.bytes();
    std::unique_ptr<nvinfer1::ICudaEngine> engine(
        parts_->runtime->deserializeCudaEngine(plan.data(), plan.size()));
    if (!engine) return refusal(parts_->device);
    const std::uint64_t weights = parts_->memory.bytes() - before;
    MUSTER_ASSIGN_OR_RETURN(EngineOutline outline, outline_engine(*engine, parts_->device));
    return std::shared_ptr<const Engine>(
        std::make_shared<TrtEngine>(parts_, std::move(engine), std::move(outline), weights));
  }

 private:
  const std::shared_ptr<RuntimeParts> parts_;
};

}  // namespace

Result<std::shared_ptr<TrtRuntime>> TrtRuntime::create(Device& device) {
  MUSTER_RETURN_IF_ERROR(device.use_on_this_thread());
  if (getInferLibMajorVersion() != NV_TENSORRT_MAJOR) {
    return failed_precondition("TensorRT " + tensorrt_version() +
                               " is loaded, this backend was built for version " +
                               std::to_string(NV_TENSORRT_MAJOR) + ": install that one");
  }
  auto parts = std::make_shared<RuntimeParts>(device);
  (void)take_trt_error();
  parts->runtime.reset(nvinfer1::createInferRuntime(trt_log()));
  if (!parts->runtime) return trt_failure(device, "TensorRT's runtime");
  parts->runtime->setGpuAllocator(&parts->memory);
  return std::shared_ptr<TrtRuntime>(std::make_shared<Runtime>(std::move(parts)));
}

std::string tensorrt_version() {
  return std::to_string(getInferLibMajorVersion()) + "." +
         std::to_string(getInferLibMinorVersion()) + "." +
         std::to_string(getInferLibPatchVersion()) + "." +
         std::to_string(getInferLibBuildVersion());
}

}  // namespace muster::tensorrt
