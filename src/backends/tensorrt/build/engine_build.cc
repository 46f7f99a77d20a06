// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/engine_build.h"

#include <memory>
#include <string_view>
#include <utility>

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include "backends/tensorrt/build/builder_settings.h"
#include "backends/tensorrt/build/network_edit.h"
#include "backends/tensorrt/build/progress_monitor.h"
#include "backends/tensorrt/engine/trt_failure.h"
#include "backends/tensorrt/engine/trt_log.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

constexpr std::size_t kMaxReasonBytes = 1000;

Status stopped() {
  return {StatusCode::kCancelled, "the build was stopped"};
}

std::string_view bytes_of(const nvinfer1::IHostMemory& memory) {
  return {static_cast<const char*>(memory.data()), memory.size()};
}

// "node 12 'conv1' (Conv): what is wrong with it".
std::string text_of(const nvonnxparser::IParserError& error) {
  std::string text;
  const char* const name = error.nodeName();
  const char* const operation = error.nodeOperator();
  if (error.node() >= 0) text += "node " + std::to_string(error.node());
  if (name != nullptr && *name != '\0') text += " '" + printable(name) + "'";
  if (operation != nullptr && *operation != '\0') text += " (" + printable(operation) + ")";
  const char* const words = error.desc();
  if (!text.empty()) text += ": ";
  return text + printable(words == nullptr ? "no reason given" : words, kMaxReasonBytes);
}

class EngineBuild {
 public:
  explicit EngineBuild(const BuildOrder& order)
      : order_(order), monitor_(order.listener, steady_clock()) {}

  Result<BuiltEngine> run() {
    // What was told of something else.
    (void)take_trt_error();
    builder_.reset(nvinfer1::createInferBuilder(trt_log()));
    if (builder_ == nullptr) return failure("no builder was made");
    if (!monitor_.say("reading the model")) return stopped();
    MUSTER_RETURN_IF_ERROR(parse());
    if (monitor_.is_stopped()) return stopped();
    MUSTER_RETURN_IF_ERROR(edit());
    MUSTER_RETURN_IF_ERROR(configure());
    return build();
  }

 private:
  [[nodiscard]] const BuildOptions& options() const { return order_.options; }
  [[nodiscard]] Status failure(const std::string& what) const {
    return trt_failure(order_.device, what);
  }

  Status parse() {
    MUSTER_ASSIGN_OR_RETURN(const auto flags, network_flags(options().precision));
    network_.reset(builder_->createNetworkV2(flags));
    if (network_ == nullptr) return failure("no network was made");
    parser_.reset(nvonnxparser::createParser(*network_, trt_log()));
    if (parser_ == nullptr) return failure("no parser was made");
    const int verbosity = static_cast<int>(nvinfer1::ILogger::Severity::kWARNING);
    if (parser_->parseFromFile(order_.file.c_str(), verbosity)) return {};
    return parser_failure();
  }

  // The first error is the cause of those behind it.
  Status parser_failure() const {
    const nvonnxparser::IParserError* const error =
        parser_->getNbErrors() > 0 ? parser_->getError(0) : nullptr;
    Status failed = failure("TensorRT's parser failed");
    if (failed.code() != StatusCode::kInternal || error == nullptr) return model_fault(failed);
    const std::string text = "TensorRT does not take the model: " + text_of(*error);
    if (error->code() == nvonnxparser::ErrorCode::kMEM_ALLOC_FAILED)
      return resource_exhausted(text);
    return invalid_argument(text);
  }

  // The builder calls faults of a model failures of its own.
  static Status model_fault(const Status& failed) {
    if (failed.code() != StatusCode::kInternal) return failed;
    return invalid_argument(std::string(failed.message()));
  }

  Status edit() {
    if (options().precision == Precision::kInt8) MUSTER_RETURN_IF_ERROR(check_quantised(*network_));
    if (options().pixels)
      MUSTER_RETURN_IF_ERROR(scale_pixels(*network_, *options().pixels, constants_));
    // Where the engine tells later what it was built as.
    const std::string name = "muster " + std::string(precision_name(options().precision));
    network_->setName(name.c_str());
    return {};
  }

  Status configure() {
    config_.reset(builder_->createBuilderConfig());
    if (config_ == nullptr) return failure("no builder's configuration was made");
    apply_options(options(), *network_, *config_);
    if (has_open_input(*network_)) {
      MUSTER_RETURN_IF_ERROR(
          add_profiles(options().profiles, *network_, *builder_, *config_).with_context("profiles"));
      profiles_ = profiles_text(options().profiles);
    }
    config_->setProgressMonitor(&monitor_);
    use_timing_cache(order_.timing_cache);
    return {};
  }

  // One that TensorRT does not take begins as an empty one.
  void use_timing_cache(const std::string& kept) {
    timing_.reset(config_->createTimingCache(kept.data(), kept.size()));
    if (timing_ != nullptr && config_->setTimingCache(*timing_, false)) return;
    if (kept.empty()) return;
    (void)take_trt_error();
    use_timing_cache({});
  }

  Result<BuiltEngine> build() {
    const std::unique_ptr<nvinfer1::IHostMemory> plan(
        builder_->buildSerializedNetwork(*network_, *config_));
    if (monitor_.is_stopped()) return stopped();
    if (plan == nullptr || plan->size() == 0)
      return model_fault(failure("the engine could not be built"));
    BuiltEngine built;
    built.plan = std::string(bytes_of(*plan));
    if (const nvinfer1::ITimingCache* const used = config_->getTimingCache()) {
      const std::unique_ptr<nvinfer1::IHostMemory> timing(used->serialize());
      if (timing != nullptr) built.timing_cache = std::string(bytes_of(*timing));
    }
    built.summary = std::string(precision_name(options().precision)) + ", " +
                    (profiles_.empty() ? "fixed shapes" : "profiles " + profiles_) + ", " +
                    std::to_string(network_->getNbLayers()) + " layers before fusion";
    return built;
  }

  // Ends from the last to the first: the configuration points to the timing cache and the monitor,
  // the network to weights of the parser and to the constants.
  const BuildOrder& order_;
  ProgressMonitor monitor_;
  NetworkConstants constants_;
  std::unique_ptr<nvinfer1::IBuilder> builder_;
  std::unique_ptr<nvinfer1::INetworkDefinition> network_;
  std::unique_ptr<nvonnxparser::IParser> parser_;
  std::unique_ptr<nvinfer1::ITimingCache> timing_;
  std::unique_ptr<nvinfer1::IBuilderConfig> config_;
  std::string profiles_;  // "" = none are needed
};

}  // namespace

Result<BuiltEngine> build_engine(const BuildOrder& order) {
  return EngineBuild(order).run();
}

}  // namespace muster::tensorrt
