// SPDX-License-Identifier: Apache-2.0
#include "model_config/backend_names.h"

#include <algorithm>

#include "model_config/model_config.h"

namespace muster {
namespace {

struct Row {
  std::string_view alias;  // as backend or as platform
  std::string_view backend;
};
constexpr Row kAliases[] = {
    {"onnxruntime_onnx", "onnxruntime"},
    {"onnxruntime", "onnxruntime"},
    {"tensorrt_plan", "tensorrt"},
    {"tensorrt", "tensorrt"},
    {"openvino", "openvino"},
    {"scripted", "scripted"},
    {"identity", "scripted"},  // what Triton's tests call a backend of that kind
};

struct File {
  std::string_view extension;
  std::string_view usual_name;
  std::string_view backend;
};
constexpr File kFiles[] = {
    {".onnx", "model.onnx", "onnxruntime"},
    {".plan", "model.plan", "tensorrt"},
    {".xml", "model.xml", "openvino"},
    {".script", "model.script", "scripted"},
};

constexpr std::size_t kLongestBackendName = 64;

}  // namespace

std::string_view backend_of_platform(std::string_view platform) noexcept {
  const auto* row = std::ranges::find(kAliases, platform, &Row::alias);
  return row == std::end(kAliases) ? std::string_view() : row->backend;
}

std::string_view canonical_backend(std::string_view backend) noexcept {
  const std::string_view known = backend_of_platform(backend);
  return known.empty() ? backend : known;
}

bool is_backend_name(std::string_view backend) noexcept {
  return !backend.empty() && backend.size() <= kLongestBackendName &&
         std::ranges::all_of(backend, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string known_platforms() {
  std::string names;
  for (const Row& row : kAliases) {
    if (!names.empty()) names += ", ";
    names += row.alias;
  }
  return names;
}

std::string_view backend_of_file(std::string_view file_name) noexcept {
  const auto* file = std::ranges::find_if(
      kFiles, [&](const File& candidate) { return file_name.ends_with(candidate.extension); });
  return file == std::end(kFiles) ? std::string_view() : file->backend;
}

bool reads_onnx_too(std::string_view backend) noexcept {
  return backend == "openvino" || backend == "tensorrt";
}

std::string_view usual_model_filename(std::string_view backend) noexcept {
  const auto* file = std::ranges::find(kFiles, backend, &File::backend);
  return file == std::end(kFiles) ? std::string_view() : file->usual_name;
}

}  // namespace muster
