// SPDX-License-Identifier: Apache-2.0
// The backend contract: Backend -> CompiledModel -> Session. A runtime is added by implementing it.
//
// Vendor types and exceptions stop behind these three interfaces. docs/backends.md tells how to
// write one; a backend is a shared library with the one exported function at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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

// Bytes in the memory of a GPU, by the runtime's own numbering of GPUs.
struct DeviceBytes {
  int device = 0;
  std::byte* address = nullptr;  // of the device: no code of this process reads it
  std::size_t size = 0;
};

// Runs one batch at a time; used by one thread at a time. Per batch:
//   (prepare_input | lend_input)* run output*
// A failed call leaves the session ready for the next prepare_input, but for kBrokenForGood.
class Session {
 public:
  virtual ~Session() = default;

  // Host memory of exactly `size` bytes (for BYTES: the elements in serialised form) that the
  // caller fills before run(). `shape` is the whole batch's. Valid until run() returns.
  virtual Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                                     std::size_t size) = 0;
  // prepare_input and its filling in one: the run reads the bytes where they lie, and they stay as
  // they are until run() has returned. kUnimplemented: this session cannot, and the caller copies
  // them.
  virtual Status lend_input(std::size_t /*index*/, const Shape& /*shape*/,
                            std::span<const std::byte> /*bytes*/) {
    return unimplemented("this session reads its own memory alone");
  }
  // Bytes of an input that was prepared, from byte `offset` on, are taken from the memory of the
  // session's own device, and what prepare_input gave for them is not read. They stay as they are
  // until run() has returned. kUnimplemented: this session cannot, and the caller copies them.
  virtual Status take_from_device(std::size_t /*index*/, std::size_t /*offset*/,
                                  const DeviceBytes& /*bytes*/) {
    return unimplemented("this session takes inputs from the host alone");
  }
  // Every input must have been prepared. Blocks until the outputs are there. kResourceExhausted:
  // there was no memory for so many rows; fewer may fit.
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

// How what a load wanted compiled was had, where the backend keeps such in
// ModelSource::compiled_cache.
struct CompiledCacheUse {
  std::uint64_t hits = 0;     // taken from there
  std::uint64_t misses = 0;   // compiled: there was none
  std::uint64_t rebuilt = 0;  // compiled: what was there was damaged, or made from something else
};

// The rows that one run can have; 0 = as many as there may be.
struct BatchRange {
  std::int64_t min = 1;  // smaller batches are filled up by the session, unseen
  std::int64_t max = 0;
};

// Memory of a GPU that a model holds; all 0 where it runs on none.
struct DeviceMemoryUse {
  int device = 0;
  std::uint64_t weights = 0;   // that all sessions share
  std::uint64_t sessions = 0;  // of all of them together: activations, buffers, graphs
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
  // Of the load that made it.
  [[nodiscard]] virtual CompiledCacheUse compiled_cache_use() const { return {}; }
  // Sessions that one instance of the model has, so that what one copies overlaps what another
  // computes. At least 1, constant after the load.
  [[nodiscard]] virtual int sessions_per_instance() const { return 1; }
  // Constant after the load.
  [[nodiscard]] virtual BatchRange batch_range() const { return {}; }
  // True: where ModelSource::pixels was said, the model takes bytes and scales them so.
  [[nodiscard]] virtual bool scales_pixels() const { return false; }
  // As it is now. Any thread.
  [[nodiscard]] virtual DeviceMemoryUse device_memory() const { return {}; }
};

// How the model itself makes of a pixel (0..255) what it computes with: (pixel - mean) * scale /
// std, by channel. Where one value is given it is every channel's.
struct PixelScaling {
  double scale = 1.0 / 255.0;
  std::vector<double> mean = {0};
  std::vector<double> std = {1};
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
  // The configuration's `image.scale`, `image.mean` and `image.std`, where it lists the model's
  // only input as UINT8 and says any of them: a backend that scales pixels does so, or refuses the
  // model; with any other the configuration is refused.
  std::optional<PixelScaling> pixels = {};
};

// What is known while a model is compiled.
struct CompileProgress {
  std::string phase;                              // in the runtime's words; "" = none is told
  double done = 0;                                // of the whole, 0 to 1, never less than before
  std::optional<std::chrono::seconds> left = {};  // nothing: not known
};

// Called by one thread at a time, of those that compile, at most a few times a second.
class CompileListener {
 public:
  virtual ~CompileListener() = default;

  // False: stop; compile then ends soon with kCancelled and leaves nothing behind.
  virtual bool on_progress(const CompileProgress& progress) = 0;
};

// What compile has made.
struct CompiledFile {
  std::string file;  // where it was asked to be; "" = it is in the cache alone
  std::uint64_t bytes = 0;
  std::chrono::milliseconds time{0};  // 0 = it was in the cache already
  std::string summary;                // for people, one line: precision, profiles, layers
};

// Memory of a GPU that another process on this machine has made and shares. Any thread. Whoever
// holds it keeps it mapped; nothing guards against what its owner writes meanwhile.
class DeviceRegion {
 public:
  virtual ~DeviceRegion() = default;

  // The whole of it.
  [[nodiscard]] virtual DeviceBytes bytes() const = 0;
  // Block until the bytes are copied; all within the region's size.
  [[nodiscard]] virtual Status read(std::size_t from, std::span<std::byte> into) const = 0;
  [[nodiscard]] virtual Status write(std::size_t at, std::span<const std::byte> bytes) const = 0;
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
  // Whether load would compile first, which takes long: nothing that was compiled of these files
  // for this machine is in `source.compiled_cache`. Reads the model's files.
  [[nodiscard]] virtual Result<bool> must_compile(const ModelSource& /*source*/) { return false; }
  // Compiles into `source.compiled_cache`, and into `output` where that is not "". Blocks. Where it
  // was compiled before, it only writes `output`.
  [[nodiscard]] virtual Result<CompiledFile> compile(const ModelSource& /*source*/,
                                                     const std::string& /*output*/,
                                                     CompileListener& /*listener*/) {
    return unimplemented("the backend '" + std::string(name()) + "' compiles nothing");
  }
  // Removes what compile has kept of these files in `source.compiled_cache`: it turned out to be
  // wrong, and no load shall find it. Ok where there is nothing.
  [[nodiscard]] virtual Status forget_compiled(const ModelSource& /*source*/) {
    return unimplemented("the backend '" + std::string(name()) + "' forgets nothing");
  }
  // Maps what another process shares: `handle` as CUDA's cudaIpcMemHandle_t, of `size` bytes.
  [[nodiscard]] virtual Result<std::shared_ptr<const DeviceRegion>> open_region(
      std::span<const std::byte> /*handle*/, int /*device*/, std::size_t /*size*/) {
    return unimplemented("the backend '" + std::string(name()) + "' has no memory of GPUs");
  }
};

// What a backend library exports, as `extern "C"`. The caller owns what it returns (null = the
// runtime would not start) and keeps the library open while anything made by it lives.
//
// Its name ends in the version of all that stands above. Whoever adds, removes or moves a virtual
// function, a field or a parameter raises all three: a library that was built before is then
// refused by name, where a call of it would end the process.
inline constexpr int kBackendInterfaceVersion = 7;  // 7: inputs can be lent
inline constexpr const char* kBackendFactoryPrefix = "muster_create_backend_v";
inline constexpr const char* kBackendFactorySymbol = "muster_create_backend_v7";
using BackendFactory = Backend* (*)(const BackendSettings&);

}  // namespace muster
