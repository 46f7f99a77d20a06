// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/builder_settings.h"

#include <utility>

#include <NvInferVersion.h>

#include "backends/tensorrt/engine/trt_types.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

// From TensorRT 11 on every network is strongly typed: it computes in the types of its tensors.
constexpr bool kWeaklyTyped = NV_TENSORRT_MAJOR < 11;

void allow(nvinfer1::IBuilderConfig& config, nvinfer1::BuilderFlag flag) {
  config.setFlag(flag);
}

#if NV_TENSORRT_MAJOR < 11
// A network with tensors of a type is not built unless that type is allowed.
void allow_type(nvinfer1::DataType type, nvinfer1::IBuilderConfig& config) {
  using nvinfer1::BuilderFlag;
  using nvinfer1::DataType;
  if (type == DataType::kHALF) allow(config, BuilderFlag::kFP16);
  if (type == DataType::kBF16) allow(config, BuilderFlag::kBF16);
  if (type == DataType::kINT8) allow(config, BuilderFlag::kINT8);
  if (type == DataType::kFP8) allow(config, BuilderFlag::kFP8);
}

void allow_types(Precision precision, const nvinfer1::INetworkDefinition& network,
                 nvinfer1::IBuilderConfig& config) {
  if (precision == Precision::kInt8) return;  // strongly typed
  if (precision == Precision::kFp16) allow(config, nvinfer1::BuilderFlag::kFP16);
  if (precision == Precision::kBf16) allow(config, nvinfer1::BuilderFlag::kBF16);
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i)
    allow_type(network.getInput(i)->getType(), config);
  for (std::int32_t i = 0; i < network.getNbLayers(); ++i) {
    const nvinfer1::ILayer& layer = *network.getLayer(i);
    for (std::int32_t output = 0; output < layer.getNbOutputs(); ++output) {
      if (const nvinfer1::ITensor* tensor = layer.getOutput(output))
        allow_type(tensor->getType(), config);
    }
  }
}
#endif

Result<std::vector<TensorSpec>> inputs_of(const nvinfer1::INetworkDefinition& network) {
  std::vector<TensorSpec> inputs;
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor& input = *network.getInput(i);
    TensorSpec spec{input.getName(), type_of(input.getType()), {}, {}};
    MUSTER_ASSIGN_OR_RETURN(spec.shape, shape_of(input.getDimensions()));
    inputs.push_back(std::move(spec));
  }
  return inputs;
}

Status set_range(const TensorSpec& input, const ProfileRange& range, std::size_t index,
                 nvinfer1::IOptimizationProfile& profile) {
  const std::pair<nvinfer1::OptProfileSelector, const Shape&> ends[] = {
      {nvinfer1::OptProfileSelector::kMIN, range.min[index]},
      {nvinfer1::OptProfileSelector::kOPT, range.best[index]},
      {nvinfer1::OptProfileSelector::kMAX, range.max[index]}};
  for (const auto& [selector, shape] : ends) {
    MUSTER_ASSIGN_OR_RETURN(const nvinfer1::Dims dims, dims_of(shape));
    if (!profile.setDimensions(input.name.c_str(), selector, dims)) {
      return invalid_argument("the profile of input '" + printable(input.name) + "', " +
                              range.min[index].to_string() + " to " +
                              range.max[index].to_string() + ", is none for " +
                              input.shape.to_string());
    }
  }
  return {};
}

}  // namespace

Result<nvinfer1::NetworkDefinitionCreationFlags> network_flags(Precision precision) {
  if (!kWeaklyTyped && (precision == Precision::kFp16 || precision == Precision::kBf16)) {
    return invalid_argument("TensorRT " + std::to_string(NV_TENSORRT_MAJOR) +
                            " computes in the types that the file has: convert the file to " +
                            std::string(precision_name(precision)) +
                            ", or leave precision at tf32");
  }
  if (precision != Precision::kInt8) return nvinfer1::NetworkDefinitionCreationFlags{0};
  return nvinfer1::NetworkDefinitionCreationFlags{
      1U << static_cast<std::uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED)};
}

void apply_options(const BuildOptions& options, const nvinfer1::INetworkDefinition& network,
                   nvinfer1::IBuilderConfig& config) {
  config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, options.workspace_bytes);
  config.setBuilderOptimizationLevel(options.level);
  if (options.precision == Precision::kFp32) {
    config.clearFlag(nvinfer1::BuilderFlag::kTF32);
  } else {
    allow(config, nvinfer1::BuilderFlag::kTF32);
  }
#if NV_TENSORRT_MAJOR < 11
  allow_types(options.precision, network, config);
#else
  (void)network;
#endif
}

bool has_open_input(const nvinfer1::INetworkDefinition& network) {
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::Dims dims = network.getInput(i)->getDimensions();
    for (std::int32_t axis = 0; axis < dims.nbDims; ++axis) {
      if (dims.d[axis] < 0) return true;
    }
  }
  return false;
}

Status add_profiles(const std::vector<ProfileText>& profiles,
                    const nvinfer1::INetworkDefinition& network, nvinfer1::IBuilder& builder,
                    nvinfer1::IBuilderConfig& config) {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<TensorSpec> inputs, inputs_of(network));
  MUSTER_ASSIGN_OR_RETURN(const std::vector<ProfileRange> ranges,
                          resolve_profiles(profiles, inputs));
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i) {
    if (!network.getInput(i)->isShapeTensor()) continue;
    return unimplemented("input '" + printable(network.getInput(i)->getName()) +
                         "' is read for its values while shapes are computed; profiles have no "
                         "values");
  }
  for (const ProfileRange& range : ranges) {
    nvinfer1::IOptimizationProfile* const profile = builder.createOptimizationProfile();
    if (profile == nullptr) return internal_error("TensorRT makes no profile");
    for (std::size_t i = 0; i < inputs.size(); ++i)
      MUSTER_RETURN_IF_ERROR(set_range(inputs[i], range, i, *profile));
    if (!profile->isValid() || config.addOptimizationProfile(profile) < 0)
      return invalid_argument("TensorRT refuses the profile " + profiles_text(profiles));
  }
  return {};
}

Status check_quantised(const nvinfer1::INetworkDefinition& network) {
  for (std::int32_t i = 0; i < network.getNbLayers(); ++i) {
    const nvinfer1::LayerType type = network.getLayer(i)->getType();
    if (type == nvinfer1::LayerType::kQUANTIZE || type == nvinfer1::LayerType::kDEQUANTIZE)
      return {};
  }
  return invalid_argument(
      "precision int8 needs a file that says by QuantizeLinear and DequantizeLinear nodes what is "
      "quantised, and it has none; make them with ONNX Runtime's "
      "quantize_static(quant_format=QuantFormat.QDQ)");
}

}  // namespace muster::tensorrt
