// SPDX-License-Identifier: Apache-2.0
#include "serving/backend_library.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>

#include "base/caught.h"
#include "base/library_file.h"
#include "base/text.h"
#include "model_config/backend_names.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "libmuster_";
constexpr std::string_view kSuffix = ".so";

// What a person does about a runtime that is not there.
std::string_view runtime_remedy(std::string_view name) {
  if (name == "onnxruntime") {
    return "install ONNX Runtime (libonnxruntime.so.1; the Python package onnxruntime holds it) "
           "where the loader finds it";
  }
  if (name == "openvino") {
    return "install OpenVINO where the loader finds it (the Python package openvino holds it; for "
           "Muster's own package: pip install 'muster[openvino]')";
  }
  if (name == "tensorrt") {
    return "install TensorRT (libnvinfer.so and libnvonnxparser.so, with CUDA's libcudart.so) "
           "where the loader finds it";
  }
  return "check the model's `backend`";
}

// What a person does about a backend that was not built.
std::string_view backend_remedy(std::string_view name) {
  if (name == "onnxruntime") return "build Muster where ONNX Runtime is (tools/setup build)";
  if (name == "openvino") {
    return "build Muster where OpenVINO is (tools/setup build fetches it, or set OPENVINO_ROOT)";
  }
  if (name == "tensorrt") {
    return "build Muster where TensorRT's and CUDA's headers are (TENSORRT_ROOT and "
           "CUDA_RUNTIME_ROOT say where)";
  }
  return "check the model's `backend`";
}

// A library that has no factory of this version.
Status other_version(std::string_view name, void* library) {
  const std::string wanted = std::to_string(kBackendInterfaceVersion);
  for (int version = kBackendInterfaceVersion - 1; version > 0; --version) {
    const std::string symbol = kBackendFactoryPrefix + std::to_string(version);
    if (dlsym(library, symbol.c_str()) == nullptr) continue;
    return failed_precondition("backend '" + std::string(name) + "' was built for version " +
                               std::to_string(version) + " of the backend interface, this is " +
                               wanted + ": install the one that came with this Muster");
  }
  return failed_precondition("backend '" + std::string(name) + "' is not for version " + wanted +
                             " of the backend interface: it has no " + kBackendFactorySymbol);
}

std::string list_of_installed() {
  std::string list;
  for (const std::string& name : installed_backends())
    list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none" : list;
}

}  // namespace

std::string backend_folder() {
  // Any address inside this library tells where it was loaded from.
  const fs::path self = library_of(reinterpret_cast<const void*>(&backend_folder));
  return self.empty() ? std::string() : (self.parent_path() / "muster").string();
}

std::string backend_file(std::string_view name) {
  const std::string file = std::string(kPrefix) + std::string(name) + std::string(kSuffix);
  return (fs::path(backend_folder()) / file).string();
}

std::vector<std::string> installed_backends() {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(backend_folder(), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) continue;
    names.push_back(file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

Result<std::shared_ptr<Backend>> open_backend(std::string_view name,
                                              const BackendSettings& settings) {
  if (!is_backend_name(name))
    return invalid_argument("'" + printable(name) + "' is no backend's name");
  const fs::path file = backend_file(name);
  std::error_code error;
  // Without a folder the loader would look for the bare name wherever it pleases.
  if (!file.has_parent_path() || !fs::exists(file, error)) {
    return failed_precondition("backend '" + std::string(name) +
                               "' is not part of this installation (installed: " +
                               list_of_installed() + "): " + std::string(backend_remedy(name)));
  }
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return failed_precondition("backend '" + std::string(name) + "' does not load: " +
                               (reason == nullptr ? "unknown reason" : printable(reason)) + "; " +
                               std::string(runtime_remedy(name)));
  }
  const auto factory = reinterpret_cast<BackendFactory>(dlsym(library, kBackendFactorySymbol));
  if (factory == nullptr) return other_version(name, library);
  // Its runtime may want threads or memory that the system does not have.
  const auto made = caught([&]() -> Result<std::shared_ptr<Backend>> {
    return std::shared_ptr<Backend>(factory(settings));
  });
  if (!made.ok()) return made.status().with_context("backend '" + std::string(name) + "'");
  std::shared_ptr<Backend> backend = *made;
  if (!backend) {
    return failed_precondition("the runtime of backend '" + std::string(name) + "' did not start");
  }
  return backend;
}

}  // namespace muster
