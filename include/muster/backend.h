// SPDX-License-Identifier: Apache-2.0
// The backend contract: Backend -> CompiledModel -> Session. A runtime is added by implementing it.
//
// Vendor types and exceptions stop behind these three interfaces. docs/backends.md tells how to
// write one; a backend is a shared library with the one exported function at the end.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>
#include <muster/tensor.h>

namespace muster {

// What prepare_input and run say where no later call can succeed either: the device is gone, its
// context is corrupt. The model is then taken out of service instead of failing request by request;
// loading it again is the way back. Any other failure is the batch's own.
inline constexpr StatusCode kBrokenForGood = StatusCode::kDataLoss;

// Runs one batch at a time; used by one thread at a time. Per batch:
//   prepare_input* run output*
// A failed call leaves the session ready for the next prepare_input, but for kBrokenForGood.
class Session {
 public:
  virtual ~Session() = default;

  // Host memory of exactly `size` bytes (for BYTES: the elements in serialised form) that the
  // caller fills before run(). `shape` is the whole batch's. Valid until run() returns.
  virtual Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                                     std::size_t size) = 0;
  // Every input must have been prepared. Blocks until the outputs are there.
  virtual Status run() = 0;
  // Valid until the next prepare_input or the session's end.
  [[nodiscard]] virtual Result<TensorView> output(std::size_t index) = 0;
};

// What runs of a model keep busy on the CPU.
struct ComputeThreads {
  // Of one run, at most, the calling thread included; 0 = it computes elsewhere, or hardly.
  int per_run = 0;
  int own = 0;  // that this model alone has, beside the threads that call; what a run uses
                // beyond these comes from the pool that all models of the backend share
};

// Loaded weights: immutable, shared by its sessions and safe to use from any thread.
class CompiledModel {
 public:
  virtual ~CompiledModel() = default;

  [[nodiscard]] virtual const ModelSignature& signature() const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Session>> new_session() const = 0;
  // True: a session must be made, used and destroyed on one and the same thread. False: threads
  // may take turns, so that a caller who finds one idle can run it without a thread hop.
  [[nodiscard]] virtual bool sessions_are_thread_bound() const = 0;
  // False: no run is slower for being the first of its shape, so that none is made on zeros before
  // the model serves.
  [[nodiscard]] virtual bool gains_from_warm_up() const { return true; }
  // What of the runtime runs it, beside the runtime itself: "tensorrt, cuda"; "" = nothing else.
  [[nodiscard]] virtual std::string accelerators() const { return {}; }
  // Of its runs; constant after the load. Any thread.
  [[nodiscard]] virtual ComputeThreads threads() const { return {}; }
  // The arithmetic that it computes in, where the runtime chooses one: "f32", "bf16"; "" = it does
  // as the file has it. What a configuration asks for is not what every processor has.
  [[nodiscard]] virtual std::string precision() const { return {}; }
};

struct ModelSource {
  std::string file;           // the model file; "" where the backend needs none
  const ModelConfig* config;  // backend parameters; must outlive the call of load only
  int threads = 1;            // CPU threads that each run may use, the calling one included
  int sessions = 1;           // that will run side by side, each with so many threads
  // A folder of the server's own for what backends compile, kept between runs; "" = none is kept.
  std::string compiled_cache = {};
  // Libraries of accelerators that the server vouches for, by the name that models use.
  std::map<std::string, std::string, std::less<>> accelerator_libraries = {};
  // The threads of a run beyond the first are those of the pool that all models of the backend
  // share (BackendSettings::threads); false: they are threads of the model's own.
  bool pooled = false;
};

// What a backend is told of the process that it is made in.
struct BackendSettings {
  // Its thread budget: threads that may compute at the same time, for all models together.
  int threads = 1;
};

class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  // The runtime's version, for people: "ONNX Runtime 1.32.0".
  [[nodiscard]] virtual std::string version() const = 0;
  // Errors name the file; kInvalidArgument where the model is at fault.
  [[nodiscard]] virtual Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) = 0;
  // The two below may be called at any time, by any thread, also beside load.
  //
  // The file of the runtime's library, as it was found; "" = it has none of its own.
  [[nodiscard]] virtual std::string library() const { return {}; }
  // What it can run on, for people, by the runtime's own names: devices, execution providers.
  [[nodiscard]] virtual std::vector<std::string> devices() const { return {}; }
};

// What a backend library exports, as `extern "C"`. The caller owns what it returns (null = the
// runtime would not start) and keeps the library open while anything made by it lives.
//
// Its name ends in the version of all that stands above. Whoever adds, removes or moves a virtual
// function, a field or a parameter raises all three: a library that was built before is then
// refused by name, where a call of it would end the process.
inline constexpr int kBackendInterfaceVersion = 4;  // 4: thread budget, devices, precision
inline constexpr const char* kBackendFactoryPrefix = "muster_create_backend_v";
inline constexpr const char* kBackendFactorySymbol = "muster_create_backend_v4";
using BackendFactory = Backend* (*)(const BackendSettings&);

}  // namespace muster
