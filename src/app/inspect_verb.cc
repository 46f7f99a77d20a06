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

#include "app/cuda_environment.h"
#include "app/runtime_report.h"
#include "app/serve/serve_settings.h"
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

struct Arguments {
  std::string path;
  bool runtime = false;
  int threads = 0;  // 0 = not given
  std::string format = "table";
};

int inspect_runtime(const Arguments& arguments) {
  const ServeSettings usual;
  const RuntimeReport report =
      examine_runtime(arguments.threads,
                      {usual.http_threads, usual.grpc_threads, usual.models.load_threads,
                       usual.models.picture_threads},
                      cuda_environment());
  fmt::print("{}", arguments.format == "json" ? runtime_json(report) : runtime_table(report));
  return kExitOk;
}

}  // namespace

void add_inspect_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "inspect",
      "Print a model's inputs, outputs, batch axis and configuration as understood, or what there "
      "is to run models on");
  CLI::Option* path = verb->add_option("PATH", arguments->path, "Model folder or model file")
                          ->type_name("DIR|FILE");
  CLI::Option* runtime =
      verb->add_flag("--runtime", arguments->runtime,
                     "No model: the machine, the thread budget and its reason, the GPUs, the "
                     "backends with their devices")
          ->excludes(path);
  verb->add_option("--threads", arguments->threads,
                   "With --runtime: the thread budget, as of muster serve (default: the CPUs this "
                   "process may use)")
      ->needs(runtime)
      ->check(CLI::Range(1, kMaxThreadBudget))
      ->type_name("N");
  verb->add_option("--format", arguments->format, "With --runtime; json is one object on a line")
      ->needs(runtime)
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("table|json")
      ->capture_default_str();
  verb->footer("Example:\n  muster inspect models/lenet");
  verb->callback([arguments, &exit_status] {
    if (!arguments->runtime && arguments->path.empty()) {
      throw CLI::RequiredError("PATH or --runtime");
    }
    exit_status = arguments->runtime ? inspect_runtime(*arguments) : inspect(arguments->path);
  });
}

}  // namespace muster
