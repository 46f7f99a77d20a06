// SPDX-License-Identifier: Apache-2.0
// ModelService: one model folder, loaded, batched and ready to answer from inside your process.
//
// Open it once, call it from as many threads as you like, close or destroy it when done: every
// request that was accepted is answered first. docs/batching.md tells how batches form.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>
#include <muster/inference.h>

namespace muster {

inline constexpr std::int64_t kDefaultMaxRequestRows = 4096;
inline constexpr std::int64_t kMaxRequestRows = 1 << 20;

struct ServiceOptions {
  // Where set, they stand above the model's configuration.
  std::optional<std::int64_t> max_batch_size;
  // Also lets requests share batches, and takes the place of a latency target.
  std::optional<std::chrono::microseconds> max_queue_delay;
  std::optional<int> instance_count;
  // Rows of one request. One that has more than max_batch_size is run in parts, where the outputs
  // follow the rows; one that has more than this is refused. Default: kDefaultMaxRequestRows, or
  // max_batch_size where that is more.
  std::optional<std::int64_t> max_request_rows;
  // CPU threads a run may use; default: the cores this process may use, divided by the instances.
  std::optional<int> threads;
  // A folder in which backends keep what they compiled; "" = none is kept.
  std::string compiled_cache = {};
  // Plugins of ONNX Runtime (execution providers), by the name under which models may ask for them
  // in optimization.execution_accelerators; their code runs in this process.
  std::map<std::string, std::string, std::less<>> accelerator_libraries = {};
  // Runs the model instead of the backend its configuration names.
  std::shared_ptr<Backend> backend = nullptr;
};

// Running totals since the service was opened.
struct ServiceStatistics {
  std::uint64_t requests_accepted = 0;
  std::uint64_t requests_refused = 0;  // did not fit, queue full, closed
  std::uint64_t requests_succeeded = 0;
  std::uint64_t requests_failed = 0;  // by the runtime
  std::uint64_t requests_expired = 0;
  std::uint64_t requests_cancelled = 0;
  std::uint64_t rows = 0;                                            // run
  std::uint64_t batches = 0;                                         // run
  std::array<std::uint64_t, kCloseReasonCount> batches_by_reason{};  // index: CloseReason
  std::map<std::int64_t, std::uint64_t> batches_by_rows;
};

// What compile_model is to do.
struct CompileOptions {
  std::string backend = "tensorrt";
  // Parameters of that backend. They stand above those of the model's configuration, which count
  // where it names the same backend.
  std::map<std::string, std::string, std::less<>> parameters = {};
  // A folder in which the backend keeps what it compiled, and finds it again; "" = none is kept.
  std::string compiled_cache = {};
  // The file to write, for example a model.plan; it is there whole or not at all. "" = none.
  std::string output = {};
};

// Compiles a model ahead of time, its ONNX file, for this machine. `path`: as of
// ModelService::open. Blocks; minutes where it must compile. `listener` hears how far it is and may
// stop it: kCancelled, and nothing is left behind.
[[nodiscard]] Result<CompiledFile> compile_model(const std::string& path,
                                                 const CompileOptions& options,
                                                 CompileListener& listener);

class ModelService final : public InferenceService {
 public:
  // `path`: a model folder (`config.pbtxt`, `1/model.onnx`, ...), its version folder, or a model
  // file. Blocks while the model loads, is run on zeros, and its sessions are made.
  static Result<std::unique_ptr<ModelService>> open(const std::string& path,
                                                    const ServiceOptions& options = {});
  ModelService(const ModelService&) = delete;
  ModelService& operator=(const ModelService&) = delete;
  // Closes first. After it no completion runs any more. Not to be called by a completion.
  ~ModelService() override;

  // Runs or waits on the calling thread; where a session is idle and there is nothing to wait for,
  // without a hop to another thread.
  [[nodiscard]] Result<InferResponse> infer(InferRequest request);
  // The same, answered through a future or a completion.
  [[nodiscard]] std::future<Result<InferResponse>> submit(InferRequest request);
  void infer(InferRequest request, Completion completion) override;
  bool cancel(RequestTicket ticket) override;

  // A PNG or JPEG file's bytes, preprocessed as the configuration says, to its `top_k` best
  // classes, best first. Decodes on the calling thread, then infers as `infer` does.
  [[nodiscard]] Result<std::vector<ClassScore>> classify(std::span<const std::byte> picture,
                                                         std::size_t top_k = 1);
  // The input's shape for that many pictures, as rows made by file_to_row(config().image) one after
  // the other. kFailedPrecondition where the model takes no pictures, or not so many at once.
  [[nodiscard]] Result<Shape> picture_shape(std::int64_t pictures) const;
  // The best classes of each row of a classifier's response.
  [[nodiscard]] Result<std::vector<std::vector<ClassScore>>> scores(const InferResponse& response,
                                                                    std::size_t top_k) const;

  // Refuses new requests, runs what waits without further delay, and returns when every accepted
  // request has been answered. Safe to call twice and from any thread. On a thread that runs a
  // completion it only begins: waiting there would be waiting for itself.
  void close();

  [[nodiscard]] Result<std::shared_ptr<const ModelDescription>> describe(
      std::string_view model, std::int64_t version = 0) const override;
  [[nodiscard]] const ModelSignature& signature() const;
  [[nodiscard]] const ModelConfig& config() const;
  [[nodiscard]] ServiceStatistics statistics() const;

 private:
  struct Parts;
  explicit ModelService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster
