// SPDX-License-Identifier: Apache-2.0
#include "model_config/resolve.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/batch_padding.h"
#include "model_config/reading/read_fields.h"

namespace muster {
namespace {

constexpr std::string_view kUsualLabelFile = "labels.txt";

// The first tensor whose rows could not be told apart, as a clause; "" = there is none.
std::string batching_obstacle(const ModelConfig& config) {
  if (config.inputs.empty() || config.outputs.empty()) return "the model has no rows to batch";
  const auto obstacle = [](std::string_view kind, const TensorSpec& spec) -> std::string {
    if (spec.shape.rank() == 0) {
      return fmt::format("{} '{}' has no axes", kind, printable(spec.name));
    }
    if (spec.shape[0] == kDynamicDim) return "";
    return fmt::format("{} '{}' has a fixed batch axis of {}", kind, printable(spec.name),
                       spec.shape[0]);
  };
  for (const TensorSpec& spec : config.inputs) {
    if (std::string text = obstacle("input", spec); !text.empty()) return text;
  }
  for (const TensorSpec& spec : config.outputs) {
    if (std::string text = obstacle("output", spec); !text.empty()) return text;
  }
  return "";
}

// What to do about it.
std::string batching_fix(const ModelConfig& config) {
  const std::int64_t fixed = fixed_batch_size(config);
  if (config.backend != "openvino" || fixed == 0) {
    return "export the model with a dynamic batch axis, or set max_batch_size: 0";
  }
  const bool fits = config.batching.max_batch_size <= fixed;
  return fmt::format(
      "add {}{}, export the model with a dynamic batch axis, or set "
      "max_batch_size: 0",
      fits ? "" : fmt::format("max_batch_size: {} and ", fixed), kBatchPaddingLine);
}

// Exporters number the open dimensions that nobody named; such a name says nothing.
bool is_given_name(std::string_view name) {
  return !name.empty() && !name.starts_with("unk__") &&
         name.find("_dim_") == std::string_view::npos;
}

// Two open first axes with different names are counts of different things, such as words in one
// text or boxes found in one picture. Gives the pair as a clause; "" = no such doubt.
std::string batching_doubt(const ModelConfig& config) {
  const TensorSpec* first = nullptr;
  std::string doubt;
  const auto look = [&](const TensorSpec& spec) {
    if (spec.dim_names.empty() || !is_given_name(spec.dim_names[0])) return;
    if (first == nullptr) first = &spec;
    if (spec.dim_names[0] == first->dim_names[0] || !doubt.empty()) return;
    doubt = fmt::format("the first axis of '{}' is named '{}', that of '{}' '{}'",
                        printable(first->name), printable(first->dim_names[0]),
                        printable(spec.name), printable(spec.dim_names[0]));
  };
  std::ranges::for_each(config.inputs, look);
  std::ranges::for_each(config.outputs, look);
  return doubt;
}

void resolve_unsaid_batch_size(Resolution& r) {
  const Located at = r.parsed.located();
  const std::string obstacle = batching_obstacle(r.config);
  const std::string doubt = obstacle.empty() ? batching_doubt(r.config) : "";
  if (obstacle.empty() && (doubt.empty() || r.config.dynamic_batching)) {
    r.config.batching.max_batch_size = kDefaultMaxBatchSize;
    r.config.dynamic_batching = true;
    return;
  }
  r.config.batching.max_batch_size = 0;
  if (r.config.dynamic_batching) {
    r.problems.add(at.line("dynamic_batching"),
                   fmt::format("dynamic_batching needs a batch axis, but {}; export the model with "
                               "a dynamic one, or remove dynamic_batching",
                               obstacle));
  } else if (!doubt.empty()) {
    r.problems.warn(0, fmt::format("batching is off because {}; set max_batch_size if both are "
                                   "the batch axis, or to 0 if not",
                                   doubt));
  }
}

// The rows that a row's classes are counted behind: [N,10] has 10, [10] has 10, [N,10,1,1] has 10.
std::optional<std::int64_t> class_count(const Shape& shape) {
  const Result<std::size_t> count = element_count(shape.rank() > 1 ? shape.without_first() : shape);
  if (!count.ok()) return std::nullopt;  // open
  return static_cast<std::int64_t>(*count);
}

std::vector<std::string> label_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() <= kMaxLabels) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!lines.empty() && lines.back().empty())
    lines.pop_back();
  return lines;
}

void take_labels(Resolution& r, int line, const std::string& file, const TensorSpec& output,
                 std::string_view text) {
  std::vector<std::string> labels = label_lines(text);
  const std::optional<std::int64_t> classes = class_count(output.shape);
  const auto count = static_cast<std::int64_t>(labels.size());
  if (labels.size() > kMaxLabels) {
    r.problems.add(
        line, fmt::format("{} has more labels than the limit of {}", printable(file), kMaxLabels));
  } else if (classes && *classes != count) {
    r.problems.add(line, fmt::format("{} has {} labels, but output '{}' has {} classes; write one "
                                     "label a line",
                                     printable(file), count, printable(output.name), *classes));
  } else {
    r.config.labels[output.name] = std::move(labels);
    r.config.label_files[output.name] = file;
  }
}

void resolve_usual_labels(Resolution& r) {
  if (r.config.outputs.size() != 1) return;
  const std::string file(kUsualLabelFile);
  const Result<std::string> text = r.context.read_file(file);
  if (text.ok()) {
    take_labels(r, 0, file, r.config.outputs.front(), *text);
  } else if (text.status().code() != StatusCode::kNotFound) {
    r.problems.add(0, std::string(text.status().message()));
  }
}

}  // namespace

std::int64_t fixed_batch_size(const ModelConfig& config) {
  if (config.inputs.empty()) return 0;
  const Shape& first = config.inputs.front().shape;
  const std::int64_t size = first.rank() == 0 ? kDynamicDim : first[0];
  const auto has_it = [&](const TensorSpec& spec) {
    return spec.shape.rank() > 0 && spec.shape[0] == size;
  };
  const bool same =
      std::ranges::all_of(config.inputs, has_it) && std::ranges::all_of(config.outputs, has_it);
  return same && size > 0 ? size : 0;
}

std::string batch_padding_settings(const ModelConfig& config) {
  const std::int64_t size = fixed_batch_size(config);
  if (config.backend != "openvino" || size < 2) return "";
  return fmt::format("max_batch_size: {} dynamic_batching {{ }} {}", size, kBatchPaddingLine);
}

void resolve_batching(Resolution& r) {
  const ::inference::ModelConfig& text = r.parsed.text;
  const Located at = r.parsed.located();
  BatchingOptions& batching = r.config.batching;
  if (!text.has_max_batch_size()) {
    resolve_unsaid_batch_size(r);
  } else if (text.max_batch_size() > 0) {
    if (const std::string obstacle = batching_obstacle(r.config); !obstacle.empty()) {
      r.problems.add(
          at.line("max_batch_size"),
          fmt::format("max_batch_size is {}, but {} in {}; {}", batching.max_batch_size, obstacle,
                      printable(r.context.model_file), batching_fix(r.config)));
    }
  }
  // A target decides how requests share batches; that they do need not be said beside it.
  if (batching.latency_target.count() > 0) r.config.dynamic_batching = batching.max_batch_size > 0;
  if (batching.preferred_batch_sizes.empty() || batching.max_batch_size == 0) return;
  if (batching.preferred_batch_sizes.back() > batching.max_batch_size) {
    r.problems.add(
        at.nested("dynamic_batching").line("preferred_batch_size"),
        fmt::format("preferred_batch_size {} is more than max_batch_size {}{}",
                    batching.preferred_batch_sizes.back(), batching.max_batch_size,
                    text.has_max_batch_size() ? "" : ", the default; set max_batch_size"));
  }
}

void resolve_labels(Resolution& r) {
  if (r.context.read_file == nullptr) return;
  if (!r.parsed.given && r.parsed.text.output_size() == 0) {
    resolve_usual_labels(r);
    return;
  }
  const Located at = r.parsed.located();
  for (int i = 0; i < r.parsed.text.output_size(); ++i) {
    const ::inference::ModelOutput& output = r.parsed.text.output(i);
    const auto spec = std::ranges::find(r.config.outputs, output.name(), &TensorSpec::name);
    if (output.label_filename().empty() || spec == r.config.outputs.end()) continue;
    const int line = at.nested("output", i).line("label_filename");
    const Result<std::string> text = r.context.read_file(output.label_filename());
    if (text.ok()) {
      take_labels(r, line, output.label_filename(), *spec, *text);
    } else {
      r.problems.add(line,
                     fmt::format("label_filename '{}' cannot be read: {}",
                                 printable(output.label_filename()), text.status().message()));
    }
  }
}

Result<ModelConfig> resolve(const ParsedConfig& parsed, const ModelSignature& signature,
                            const ResolveContext& context) {
  const ParsedConfig::Parts& parts = parsed.parts();
  const std::string& subject =
      parts.config.config_file.empty() ? context.model_file : parts.config.config_file;
  Resolution r{parts, signature, context, parts.config, Problems(subject, context.remarks)};
  if (r.config.backend.empty()) r.config.backend = context.backend;
  if (!r.config.accelerators.empty() && r.config.backend != "onnxruntime") {
    r.problems.add(
        r.config.accelerators.front().line,
        fmt::format("execution accelerators are those of backend 'onnxruntime'; '{}' has "
                    "none, so remove optimization.execution_accelerators",
                    printable(r.config.backend)));
  }

  resolve_tensors(r);
  // What follows is about the tensors: where they are wrong it would only repeat that.
  if (r.problems.empty()) {
    resolve_batching(r);
    resolve_labels(r);
    resolve_image(r);
  }
  MUSTER_RETURN_IF_ERROR(r.problems.status());
  for (std::string& warning : r.problems.take_warnings()) {
    r.config.warnings.push_back(std::move(warning));
  }
  return std::move(r.config);
}

}  // namespace muster
