// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "inference/backend_parameters.h"

namespace muster::onnxruntime {
namespace {

constexpr std::int64_t kMaxThreads = 1024;

// What the text of each parameter said; what it did not say is left open for the defaults.
struct Given {
  std::int64_t intra_op_threads = 0;
  std::int64_t inter_op_threads = 0;
  std::optional<bool> arena;
  std::optional<bool> shrink;
  std::optional<bool> extends_as_requested;
};

std::optional<std::int64_t> number(std::string_view text, std::int64_t low, std::int64_t high) {
  const std::optional<std::int64_t> value = parse_int(text);
  return value && *value >= low && *value <= high ? value : std::nullopt;
}

bool read_flag(std::string_view text, bool& target) {
  const auto value = number(text, 0, 1);
  if (value) target = *value == 1;
  return value.has_value();
}

bool read_flag(std::string_view text, std::optional<bool>& target) {
  bool value = false;
  if (!read_flag(text, value)) return false;
  target = value;
  return true;
}

bool read_threads(std::string_view text, std::int64_t& target) {
  const auto value = number(text, 0, kMaxThreads);
  if (value) target = *value;
  return value.has_value();
}

bool read_graph_level(std::string_view text, GraphLevel& target) {
  constexpr std::array kLevels = {GraphLevel::kBasic, GraphLevel::kAll, GraphLevel::kExtended,
                                  GraphLevel::kDisabled};
  const auto value = number(text, -1, 2);
  if (value) target = kLevels[static_cast<std::size_t>(*value + 1)];
  return value.has_value();
}

bool read_shrinkage(std::string_view text, std::optional<bool>& target) {
  if (text != "cpu:0" && text != "off" && !text.empty()) return false;
  target = text == "cpu:0";
  return true;
}

struct Parameter {
  std::string_view name;
  std::string_view values;  // for the message
  bool (*read)(std::string_view text, Given& given, Options& options);
};

constexpr std::string_view kFlag = "0 or 1";
constexpr std::string_view kThreads = "0 to 1024 (0 = the share of the process's CPU budget)";

constexpr Parameter kParameters[] = {
    {"intra_op_thread_count", kThreads,
     [](std::string_view text, Given& given, Options&) {
       return read_threads(text, given.intra_op_threads);
     }},
    {"inter_op_thread_count", kThreads,
     [](std::string_view text, Given& given, Options&) {
       return read_threads(text, given.inter_op_threads);
     }},
    {"execution_mode", "0 (sequential) or 1 (parallel)",
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.parallel);
     }},
    {"session.graph_level", "0 (all), -1 (basic), 1 (extended) or 2 (disabled)",
     [](std::string_view text, Given&, Options& options) {
       return read_graph_level(text, options.graph_level);
     }},
    {"enable_mem_arena", kFlag,
     [](std::string_view text, Given& given, Options&) { return read_flag(text, given.arena); }},
    {"enable_mem_pattern", kFlag,
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.memory_pattern);
     }},
    {"memory.enable_memory_arena_shrinkage", "cpu:0 or off",
     [](std::string_view text, Given& given, Options&) {
       return read_shrinkage(text, given.shrink);
     }},
    {"arena_extend_strategy", "0 (next power of two) or 1 (same as requested)",
     [](std::string_view text, Given& given, Options&) {
       return read_flag(text, given.extends_as_requested);
     }},
    {"session.use_device_allocator_for_initializers", kFlag,
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.device_allocator_for_weights);
     }},
    {"session.intra_op.allow_spinning", kFlag,
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.intra_op_spinning);
     }},
    {"session.inter_op.allow_spinning", kFlag,
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.inter_op_spinning);
     }},
    {"session.set_denormal_as_zero", kFlag,
     [](std::string_view text, Given&, Options& options) {
       return read_flag(text, options.denormals_as_zero);
     }},
    {"session.disable_prepacking", kFlag,
     [](std::string_view text, Given&, Options& options) {
       bool disabled = false;
       if (!read_flag(text, disabled)) return false;
       options.prepacking = !disabled;
       return true;
     }},
};

// Triton's names for its CUDA provider: configurations have them, and on a CPU they change nothing.
constexpr std::string_view kForGpuOnly[] = {"gpu_mem_limit", "cudnn_conv_algo_search",
                                            "cudnn_conv_use_max_workspace",
                                            "do_copy_in_default_stream"};

Status refuse_unknown(const ModelConfig& config, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Parameter& parameter : kParameters)
    known.push_back(parameter.name);
  return unknown_parameter(config, name, "onnxruntime", known);
}

Status read_parameter(const ModelConfig& config, std::string_view name, std::string_view text,
                      Given& given, Options& options) {
  if (std::find(std::begin(kForGpuOnly), std::end(kForGpuOnly), name) != std::end(kForGpuOnly)) {
    options.ignored.emplace_back(name);
    return {};
  }
  for (const Parameter& parameter : kParameters) {
    if (parameter.name != name) continue;
    if (parameter.read(text, given, options)) return {};
    return wrong_parameter(config, name, text, parameter.values);
  }
  return refuse_unknown(config, name);
}

}  // namespace

Result<Options> parse_options(const ModelConfig& config, int threads, bool pooled) {
  Options options;
  Given given;
  for (const auto& [name, text] : config.parameters) {
    MUSTER_RETURN_IF_ERROR(read_parameter(config, name, text, given, options));
  }
  const int share = std::max(threads, 1);
  const auto count = [](std::int64_t wanted, int otherwise) {
    return wanted == 0 ? otherwise : static_cast<int>(wanted);
  };
  options.intra_op_threads = count(given.intra_op_threads, share);
  options.inter_op_threads = count(given.inter_op_threads, options.parallel ? share : 1);
  // What the shared pool cannot do for one model alone.
  const bool needs_own = given.intra_op_threads != 0 || options.parallel ||
                         options.intra_op_spinning || options.inter_op_spinning ||
                         options.denormals_as_zero;
  options.own_pool = !pooled || options.intra_op_threads == 1 || needs_own;
  options.arena = given.arena.value_or(true);
  options.arena_extends_as_requested = given.extends_as_requested.value_or(false);
  options.shrink_arena = given.shrink.value_or(options.arena);
  if (!options.arena && (options.shrink_arena || given.extends_as_requested)) {
    return invalid_argument(
        place_of(config, "enable_mem_arena") + " is 0, so that there is no arena for '" +
        std::string(options.shrink_arena ? "memory.enable_memory_arena_shrinkage"
                                         : "arena_extend_strategy") +
        "'; remove one of them");
  }
  return options;
}

}  // namespace muster::onnxruntime
