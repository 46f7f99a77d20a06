// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/options.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "inference/backend_parameters.h"

namespace muster::openvino {
namespace {

constexpr std::int64_t kMaxThreads = 1024;
constexpr std::int64_t kMaxStreams = 256;
constexpr std::int64_t kMaxStaticBatchSize = 65536;

// What was said; what was not is left open for the defaults.
struct Given {
  std::int64_t threads = 0;
  std::int64_t streams = 0;
};

bool read_yes(std::string_view text, bool& target) {
  if (text != "YES" && text != "NO") return false;
  target = text == "YES";
  return true;
}

bool read_streams(std::string_view text, std::int64_t& target) {
  return text == "AUTO" || read_number(text, 1, kMaxStreams, target);
}

bool read_hint(std::string_view text, Hint& target) {
  if (text != "LATENCY" && text != "THROUGHPUT" && text != "CUMULATIVE_THROUGHPUT") return false;
  target = text == "LATENCY" ? Hint::kLatency : Hint::kThroughput;
  return true;
}

bool read_precision(std::string_view text, Precision& target) {
  constexpr std::pair<std::string_view, Precision> kPrecisions[] = {
      {"f32", Precision::kFp32},  {"f16", Precision::kFp16},  {"bf16", Precision::kBf16},
      {"FP32", Precision::kFp32}, {"FP16", Precision::kFp16}, {"BF16", Precision::kBf16}};
  const auto* found =
      std::ranges::find(kPrecisions, text, &std::pair<std::string_view, Precision>::first);
  if (found == std::end(kPrecisions)) return false;
  target = found->second;
  return true;
}

// "1,2,8", or "none".
bool read_sizes(std::string_view text, std::optional<std::vector<std::int64_t>>& target) {
  std::vector<std::int64_t> sizes;
  if (text != "none" && !read_numbers(text, 1, kMaxStaticBatchSize, kMaxStaticBatchSizes, sizes))
    return false;
  target = std::move(sizes);
  return true;
}

struct Parameter {
  std::string_view name;
  std::string_view values;  // for the message
  bool (*read)(std::string_view text, Given& given, Options& options);
};

constexpr std::string_view kYes = "YES or NO";

constexpr Parameter kParameters[] = {
    {"INFERENCE_NUM_THREADS", "0 to 1024 (0 = the share of the process's CPU budget)",
     [](std::string_view text, Given& given, Options&) {
       return read_number(text, 0, kMaxThreads, given.threads);
     }},
    {"NUM_STREAMS", "AUTO (one for each instance) or 1 to 256",
     [](std::string_view text, Given& given, Options&) {
       return read_streams(text, given.streams);
     }},
    {"PERFORMANCE_HINT", "LATENCY, THROUGHPUT or CUMULATIVE_THROUGHPUT",
     [](std::string_view text, Given&, Options& options) { return read_hint(text, options.hint); }},
    {"INFERENCE_PRECISION_HINT", "f32, f16 or bf16",
     [](std::string_view text, Given&, Options& options) {
       return read_precision(text, options.precision);
     }},
    {"ENABLE_CPU_PINNING", kYes,
     [](std::string_view text, Given&, Options& options) {
       return read_yes(text, options.pin_threads);
     }},
    {"CPU_DENORMALS_OPTIMIZATION", kYes,
     [](std::string_view text, Given&, Options& options) {
       return read_yes(text, options.denormals_as_zero);
     }},
    {"ENABLE_BATCH_PADDING", kYes,
     [](std::string_view text, Given&, Options& options) {
       return read_yes(text, options.pad_batches);
     }},
    {"RESHAPE_IO_LAYERS", kYes,
     [](std::string_view text, Given&, Options& options) {
       return read_yes(text, options.reshape_inputs);
     }},
    {"STATIC_BATCH_SIZES", "none, or up to 64 batch sizes, as in 1,2,4",
     [](std::string_view text, Given&, Options& options) {
       return read_sizes(text, options.static_batch_sizes);
     }},
    {"SKIP_OV_DYNAMIC_BATCHSIZE", kYes,
     [](std::string_view text, Given&, Options& options) {
       bool skip = false;
       // Of an older OpenVINO's way to change the batch; open axes are used here in any case.
       options.ignored.emplace_back("SKIP_OV_DYNAMIC_BATCHSIZE");
       return read_yes(text, skip);
     }},
    {"TARGET_DEVICE", "CPU (this backend uses no other device)",
     [](std::string_view text, Given&, Options&) { return text == "CPU"; }},
};

Status refuse_unknown(const ModelConfig& config, std::string_view name) {
  if (name == "CPU_EXTENSION_PATH") {
    return invalid_argument(
        place_of(config, name) +
        " is refused: no code is loaded at the word of a model's configuration");
  }
  if (name == "CACHE_DIR") {
    return invalid_argument(place_of(config, name) +
                            " is refused: where compiled models are kept is for the server to say "
                            "(--compiled-model-cache)");
  }
  std::vector<std::string_view> known;
  for (const Parameter& parameter : kParameters)
    known.push_back(parameter.name);
  return unknown_parameter(config, name, "openvino", known);
}

Status read_parameter(const ModelConfig& config, std::string_view name, std::string_view text,
                      Given& given, Options& options) {
  const auto* parameter = std::ranges::find(kParameters, name, &Parameter::name);
  if (parameter == std::end(kParameters)) return refuse_unknown(config, name);
  if (parameter->read(text, given, options)) return {};
  return wrong_parameter(config, name, text, parameter->values);
}

Status check_together(const ModelConfig& config, const Options& options) {
  const std::int64_t limit = config.batching.max_batch_size;
  if (options.pad_batches && limit == 0) {
    return invalid_argument(place_of(config, "ENABLE_BATCH_PADDING") +
                            " is YES, which needs max_batch_size: the batch size of the file");
  }
  if (options.reshape_inputs && config.inputs.empty()) {
    return invalid_argument(place_of(config, "RESHAPE_IO_LAYERS") +
                            " is YES, but the configuration lists no input to take shapes from");
  }
  if (options.static_batch_sizes && !options.static_batch_sizes->empty() && limit > 0 &&
      options.static_batch_sizes->back() > limit) {
    return invalid_argument(place_of(config, "STATIC_BATCH_SIZES") + " has " +
                            std::to_string(options.static_batch_sizes->back()) +
                            ", which is more than max_batch_size " + std::to_string(limit));
  }
  return {};
}

}  // namespace

Result<Options> parse_options(const ModelConfig& config, const ModelSource& source) {
  Options options;
  Given given;
  for (const auto& [name, text] : config.parameters) {
    MUSTER_RETURN_IF_ERROR(read_parameter(config, name, text, given, options));
  }
  const std::int64_t share = std::max(source.threads, 1);
  const std::int64_t sessions = std::clamp<std::int64_t>(source.sessions, 1, kMaxStreams);
  const std::int64_t streams = given.streams == 0 ? sessions : given.streams;
  const std::int64_t threads = given.threads == 0 ? share * streams : given.threads;
  options.streams = static_cast<int>(streams);
  // A stream without a thread would be none.
  options.threads = static_cast<int>(std::max(threads, streams));
  options.own_threads = !source.pooled || given.threads != 0;
  MUSTER_RETURN_IF_ERROR(check_together(config, options));
  return options;
}

}  // namespace muster::openvino
