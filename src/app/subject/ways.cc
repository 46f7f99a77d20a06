// SPDX-License-Identifier: Apache-2.0
#include "app/subject/ways.h"

#include <algorithm>

#include "measuring/message.h"
#include "measuring/own_process.h"
#include "serving/backend_library.h"

namespace muster {
namespace {

constexpr const char* kHasProviders = "onnxruntime";

bool is_on_gpu(std::string_view name) {
  return std::ranges::find(kGpuProviders, name, &NamedProvider::name) != std::end(kGpuProviders);
}

void tell_devices(MessageLine& line) {
  const auto backend = open_backend(kHasProviders);
  if (!backend.ok()) return;
  for (const std::string& device : (*backend)->devices()) {
    MessageWriter message;
    message.put_text(device);
    if (!line.send(std::move(message).take()).ok()) return;
  }
}

}  // namespace

Way parse_way(std::string_view text, const std::vector<ExecutionAccelerator>& configured) {
  const std::size_t plus = text.find('+');
  Way way{std::string(text.substr(0, plus)), std::nullopt};
  if (plus == std::string_view::npos) return way;
  std::vector<ExecutionAccelerator>& accelerators = way.accelerators.emplace();
  for (std::string_view rest = text.substr(plus); !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find('+'));
    rest.remove_prefix(name.size());
    const auto said = std::ranges::find(configured, name, &ExecutionAccelerator::name);
    accelerators.push_back(said != configured.end()
                               ? *said
                               : ExecutionAccelerator{std::string(name), {}, is_on_gpu(name), 0});
  }
  return way;
}

std::string name_of_way(std::string_view backend,
                        const std::vector<ExecutionAccelerator>& accelerators) {
  std::string name(backend);
  for (const ExecutionAccelerator& accelerator : accelerators)
    name += '+' + accelerator.name;
  return name;
}

bool computes_on_gpu(std::string_view way) {
  const Way parsed = parse_way(way, {});
  if (!parsed.accelerators) return parsed.backend == "tensorrt";
  return std::ranges::any_of(*parsed.accelerators, &ExecutionAccelerator::on_gpu);
}

std::vector<std::string> ways_on_gpus(const std::vector<std::string>& devices) {
  std::vector<std::string> ways;
  for (const NamedProvider& provider : kGpuProviders) {
    if (std::ranges::find(devices, provider.runtime) != devices.end())
      ways.push_back(kHasProviders + ('+' + std::string(provider.name)));
  }
  return ways;
}

std::vector<std::string> offered_ways_on_gpus() {
  const auto process = OwnProcess::begin(tell_devices);
  std::vector<std::string> devices;
  while (process.ok()) {
    const auto message = (*process)->receive();
    if (!message.ok() || !*message) break;
    devices.push_back(MessageReader(**message).take_text());
  }
  return ways_on_gpus(devices);
}

}  // namespace muster
