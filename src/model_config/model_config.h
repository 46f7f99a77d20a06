// SPDX-License-Identifier: Apache-2.0
// Model configuration: the text of config.pbtxt becomes a ModelConfig, checked against the model.
// Two steps, because a part of it is needed to load the model that the rest is checked against:
//
//   parse_model_config | no_model_config   put_above?   Backend::load(config())   resolve
//
// Pure: no file is opened here. Text and model may be hostile; every limit is named below. Errors
// are one line, "models/lenet/config.pbtxt:12: what is wrong and how to put it right", the first
// by line with the number of the others. Safe from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>
#include <muster/model.h>

namespace muster {

inline constexpr std::size_t kMaxAccelerators = 16;

inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;  // of a text or a JSON
inline constexpr int kMaxConfigDepth = 16;                            // messages within messages
inline constexpr int kMaxConfigEntries = 4096;                        // of any repeated field
inline constexpr std::int64_t kMaxBatchSize = 65536;
inline constexpr std::int64_t kDefaultMaxBatchSize = 64;  // where a batch axis is there and no word
inline constexpr std::int64_t kMaxInstanceCount = 256;
inline constexpr std::int64_t kMaxQueueSize = 1 << 20;  // requests, of each priority level
inline constexpr std::int64_t kMaxPriorityLevels = 256;
inline constexpr std::chrono::microseconds kMaxQueueWait = std::chrono::hours(24);
inline constexpr std::int64_t kMaxImageSide = 16384;  // pixels that a picture is resized to
inline constexpr std::size_t kMaxLabels = std::size_t{1} << 20;

// The parameter that says within how many milliseconds requests are to be answered.
inline constexpr std::string_view kLatencyTargetKey = "latency_target_ms";
// Those of StandInOptions.
inline constexpr std::string_view kBuildKey = "build";
inline constexpr std::string_view kFallbackKey = "fallback_backend";
inline constexpr std::string_view kToleranceKey = "build_tolerance";

// What is wrong with a configuration, or has no effect, by itself.
struct ConfigRemark {
  int line = 0;  // 0 = not known, or of the whole
  bool is_error = false;
  std::string text;  // "what; fix", without file and line
};

struct ParseContext {
  std::string file;            // of the text, for messages
  std::string directory_name;  // the model folder's; "" = `name` is not compared with it
  // Gets all that was found, also what the status has no room for. May be null.
  std::vector<ConfigRemark>* remarks = nullptr;
};

// A configuration that is right in itself and not yet compared with the model. Movable.
class ParsedConfig {
 public:
  ParsedConfig(ParsedConfig&&) noexcept;
  ParsedConfig& operator=(ParsedConfig&&) noexcept;
  ~ParsedConfig();

  // What Backend::load and the choice of a version need: name, backend ("" = go by the file),
  // model_filename, versions, instance_count, parameters, stand_in, config_file,
  // batching.max_queue_delay;
  // inputs and outputs as written; max_batch_size, whose line is among those of the parameters
  // where it is written. The other fields mean nothing before `resolve`.
  [[nodiscard]] const ModelConfig& config() const noexcept;

  struct Parts;  // of this folder's own use
  explicit ParsedConfig(std::unique_ptr<Parts> parts);
  [[nodiscard]] const Parts& parts() const noexcept { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

[[nodiscard]] Result<ParsedConfig> parse_model_config(std::string_view text,
                                                      const ParseContext& context);
// A folder without config.pbtxt.
[[nodiscard]] ParsedConfig no_model_config(std::string name);
// The configuration that a load call brings, in JSON as the protocol's ModelConfig call gives it:
// it may be partial and stands above what is below it, field by field. Lists replace lists, maps
// take over each key that is given, and an empty list or map says nothing. `context.file` names
// where it came from ("the configuration sent for models/lenet"): no lines are known for it.
[[nodiscard]] Result<ParsedConfig> put_above(const ParsedConfig& below, std::string_view json,
                                             const ParseContext& context);

// Where the backend is to scale pixels itself (ModelSource::pixels): the only input that is listed
// is UINT8, and image.scale, image.mean or image.std is said.
[[nodiscard]] std::optional<PixelScaling> scaled_pixels(const ParsedConfig& parsed);

struct ResolveContext {
  std::string backend;     // the one that loaded the model
  std::string model_file;  // for messages
  // Reads a file of the model folder whole, up to a limit of the caller's. Called with bare names
  // only; kNotFound where there is none. Null: nothing is read and label files go unchecked.
  std::function<Result<std::string>(std::string_view bare_name)> read_file;
  std::vector<ConfigRemark>* remarks = nullptr;  // as of ParseContext
  // The backend has done what scaled_pixels() says.
  bool scales_pixels = false;
};

// Compares with the model, and completes what was not said. Without a configuration, `labels.txt`
// is read for the only output where it is there.
[[nodiscard]] Result<ModelConfig> resolve(const ParsedConfig& parsed,
                                          const ModelSignature& signature,
                                          const ResolveContext& context);

// A resolved configuration as config.pbtxt, ending in a line break. Parsed and resolved with the
// same signature and files it gives the same again.
[[nodiscard]] std::string to_text(const ModelConfig& config);

// The version to serve of those that are there (in any order). kNotFound names what is missing.
[[nodiscard]] Result<std::int64_t> choose_version(const VersionChoice& choice,
                                                  std::span<const std::int64_t> available);

// The backend that a model file's name tells, "" where it tells none: "model.onnx".
[[nodiscard]] std::string_view backend_of_file(std::string_view file_name) noexcept;
// The usual file name of a backend's models, "" where the backend has none: "onnxruntime".
[[nodiscard]] std::string_view usual_model_filename(std::string_view backend) noexcept;
// Whether the backend reads ONNX files beside those of its usual name.
[[nodiscard]] bool reads_onnx_too(std::string_view backend) noexcept;

}  // namespace muster
