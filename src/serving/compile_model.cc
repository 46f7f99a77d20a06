// SPDX-License-Identifier: Apache-2.0
#include "serving/compile_model.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/cpu_budget.h"
#include "base/text.h"
#include "serving/backend_library.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSource = "onnxruntime";  // whose files are compiled: ONNX files

// The model's own file, or the one of the usual name beside it: what was compiled once may be there
// already.
Result<std::string> onnx_file(const ModelFolder::Choice& choice) {
  if (backend_of_file(choice.file) == kSource) return choice.file;
  const fs::path beside =
      fs::path(choice.file).parent_path() / std::string(usual_model_filename(kSource));
  std::error_code error;
  if (!choice.file.empty() && fs::is_regular_file(beside, error)) return beside.string();
  return failed_precondition("there is no ONNX file to compile: looked for " +
                             printable(beside.string()));
}

}  // namespace

Result<CompilePlan> plan_compile(const ModelFolder& folder, const CompileOptions& options) {
  MUSTER_ASSIGN_OR_RETURN(const ModelFolder::Choice choice, folder.choose());
  CompilePlan plan;
  MUSTER_ASSIGN_OR_RETURN(plan.file, onnx_file(choice));
  plan.config = folder.config().config();
  if (choice.backend != options.backend) plan.config.parameters.clear();
  for (const auto& [name, text] : options.parameters) {
    plan.config.parameters[name] = text;
    plan.config.parameter_lines.erase(name);
  }
  plan.pixels = scaled_pixels(folder.config());
  return plan;
}

Result<CompiledFile> compile_with(Backend& backend, const CompilePlan& plan,
                                  const CompileOptions& options, CompileListener& listener) {
  ModelSource source{plan.file, &plan.config};
  source.compiled_cache = options.compiled_cache;
  source.pixels = plan.pixels;
  return backend.compile(source, options.output, listener);
}

Result<CompiledFile> compile_model(const std::string& path, const CompileOptions& options,
                                   CompileListener& listener) {
  if (options.output.empty() && options.compiled_cache.empty())
    return invalid_argument("what is compiled would be kept nowhere: name an output or a cache");
  MUSTER_ASSIGN_OR_RETURN(const ModelFolder folder, ModelFolder::open(path));
  MUSTER_ASSIGN_OR_RETURN(const CompilePlan plan, plan_compile(folder, options));
  MUSTER_ASSIGN_OR_RETURN(const std::shared_ptr<Backend> backend,
                          open_backend(options.backend, {available_cpus()}));
  return compile_with(*backend, plan, options, listener);
}

}  // namespace muster
