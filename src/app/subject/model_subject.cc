// SPDX-License-Identifier: Apache-2.0
#include "app/subject/model_subject.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/text.h"
#include "inference/signature.h"
#include "inference/thread_budget.h"
#include "model_config/batch_padding.h"
#include "serving/backend_library.h"

namespace muster {
namespace {

// Plays scripts, for tests, and reads no model of any other backend.
constexpr std::string_view kScripted = "scripted";

struct Precisions {
  std::string_view backend;
  const char* parameter;
  std::vector<std::string> names;
};

// Of the backends that can be asked for one; null for others.
const Precisions* precisions_by_parameter(std::string_view backend) {
  static const Precisions kAll[] = {
      {"openvino", "INFERENCE_PRECISION_HINT", {"f32", "f16", "bf16"}},
      {"tensorrt", "precision", {"f32", "tf32", "f16", "bf16"}},
  };
  const auto* found = std::ranges::find(kAll, backend, &Precisions::backend);
  return found == std::end(kAll) ? nullptr : found;
}

}  // namespace

Result<ModelSubject> ModelSubject::open(const std::string& path) {
  MUSTER_ASSIGN_OR_RETURN(ModelFolder folder, ModelFolder::open(path));
  MUSTER_ASSIGN_OR_RETURN(ModelFolder::Choice choice, folder.choose());
  return ModelSubject(std::move(folder), std::move(choice));
}

std::vector<std::string> ModelSubject::backends() const {
  std::vector<std::string> names = installed_backends();
  const bool has_script = choice_.backend == kScripted ||
                          backend_of_file(file_for(std::string(kScripted))) == kScripted;
  if (!has_script) std::erase(names, kScripted);
  std::ranges::stable_partition(names,
                                [&](const std::string& name) { return name == choice_.backend; });
  return names;
}

std::string ModelSubject::file_for(const std::string& backend) const {
  const std::string_view usual = usual_model_filename(backend);
  if (backend == choice_.backend || usual.empty() || choice_.file.empty()) return choice_.file;
  const std::filesystem::path beside =
      std::filesystem::path(choice_.file).parent_path() / std::string(usual);
  std::error_code error;
  return std::filesystem::is_regular_file(beside, error) ? beside.string() : choice_.file;
}

Result<Contender> ModelSubject::load(const ContenderOrder& order) const {
  Contender contender;
  MUSTER_ASSIGN_OR_RETURN(contender.backend, open_backend(order.backend, {order.threads}));
  ModelConfig config = folder_.config().config();
  if (order.backend != choice_.backend) config.parameters.clear();
  if (order.accelerators) config.accelerators = *order.accelerators;
  if (!order.precision.empty()) {
    const std::vector<std::string> known = precisions_of(order.backend);
    if (std::ranges::find(known, order.precision) == known.end()) {
      return unimplemented("backend '" + printable(order.backend) + "' has no precision " +
                           printable(order.precision));
    }
    if (const Precisions* by = precisions_by_parameter(order.backend))
      config.parameters[by->parameter] = order.precision;
  }
  for (const auto& [name, text] : order.parameters)
    config.parameters[name] = text;
  const std::string file = order.file.empty() ? file_for(order.backend) : order.file;
  ModelSource source{
      file, &config, order.threads, 1, order.compiled_cache, order.accelerator_libraries};
  source.pooled = order.threads > 1;  // as it would be served
  source.pixels = scaled_pixels(folder_.config());
  MUSTER_ASSIGN_OR_RETURN(contender.model, contender.backend->load(source));
  return completed(std::move(contender), folder_.config(), choice_.backend, file);
}

Result<Contender> ModelSubject::load_as_served(std::shared_ptr<Backend> backend,
                                               const ParsedConfig& parsed, int thread_budget,
                                               const std::string& compiled_cache) const {
  Contender contender;
  contender.backend = std::move(backend);
  const ModelConfig& config = parsed.config();
  const std::string name(contender.backend->name());
  const std::string file = config.model_filename.empty() ? file_for(name) : choice_.file;
  const int instances = std::max(1, config.instance_count);
  const ThreadShare share = share_threads(thread_budget, instances, std::nullopt);
  ModelSource source{file, &config, share.per_run, instances, compiled_cache, {}};
  source.pooled = share.pooled;
  source.pixels = scaled_pixels(parsed);
  MUSTER_ASSIGN_OR_RETURN(contender.model, contender.backend->load(source));
  return completed(std::move(contender), parsed, name, file);
}

Result<Contender> ModelSubject::completed(Contender contender, const ParsedConfig& parsed,
                                          const std::string& backend,
                                          const std::string& file) const {
  const ModelSignature& signature = contender.model->signature();
  const auto read = [this](std::string_view name) { return folder_.read(name); };
  const bool scales = scaled_pixels(parsed) && contender.model->scales_pixels();
  MUSTER_ASSIGN_OR_RETURN(contender.config,
                          resolve(parsed, signature, {backend, file, read, nullptr, scales}));
  // As it is served: an open first axis may count other things than rows.
  contender.stacked = contender.config.batching.max_batch_size > 0;
  contender.max_batch_size = std::max<std::int64_t>(1, contender.config.batching.max_batch_size);
  return contender;
}

std::vector<std::string> precisions_of(std::string_view backend) {
  const Precisions* const by = precisions_by_parameter(backend);
  return by == nullptr ? std::vector<std::string>{"f32"} : by->names;
}

std::string runtime_of(const Contender& contender) {
  const std::string accelerators = contender.model->accelerators();
  return contender.backend->version() + (accelerators.empty() ? "" : " with " + accelerators);
}

Status no_batch_axis(const ModelSignature& signature) {
  const TensorSpec* const fixed = input_without_batch_axis(signature);
  if (signature.inputs.empty()) return failed_precondition("the model has no inputs");
  if (fixed == nullptr) {
    return failed_precondition(
        "the model is served without batches (its max_batch_size is 0): only 1 is possible, a run "
        "as it is");
  }
  return failed_precondition("input '" + printable(fixed->name) + "' has shape " +
                             fixed->shape.to_string() +
                             ", without an open batch axis: only 1 is possible, a run as it is");
}

Status no_batch_axis(const Contender& contender) {
  const ModelSignature& signature = contender.model->signature();
  const Status reason = no_batch_axis(signature);
  if (input_without_batch_axis(signature) == nullptr) return reason;
  const std::string settings = batch_padding_settings(contender.config);
  return failed_precondition(
      std::string(reason.message()) + "; " +
      (settings.empty() ? "" : "write " + settings + " in its config.pbtxt, or ") +
      "export the model with a dynamic batch axis");
}

}  // namespace muster
