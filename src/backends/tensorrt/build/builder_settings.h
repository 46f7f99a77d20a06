// SPDX-License-Identifier: Apache-2.0
// What our options are to TensorRT's builder.
#pragma once

#include <string>
#include <vector>

#include <NvInfer.h>

#include "backends/tensorrt/options.h"

namespace muster::tensorrt {

// Of createNetworkV2. An error where this TensorRT has no such precision any more.
[[nodiscard]] Result<nvinfer1::NetworkDefinitionCreationFlags> network_flags(Precision precision);

// Precision, workspace and level. `network` is parsed: its own tensors' types are allowed, too.
void apply_options(const BuildOptions& options, const nvinfer1::INetworkDefinition& network,
                   nvinfer1::IBuilderConfig& config);

// Whether some dimension of some input is open.
[[nodiscard]] bool has_open_input(const nvinfer1::INetworkDefinition& network);
// Of a network that has. kInvalidArgument names the input and its dimension.
[[nodiscard]] Status add_profiles(const std::vector<ProfileText>& profiles,
                                  const nvinfer1::INetworkDefinition& network,
                                  nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config);

// kInvalidArgument where nothing of it is quantised, with the way to do it.
[[nodiscard]] Status check_quantised(const nvinfer1::INetworkDefinition& network);

}  // namespace muster::tensorrt
