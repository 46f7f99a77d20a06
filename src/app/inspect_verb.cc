// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <muster/service.h>

#include "app/verbs.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

// "FP32  [batch,1,28,28]": open dimensions by the model's own names where it has any.
std::string describe_shape(const TensorSpec& spec) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < spec.shape.rank(); ++axis) {
    if (axis > 0) text += ',';
    const bool open = spec.shape[axis] == kDynamicDim;
    const std::string name = axis < spec.dim_names.size() ? spec.dim_names[axis] : std::string();
    text += !open ? std::to_string(spec.shape[axis]) : name.empty() ? "any" : printable(name);
  }
  return text + ']';
}

void print_tensors(const char* title, const std::vector<TensorSpec>& specs) {
  std::size_t width = 0;
  for (const TensorSpec& spec : specs)
    width = std::max(width, printable(spec.name).size());
  fmt::print("{}\n", title);
  for (const TensorSpec& spec : specs) {
    fmt::print("  {:<{}}  {:<6}  {}\n", printable(spec.name), width, data_type_name(spec.type),
               describe_shape(spec));
  }
}

std::string describe_batch_axis(const ModelDescription& model) {
  const ModelConfig& config = model.config;
  if (config.batching.max_batch_size > 0) {
    return fmt::format(
        "axis 0, open; batches of up to {} rows{}", config.batching.max_batch_size,
        config.dynamic_batching ? ", shared by several requests" : ", one request each");
  }
  if (model.signature.has_batch_axis()) return "axis 0, open, not used: max_batch_size is 0";
  return "none that is open: requests run one by one, in exactly these shapes";
}

int inspect(const std::string& path) {
  const auto service = ModelService::open(path);
  if (!service.ok()) {
    fmt::print(stderr, "muster: {}\n", service.status().message());
    return kExitFailed;
  }
  const auto description = (*service)->describe("");
  const ModelDescription& model = **description;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(model.file, error);
  fmt::print("model       {}\n", printable(model.config.name));
  fmt::print("file        {}{}\n", printable(model.file, 4096),
             error ? std::string() : fmt::format(" ({} bytes)", bytes));
  fmt::print("runtime     {}\n", model.runtime);
  fmt::print("batch axis  {}\n", describe_batch_axis(model));
  print_tensors("inputs", model.signature.inputs);
  print_tensors("outputs", model.signature.outputs);
  if (model.config.config_file.empty()) {
    fmt::print(
        "\n# Configuration as understood; there is no config.pbtxt, so this is what the model "
        "file tells.\n");
  } else {
    fmt::print("\n# Configuration as understood, from {}.\n",
               printable(model.config.config_file, 4096));
  }
  fmt::print("{}", to_text(model.config));
  return kExitOk;
}

}  // namespace

void add_inspect_verb(CLI::App& app, int& exit_status) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(
      "inspect", "Print a model's inputs, outputs, batch axis and configuration as understood");
  verb->add_option("PATH", *path, "Model folder or model file")->required()->type_name("DIR|FILE");
  verb->footer("Example:\n  muster inspect models/lenet");
  verb->callback([path, &exit_status] { exit_status = inspect(*path); });
}

}  // namespace muster
