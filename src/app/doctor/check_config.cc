// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "app/doctor/checks.h"
#include "app/doctor/config_text.h"
#include "base/text.h"
#include "inference/signature.h"
#include "model_config/batch_padding.h"

namespace muster {
namespace {

using std::chrono::microseconds;

// From where on a wait for others is more than a person would call prompt.
constexpr microseconds kLongDelay = std::chrono::milliseconds(100);

// A finding of the configuration, at the field's line where it stands there.
Finding at(const ModelFacts& model, Severity severity, std::string_view field, std::string what,
           std::string fix) {
  const std::size_t dot = field.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? field : field.substr(dot + 1);
  return {severity,
          model.config_file.empty() ? model.path : model.config_file,
          line_of_field(model.config_text, last),
          std::string(field),
          std::move(what),
          std::move(fix),
          ""};
}

Finding at_parameter(const ModelFacts& model, const std::string& parameter, Severity severity,
                     std::string what, std::string fix) {
  Finding finding = at(model, severity, "parameters", std::move(what), std::move(fix));
  if (const auto line = model.said->parameter_lines.find(parameter);
      line != model.said->parameter_lines.end())
    finding.line = line->second;
  finding.field = "parameters." + parameter;
  return finding;
}

bool says(const ModelFacts& model, std::string_view field) {
  return line_of_field(model.config_text, field) > 0;
}

// The first version that could be loaded and fits the configuration.
const VersionFacts* loaded_version(const ModelFacts& model) {
  const auto found = std::ranges::find_if(
      model.versions, [](const VersionFacts& version) { return version.config.has_value(); });
  return found == model.versions.end() ? nullptr : &*found;
}

std::optional<std::int64_t> parameter(const ModelFacts& model, std::string_view name) {
  const auto found = model.said->parameters.find(name);
  return found == model.said->parameters.end() ? std::nullopt : parse_int(found->second);
}

std::string fix_of_fixed_batch(const VersionFacts& version) {
  const std::string settings = batch_padding_settings(*version.config);
  return (settings.empty() ? "" : "write " + settings + ", or ") +
         "export the model with a dynamic batch axis, if requests are to share runs";
}

void check_batching_off(const ModelFacts& model, const MachineFacts& /*machine*/,
                        Findings& findings) {
  const VersionFacts* version = loaded_version(model);
  if (version == nullptr || version->config->batching.max_batch_size > 0) return;
  if (!version->signature->has_batch_axis()) {
    const TensorSpec* const fixed = input_without_batch_axis(*version->signature);
    if (fixed == nullptr) return;
    findings.push_back({Severity::kNote, version->file, 0, "max_batch_size",
                        fmt::format("input '{}' has shape {}, without an open first axis: requests "
                                    "run one by one",
                                    printable(fixed->name), fixed->shape.to_string()),
                        fix_of_fixed_batch(*version), ""});
    return;
  }
  if (!says(model, "max_batch_size")) return;
  findings.push_back(at(model, Severity::kWarning, "max_batch_size",
                        "max_batch_size is 0, which switches batching off, and the model has an "
                        "open batch axis (Triton would batch by 4)",
                        fmt::format("max_batch_size: {}, or leave it out", kDefaultMaxBatchSize)));
}

void check_not_merged(const ModelFacts& model, const MachineFacts& /*machine*/,
                      Findings& findings) {
  const VersionFacts* version = loaded_version(model);
  if (version == nullptr || version->config->batching.max_batch_size < 2 ||
      version->config->dynamic_batching || !says(model, "max_batch_size"))
    return;
  findings.push_back(at(model, Severity::kWarning, "max_batch_size",
                        fmt::format("max_batch_size is {}, but without dynamic_batching no two "
                                    "requests share a batch",
                                    version->config->batching.max_batch_size),
                        "add dynamic_batching { }"));
}

void check_delay(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  if (!model.said) return;
  const BatchingOptions& batching = model.said->batching;
  constexpr std::string_view kField = "dynamic_batching.max_queue_delay_microseconds";
  if (batching.max_queue_delay > kLongDelay) {
    findings.push_back(at(model, Severity::kWarning, kField,
                          fmt::format("a request that is alone waits for {} ms; the unit is "
                                      "microseconds",
                                      batching.max_queue_delay.count() / 1000),
                          "write a time that requests can spare, as in "
                          "max_queue_delay_microseconds: 1000"));
  }
  const QueuePolicy& policy = batching.default_queue_policy;
  if (policy.default_timeout.count() > 0 && policy.default_timeout <= batching.max_queue_delay) {
    findings.push_back(
        at(model, Severity::kWarning,
           "dynamic_batching.default_queue_policy.default_timeout_microseconds",
           fmt::format("requests are due to expire after {} us, before a batch that "
                       "is not full has waited for its {} us",
                       policy.default_timeout.count(), batching.max_queue_delay.count()),
           fmt::format("write more than {}", batching.max_queue_delay.count())));
  }
}

void check_preferred_sizes(const ModelFacts& model, const MachineFacts& /*machine*/,
                           Findings& findings) {
  if (!model.said || model.said->batching.preferred_batch_sizes.empty()) return;
  const std::vector<std::int64_t>& sizes = model.said->batching.preferred_batch_sizes;
  if (sizes.front() != 1) return;
  findings.push_back(at(model, Severity::kWarning, "dynamic_batching.preferred_batch_size",
                        "1 is a preferred size: a request that is alone goes at once, and "
                        "max_queue_delay_microseconds means nothing",
                        "take the 1 out of preferred_batch_size"));
}

void check_cpu_budget(const ModelFacts& model, const MachineFacts& machine, Findings& findings) {
  if (!model.said) return;
  const int instances = model.said->instance_count;
  const std::size_t before = findings.size();
  if (instances > machine.thread_budget) {
    findings.push_back(at(model, Severity::kWarning, "instance_group.count",
                          fmt::format("{} instances share {}, so that all of them are slower",
                                      instances, machine.budget_text()),
                          fmt::format("count: {}", machine.thread_budget)));
  }
  // ONNX Runtime has a pool for the model; OpenVINO's number is of all streams together.
  constexpr std::array kThreads = {"intra_op_thread_count", "inter_op_thread_count",
                                   "INFERENCE_NUM_THREADS", "NUM_STREAMS"};
  for (const char* name : kThreads) {
    const std::optional<std::int64_t> threads = parameter(model, name);
    if (!threads || *threads <= machine.thread_budget) continue;
    const bool by_quota =
        machine.thread_budget == machine.cpu_budget && machine.cpu_budget < machine.cpus;
    findings.push_back(at_parameter(
        model, name, Severity::kWarning,
        fmt::format("{} is {}, and this process has {}{}", name, *threads, machine.budget_text(),
                    by_quota ? fmt::format(" of {} by its cgroup's quota", machine.cpus) : ""),
        fmt::format("write {} or less, or leave it out", machine.thread_budget)));
  }
  if (findings.size() > before) return;
  // Neither number by itself is too much, but both together.
  const auto busy = std::ranges::find_if(model.versions, [](const VersionFacts& version) {
    return !version.oversubscription.empty();
  });
  if (busy == model.versions.end()) return;
  const Finding said = finding_of(busy->oversubscription, "ask for fewer threads or instances");
  findings.push_back(at(model, Severity::kWarning, "instance_group", said.what, said.fix));
}

void check_spinning(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  if (!model.said) return;
  for (const char* name : {"session.intra_op.allow_spinning", "session.inter_op.allow_spinning"}) {
    if (parameter(model, name).value_or(0) != 1) continue;
    findings.push_back(at_parameter(model, name, Severity::kWarning,
                                    "threads that wait for work turn in circles, also when nobody "
                                    "asks for anything",
                                    "write 0, or leave it out"));
  }
}

// "bf16" for "bf16" and "BF16", as configurations have both.
std::string precision_name(const std::string& value) {
  if (value == "FP32") return "f32";
  if (value == "FP16") return "f16";
  return value == "BF16" ? "bf16" : value;
}

void check_precision(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  if (!model.said) return;
  const auto precision = model.said->parameters.find("INFERENCE_PRECISION_HINT");
  if (precision == model.said->parameters.end()) return;
  const std::string asked = precision_name(precision->second);
  const VersionFacts* version = loaded_version(model);
  const std::string has = version == nullptr ? std::string() : version->precision;
  if (!has.empty() && has != asked) {
    findings.push_back(at_parameter(model, precision->first, Severity::kWarning,
                                    fmt::format("{} is asked for, and this processor computes in "
                                                "{}",
                                                printable(asked), has),
                                    fmt::format("write {}, or f32", has)));
  } else if (asked != "f32") {
    const std::optional<std::string> path = shell_word(model.path);
    findings.push_back(at_parameter(
        model, precision->first, Severity::kNote,
        printable(asked) + " gives other answers than f32, and only on processors "
                           "that have it",
        "muster verify " + path.value_or("with this model") + " says how different they are"));
  }
}

// Input bytes of a batch of the largest size, where every dimension but the rows is known.
std::optional<double> batch_bytes(const VersionFacts& version) {
  double bytes = 0;
  for (const TensorSpec& input : version.config->inputs) {
    if (input.shape.rank() == 0) continue;
    double elements =
        static_cast<double>(std::max<std::int64_t>(1, version.config->batching.max_batch_size));
    const Shape row = input.shape.without_first();
    for (const std::int64_t dim : row.dims()) {
      if (dim == kDynamicDim) return std::nullopt;
      elements *= static_cast<double>(dim);
    }
    bytes += elements * static_cast<double>(element_size(input.type));
  }
  return bytes;
}

void check_batch_memory(const ModelFacts& model, const MachineFacts& machine, Findings& findings) {
  const VersionFacts* version = loaded_version(model);
  if (version == nullptr) return;
  const std::optional<double> bytes = batch_bytes(*version);
  const double all = bytes.value_or(0) * version->config->instance_count;
  const auto memory = static_cast<double>(machine.available_memory);
  if (all <= memory) return;
  constexpr double kMebibyte = 1 << 20;
  findings.push_back(at(
      model, Severity::kError, "max_batch_size",
      fmt::format("the inputs of {} batch{} of {} rows take {:.0f} MiB, and {:.0f} MiB are free",
                  version->config->instance_count, version->config->instance_count == 1 ? "" : "es",
                  version->config->batching.max_batch_size, all / kMebibyte, memory / kMebibyte),
      fmt::format(
          "max_batch_size: {} or less",
          static_cast<std::int64_t>(static_cast<double>(version->config->batching.max_batch_size) *
                                    memory / all))));
}

void check_accelerators(const ModelFacts& model, const MachineFacts& /*machine*/,
                        Findings& findings) {
  if (!model.said) return;
  for (const VersionFacts& version : model.versions) {
    if (!version.signature) continue;  // the failure to load says more
    for (const ExecutionAccelerator& accelerator : model.said->accelerators) {
      const std::string running = ", " + version.accelerators + ",";
      if (running.find(" " + accelerator.name + ",") != std::string::npos) continue;
      Finding finding =
          at(model, Severity::kWarning, "optimization.execution_accelerators",
             fmt::format("accelerator '{}' is not to be had here: {} runs the model",
                         printable(accelerator.name),
                         version.accelerators.empty() ? "the CPU" : version.accelerators),
             "install what the warning at load names, or take it out of the list");
      finding.line = accelerator.line;
      findings.push_back(std::move(finding));
    }
  }
}

void check_wanted_versions(const ModelFacts& model, const MachineFacts& /*machine*/,
                           Findings& findings) {
  if (!model.said) return;
  for (const std::int64_t version : model.said->versions.specific) {
    if (std::ranges::find(model.found_versions, version) != model.found_versions.end()) continue;
    findings.push_back(
        at(model, Severity::kWarning, "version_policy.specific.versions",
           fmt::format(
               "version {} is asked for, and there is no folder {}", version,
               printable((std::filesystem::path(model.path) / std::to_string(version)).string())),
           "put the version there, or take its number out of the list"));
  }
}

constexpr ModelCheck kChecks[] = {
    {"batching-off", check_batching_off},
    {"not-merged", check_not_merged},
    {"delay", check_delay},
    {"preferred-size", check_preferred_sizes},
    {"cpu-budget", check_cpu_budget},
    {"spinning", check_spinning},
    {"precision", check_precision},
    {"batch-memory", check_batch_memory},
    {"accelerator", check_accelerators},
    {"wanted-version", check_wanted_versions},
};

}  // namespace

std::span<const ModelCheck> config_checks() noexcept {
  return kChecks;
}

}  // namespace muster
