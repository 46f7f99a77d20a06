// SPDX-License-Identifier: Apache-2.0
// What a model is: its signature (what the file says) and its configuration (what is wanted of it).
//
// Field names, meanings and defaults of ModelConfig follow Triton's `config.pbtxt` (message
// ModelConfig); docs/configuration.md lists every one with what Muster does of it. Plain values.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/tensor.h>

namespace muster {

// How a picture becomes one row of an input; <muster/image.h> does it.
struct ImagePreprocessing {
  enum class Color : std::uint8_t { kGrayscale, kRgb, kBgr };
  enum class Layout : std::uint8_t { kNchw, kNhwc };

  Color color = Color::kRgb;
  Layout layout = Layout::kNchw;
  DataType type = DataType::kFp32;  // kFp32, or kUint8 (for which scale, mean and std are not used)
  std::int64_t height = 0;          // pixels after resizing; both at least 1
  std::int64_t width = 0;
  double scale = 1.0 / 255.0;              // this and the two below: computed in float
  std::array<double, 3> mean = {0, 0, 0};  // in pixel units (0..255), by channel of `color`
  std::array<double, 3> std = {1, 1, 1};   // divides after scaling

  [[nodiscard]] std::int64_t channels() const noexcept {
    return color == Color::kGrayscale ? 1 : 3;
  }
  // The shape of one row, without batch axis: [C,H,W] or [H,W,C].
  [[nodiscard]] Shape row_shape() const;
};

struct TensorSpec {
  std::string name;
  DataType type = DataType::kInvalid;
  Shape shape;  // as the model file has it, batch axis included; kDynamicDim where open
  // The model's own names of the open dimensions, "" elsewhere; empty where it names none.
  std::vector<std::string> dim_names;
};

struct ModelSignature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;

  // Every input has an open first axis: rows of several requests can share one run.
  [[nodiscard]] bool has_batch_axis() const noexcept;
  [[nodiscard]] const TensorSpec* find_input(std::string_view name) const noexcept;
  [[nodiscard]] const TensorSpec* find_output(std::string_view name) const noexcept;
};

// What is done with requests that wait in the queue for too long, or are too many.
struct QueuePolicy {
  enum class TimeoutAction : std::uint8_t {
    kReject,  // the request is answered kDeadlineExceeded
    kDelay,   // it stands behind all of its priority level that are not late
  };
  TimeoutAction timeout_action = TimeoutAction::kReject;
  std::chrono::microseconds default_timeout{0};  // 0 = none; a request's own only shortens it
  std::size_t max_queue_size = 4096;             // requests waiting; more are refused at once

  friend bool operator==(const QueuePolicy&, const QueuePolicy&) = default;
};

// How requests become batches. Times are waiting times in the queue.
struct BatchingOptions {
  std::int64_t max_batch_size = 0;  // rows; 0 = the model has no batch axis, run one by one
  std::vector<std::int64_t> preferred_batch_sizes;  // ascending; closes a batch early
  std::chrono::microseconds max_queue_delay{0};     // wait that long for more rows; 0 = never
  // From coming in to going out, parameter latency_target_ms; 0 = none. With one, requests share
  // batches, sizes and waits follow from what batches cost, and what cannot be in time is dropped.
  std::chrono::microseconds latency_target{0};
  std::size_t max_queue_bytes = std::size_t{1} << 30;  // of tensors waiting; more are refused
  QueuePolicy default_queue_policy;
  std::int64_t priority_levels = 0;         // 1 goes first; 0 = a request's priority means nothing
  std::int64_t default_priority_level = 0;  // of requests whose priority names no level
  std::map<std::int64_t, QueuePolicy> level_policies;  // by level; others have the default
};

// Which of the version folders are wanted. One is served at a time: the newest of these.
struct VersionChoice {
  enum class Kind : std::uint8_t { kLatest, kAll, kSpecific };

  Kind kind = Kind::kLatest;
  std::int64_t latest = 1;             // kLatest: that many of the newest
  std::vector<std::int64_t> specific;  // kSpecific: ascending
};

// Another library or device below a runtime, which takes the operators that it can of a model:
// ONNX Runtime calls it an execution provider.
struct ExecutionAccelerator {
  std::string name;  // "openvino", "cuda", "tensorrt", or what the server gave a plugin
  std::map<std::string, std::string, std::less<>> parameters;
  bool on_gpu = false;
  int line = 0;  // in config_file
};

// Where what a model runs must first be compiled for minutes: what serves it meanwhile.
struct StandInOptions {
  bool aside = true;             // parameter build: "aside"; false, "first": nothing serves it
  std::string fallback_backend;  // "" = onnxruntime
  // By how much what was compiled may differ from it, as a part of what it should be; nothing = by
  // its precision.
  std::optional<double> tolerance;
};

struct ModelConfig {
  std::string name;
  std::string backend;         // "onnxruntime", "scripted", ...
  std::string model_filename;  // default_model_filename; "" = the backend's usual name
  VersionChoice versions;
  // The tensors as served, batch axis included: the model's, in its order, narrowed to what
  // config.pbtxt says of them (all inputs; the outputs that it lists, or all). Before the model is
  // loaded: what config.pbtxt lists, for backends that need no model file.
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  BatchingOptions batching;
  bool dynamic_batching = false;  // several requests may share a batch
  int instance_count = 1;         // runners of a batch that work side by side
  // Backend parameters, as in config.pbtxt's `parameters`; Muster's own are not here but in fields
  // of their own. `optimization.graph.level` is "session.graph_level".
  std::map<std::string, std::string, std::less<>> parameters;
  std::map<std::string, int, std::less<>> parameter_lines;  // in config_file
  // All that can be had are used, the first ones first; one at least must be.
  std::vector<ExecutionAccelerator> accelerators;
  StandInOptions stand_in;  // parameters build, fallback_backend and build_tolerance
  // Output name -> class labels by index.
  std::map<std::string, std::vector<std::string>, std::less<>> labels;
  std::map<std::string, std::string, std::less<>> label_files;  // output name -> bare file name
  std::optional<ImagePreprocessing> image;  // how a picture becomes a row of the only input
  bool image_from_config = false;           // false: derived from the input's shape
  // "softmax", "none" or "auto" (softmax unless the row already is a distribution).
  std::string activation = "auto";

  std::string config_file;  // what was read, "" without one
  // One line each, for whoever opens the model to log: what was said and has no effect.
  std::vector<std::string> warnings;

  // How a backend's refusal of a parameter begins: "models/lenet/config.pbtxt:12: parameter 'x'".
  [[nodiscard]] std::string parameter_place(std::string_view parameter) const {
    const auto line = parameter_lines.find(parameter);
    const std::string place = line == parameter_lines.end()
                                  ? std::string()
                                  : config_file + ":" + std::to_string(line->second) + ": ";
    return place + "parameter '" + std::string(parameter) + "'";
  }
};

// What a model is, for those who talk to it. Immutable, and alive as long as somebody holds it.
struct ModelDescription {
  ModelConfig config;
  std::string config_text;   // `config` as config.pbtxt
  std::int64_t version = 0;  // 0 = a file, or a folder without versions
  ModelSignature signature;
  std::string file;     // the model file
  std::string runtime;  // "ONNX Runtime 1.32.0"
};

// A class that a classifier found in a row.
struct ClassScore {
  std::int64_t index = 0;
  std::string label;  // from labels.txt, or the index in decimal
  double probability = 0;
};

}  // namespace muster
