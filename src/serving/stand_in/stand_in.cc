// SPDX-License-Identifier: Apache-2.0
#include "serving/stand_in/stand_in.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"

namespace muster {
namespace {

// What a stand-in may use of a GPU, as configurations name it and as the backend tells of it.
constexpr std::string_view kGpuAccelerator = "cuda";
constexpr std::string_view kGpuDevice = "CUDAExecutionProvider";
constexpr std::string_view kDeviceParameter = "device";  // of the model's own backend
constexpr std::string_view kDeviceId = "device_id";      // of the accelerator

// The other backend's parameters mean nothing to this one.
ModelConfig config_for(const ModelConfig& own, std::string_view backend) {
  ModelConfig config = own;
  config.backend = backend;
  config.model_filename.clear();
  config.parameters.clear();
  config.parameter_lines.clear();
  config.accelerators.clear();
  return config;
}

void use_gpu(const ModelConfig& own, ModelConfig& config) {
  ExecutionAccelerator accelerator;
  accelerator.name = kGpuAccelerator;
  accelerator.on_gpu = true;
  // The GPU that the model is to run on in the end is the one that is meant to be busy with it.
  const auto device = own.parameters.find(kDeviceParameter);
  if (device != own.parameters.end() && parse_int(device->second))
    accelerator.parameters.emplace(kDeviceId, device->second);
  config.accelerators.push_back(std::move(accelerator));
}

}  // namespace

std::string stand_in_backend(const ModelConfig& config) {
  const std::string& said = config.stand_in.fallback_backend;
  return said.empty() ? std::string(kUsualStandIn) : said;
}

Result<std::unique_ptr<ServedModel>> load_stand_in(LoadOrder order, const std::string& file,
                                                   Clock& clock) {
  const ModelConfig& own = order.folder.config().config();
  order.stand_in = StandIn{file, config_for(own, order.backend->name())};
  const std::vector<std::string> devices = order.backend->devices();
  if (std::ranges::find(devices, kGpuDevice) != devices.end()) {
    LoadOrder on_gpu = order;
    use_gpu(own, on_gpu.stand_in->config);
    auto loaded = ServedModel::load(std::move(on_gpu), clock);
    if (loaded.ok() || order.give_up.stop_requested()) return loaded;
    log(LogLevel::kWarning, printable(file) + ": a GPU does not stand in, the CPU does: " +
                                std::string(loaded.status().message()));
  }
  return ServedModel::load(std::move(order), clock);
}

}  // namespace muster
