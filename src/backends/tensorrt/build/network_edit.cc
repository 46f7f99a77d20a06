// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/network_edit.h"

#include <cstddef>
#include <optional>
#include <string>

#include "base/text.h"

namespace muster::tensorrt {
namespace {

constexpr std::int32_t kRank = 4;  // [N,C,H,W] or [N,H,W,C]

// The axis that counts channels: the second, or the last.
std::optional<std::int32_t> channel_axis(const nvinfer1::Dims& dims) {
  if (dims.nbDims != kRank) return std::nullopt;
  for (const std::int32_t axis : {1, kRank - 1}) {
    if (dims.d[axis] == 1 || dims.d[axis] == 3) return axis;
  }
  return std::nullopt;
}

Status not_pictures(const nvinfer1::ITensor& input, const std::string& why) {
  return invalid_argument("input '" + printable(input.getName()) +
                          "' is listed as TYPE_UINT8 with image.scale, image.mean or image.std, "
                          "and cannot take pixels: " +
                          why);
}

Status check_pictures(const nvinfer1::ITensor& input) {
  const nvinfer1::DataType type = input.getType();
  if (type != nvinfer1::DataType::kFLOAT && type != nvinfer1::DataType::kHALF &&
      type != nvinfer1::DataType::kBF16) {
    return not_pictures(input, "the model does not compute with floating-point numbers of them");
  }
  if (!channel_axis(input.getDimensions())) {
    return not_pictures(input, "it is not [N,C,H,W] or [N,H,W,C] with one or three channels");
  }
  if (input.isNetworkOutput()) return not_pictures(input, "it is an output as well");
  return {};
}

// By channel, where one value stands for all of them.
Result<std::vector<double>> by_channel(const std::vector<double>& values, std::size_t channels,
                                       const std::string& name) {
  if (values.size() == channels) return values;
  if (values.size() == 1) return std::vector<double>(channels, values.front());
  return invalid_argument(name + " has " + std::to_string(values.size()) +
                          " values, and the pictures have " + std::to_string(channels) +
                          " channels");
}

class PixelEdit {
 public:
  PixelEdit(nvinfer1::INetworkDefinition& network, NetworkConstants& constants)
      : network_(network), constants_(constants) {}

  Status apply(const PixelScaling& pixels) {
    if (network_.getNbInputs() != 1) {
      return invalid_argument("pixels can be scaled for a model with one input, and this has " +
                              std::to_string(network_.getNbInputs()));
    }
    nvinfer1::ITensor& input = *network_.getInput(0);
    MUSTER_RETURN_IF_ERROR(check_pictures(input));
    const nvinfer1::Dims dims = input.getDimensions();
    const std::int32_t axis = *channel_axis(dims);
    const auto channels = static_cast<std::size_t>(dims.d[axis]);
    MUSTER_ASSIGN_OR_RETURN(const std::vector<double> mean,
                            by_channel(pixels.mean, channels, "image.mean"));
    MUSTER_ASSIGN_OR_RETURN(std::vector<double> factor,
                            by_channel(pixels.std, channels, "image.std"));
    for (double& value : factor)
      value = pixels.scale / value;

    // The input keeps its place and its name: TensorRT 10.6 builds nothing of a network whose input was
    // taken away and another added.
    const nvinfer1::DataType type = input.getType();
    const std::int32_t readers = network_.getNbLayers();
    input.setType(nvinfer1::DataType::kUINT8);
    nvinfer1::ITensor* scaled = output_of(network_.addCast(input, nvinfer1::DataType::kFLOAT));
    scaled = combined(scaled, mean, axis, nvinfer1::ElementWiseOperation::kSUB);
    scaled = combined(scaled, factor, axis, nvinfer1::ElementWiseOperation::kPROD);
    scaled = cast(scaled, type);
    if (scaled == nullptr) return internal_error("TensorRT could not add the scaling of pixels");
    put_before(readers, input, *scaled);
    return {};
  }

 private:
  // What comes of nothing is nothing, so that one look at the end will do.
  nvinfer1::ITensor* cast(nvinfer1::ITensor* tensor, nvinfer1::DataType type) {
    if (tensor == nullptr || tensor->getType() == type) return tensor;
    return output_of(network_.addCast(*tensor, type));
  }

  nvinfer1::ITensor* combined(nvinfer1::ITensor* tensor, const std::vector<double>& values,
                              std::int32_t axis, nvinfer1::ElementWiseOperation operation) {
    if (tensor == nullptr) return nullptr;
    std::vector<float>& kept = constants_.emplace_back();
    for (const double value : values)
      kept.push_back(static_cast<float>(value));
    nvinfer1::Dims dims{kRank, {1, 1, 1, 1}};
    dims.d[axis] = static_cast<std::int64_t>(kept.size());
    nvinfer1::ITensor* const constant = output_of(network_.addConstant(
        dims, {nvinfer1::DataType::kFLOAT, kept.data(), static_cast<std::int64_t>(kept.size())}));
    if (constant == nullptr) return nullptr;
    return output_of(network_.addElementWise(*tensor, *constant, operation));
  }

  static nvinfer1::ITensor* output_of(nvinfer1::ILayer* layer) {
    return layer == nullptr ? nullptr : layer->getOutput(0);
  }

  // The first `readers` layers, those of the file, read what is scaled. The edit's own come after them.
  void put_before(std::int32_t readers, const nvinfer1::ITensor& input,
                  nvinfer1::ITensor& scaled) {
    for (std::int32_t i = 0; i < readers; ++i) {
      nvinfer1::ILayer& layer = *network_.getLayer(i);
      for (std::int32_t place = 0; place < layer.getNbInputs(); ++place) {
        if (layer.getInput(place) == &input) layer.setInput(place, scaled);
      }
    }
  }

  nvinfer1::INetworkDefinition& network_;
  NetworkConstants& constants_;
};

}  // namespace

Status scale_pixels(nvinfer1::INetworkDefinition& network, const PixelScaling& pixels,
                    NetworkConstants& constants) {
  return PixelEdit(network, constants).apply(pixels);
}

}  // namespace muster::tensorrt
