// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/options.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "inference/backend_parameters.h"

namespace muster::tensorrt {
namespace {

constexpr std::int64_t kMaxDevice = 63;
constexpr std::int64_t kMaxBatchSize = 65536;
constexpr std::int64_t kMaxLevel = 5;
constexpr std::uint64_t kLeastWorkspace = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;
constexpr std::int64_t kMaxAge = std::int64_t{366} * 86400;  // seconds
constexpr std::int64_t kMaxRequests = std::int64_t{1} << 53;
// Channels of a picture.
constexpr std::size_t kMaxChannels = 4;

template <typename Value>
using Words = std::initializer_list<std::pair<std::string_view, Value>>;

template <typename Value>
bool read_word(std::string_view text, Words<Value> words, Value& target) {
  for (const auto& [word, value] : words) {
    if (word != text) continue;
    target = value;
    return true;
  }
  return false;
}

bool read_int(std::string_view text, std::int64_t low, std::int64_t high, int& target) {
  std::int64_t number = 0;
  if (!read_number(text, low, high, number)) return false;
  target = static_cast<int>(number);
  return true;
}

bool read_yes(std::string_view text, bool& target) {
  return read_word<bool>(text, {{"true", true}, {"1", true}, {"false", false}, {"0", false}},
                         target);
}

bool read_precision(std::string_view text, Precision& target) {
  return read_word<Precision>(text,
                              {{"fp32", Precision::kFp32},
                               {"f32", Precision::kFp32},
                               {"tf32", Precision::kTf32},
                               {"fp16", Precision::kFp16},
                               {"f16", Precision::kFp16},
                               {"bf16", Precision::kBf16},
                               {"int8", Precision::kInt8}},
                              target);
}

// "1G", "512MiB", or bytes.
bool read_bytes(std::string_view text, std::uint64_t least, std::uint64_t& target) {
  constexpr std::pair<std::string_view, unsigned> kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30},
                                                              {"K", 10},   {"M", 20},   {"G", 30}};
  unsigned shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    shift = bits;
    break;
  }
  const std::optional<std::int64_t> count = parse_int(text);
  if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > kMostBytes >> shift)
    return false;
  target = static_cast<std::uint64_t>(*count) << shift;
  return target >= least;
}

// "90", "90s", "30m", "6h".
bool read_age(std::string_view text, std::chrono::seconds& target) {
  std::int64_t unit = 1;
  if (!text.empty() && read_word<std::int64_t>(text.substr(text.size() - 1),
                                               {{"s", 1}, {"m", 60}, {"h", 3600}}, unit)) {
    text.remove_suffix(1);
  }
  std::int64_t count = 0;
  if (!read_number(text, 0, kMaxAge / unit, count)) return false;
  target = std::chrono::seconds(count * unit);
  return true;
}

struct Parameter {
  std::string_view name;
  std::string_view values;  // for the message
  bool (*read)(std::string_view text, Options& options);
};

constexpr Parameter kParameters[] = {
    {"device", "the number of a GPU, 0 to 63",
     [](std::string_view text, Options& options) {
       return read_int(text, 0, kMaxDevice, options.run.device);
     }},
    {"precision", "fp32, tf32, fp16, bf16 or int8",
     [](std::string_view text, Options& options) {
       return read_precision(text, options.build.precision);
     }},
    {"workspace", "bytes from 1M to 1024G, as in 1G",
     [](std::string_view text, Options& options) {
       return read_bytes(text, kLeastWorkspace, options.build.workspace_bytes);
     }},
    {"builder_optimization_level", "0 to 5",
     [](std::string_view text, Options& options) {
       return read_int(text, 0, kMaxLevel, options.build.level);
     }},
    {"lanes", "1 to 16",
     [](std::string_view text, Options& options) {
       return read_int(text, 1, kMaxLanes, options.run.lanes);
     }},
    {"compute_order", "turns, concurrent or ordered",
     [](std::string_view text, Options& options) {
       return read_word<ComputeOrder>(text,
                                      {{"turns", ComputeOrder::kTurns},
                                       {"concurrent", ComputeOrder::kConcurrent},
                                       {"ordered", ComputeOrder::kOrdered}},
                                      options.run.order);
     }},
    {"compute_turns", "1 to 16",
     [](std::string_view text, Options& options) {
       return read_int(text, 1, kMaxLanes, options.run.compute_turns);
     }},
    {"compute_turn_bytes", "bytes up to 1024G, as in 1M",
     [](std::string_view text, Options& options) {
       return read_bytes(text, 0, options.run.compute_turn_bytes);
     }},
    {"wait", "auto, spin or block",
     [](std::string_view text, Options& options) {
       return read_word<WaitChoice>(text,
                                    {{"auto", WaitChoice::kAuto},
                                     {"spin", WaitChoice::kSpin},
                                     {"block", WaitChoice::kBlock}},
                                    options.run.wait);
     }},
    {"graphs", "true or false",
     [](std::string_view text, Options& options) { return read_yes(text, options.run.graphs); }},
    {"graph_batch_sizes", "up to 512 batch sizes, as in 1,2,4",
     [](std::string_view text, Options& options) {
       return read_numbers(text, 1, kMaxBatchSize, kMaxGraphs, options.run.graph_batch_sizes);
     }},
    {"context_max_age",
     "0 (contexts are not renewed for their age) or a time, as in 90s, 30m or 6h",
     [](std::string_view text, Options& options) {
       return read_age(text, options.run.context_max_age);
     }},
    {"context_max_requests",
     "0 (contexts are not renewed for what they ran) or a number of batches",
     [](std::string_view text, Options& options) {
       std::int64_t count = 0;
       if (!read_number(text, 0, kMaxRequests, count)) return false;
       options.run.context_max_requests = static_cast<std::uint64_t>(count);
       return true;
     }},
};
// Read after all others: its message is parse_profiles'.
constexpr std::string_view kProfiles = "profiles";

Status refuse_unknown(const ModelConfig& config, std::string_view name) {
  if (name.starts_with("trt_engine_cache") || name == "engine_cache" || name == "CACHE_DIR") {
    return invalid_argument(place_of(config, name) +
                            " is refused: where engines are kept is for the server to say "
                            "(--compiled-model-cache)");
  }
  if (name == "plugins" || name == "plugin") {
    return invalid_argument(
        place_of(config, name) +
        " is refused: no code is loaded at the word of a model's configuration");
  }
  std::vector<std::string_view> known = {kProfiles};
  for (const Parameter& parameter : kParameters)
    known.push_back(parameter.name);
  return unknown_parameter(config, name, "tensorrt", known);
}

Status read_parameter(const ModelConfig& config, std::string_view name, std::string_view text,
                      Options& options) {
  if (name == kProfiles) return {};
  const auto* parameter = std::ranges::find(kParameters, name, &Parameter::name);
  if (parameter == std::end(kParameters)) return refuse_unknown(config, name);
  if (parameter->read(text, options)) return {};
  return wrong_parameter(config, name, text, parameter->values);
}

Result<std::vector<ProfileText>> profiles_for(const ModelConfig& config) {
  const auto given = config.parameters.find(kProfiles);
  if (given != config.parameters.end()) {
    Result<std::vector<ProfileText>> profiles = parse_profiles(given->second);
    if (profiles.ok()) return profiles;
    return profiles.status().with_context(place_of(config, kProfiles));
  }
  BatchingOptions batching = config.batching;
  if (batching.max_batch_size == 0) batching.max_batch_size = kUsualMaxBatchSize;
  return profiles_of(batching);
}

Status check_pixels(const PixelScaling& pixels) {
  const auto good = [](const std::vector<double>& values) {
    return !values.empty() && values.size() <= kMaxChannels &&
           std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
  };
  if (!std::isfinite(pixels.scale) || !good(pixels.mean) || !good(pixels.std) ||
      std::ranges::any_of(pixels.std, [](double value) { return value == 0; })) {
    return invalid_argument(
        "image.scale, image.mean and image.std must be numbers, one or one for each channel, and "
        "no std 0");
  }
  return {};
}

}  // namespace

std::string_view precision_name(Precision precision) noexcept {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kFp16:
      return "fp16";
    case Precision::kBf16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
  }
  return "";
}

std::string_view arithmetic_name(std::string_view precision) noexcept {
  if (precision == "fp32") return "f32";
  return precision == "fp16" ? "f16" : precision;
}

Result<Options> parse_options(const ModelConfig& config, const ModelSource& source) {
  Options options;
  for (const auto& [name, text] : config.parameters)
    MUSTER_RETURN_IF_ERROR(read_parameter(config, name, text, options));
  MUSTER_ASSIGN_OR_RETURN(options.build.profiles, profiles_for(config));
  if (source.pixels) MUSTER_RETURN_IF_ERROR(check_pixels(*source.pixels));
  options.build.pixels = source.pixels;
  return options;
}

}  // namespace muster::tensorrt
