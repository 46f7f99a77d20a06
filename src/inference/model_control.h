// SPDX-License-Identifier: Apache-2.0
// ModelControl: which models there are, how they do, and loading and unloading them. What a server
// offers beside inference; the front ends know it by this interface alone.
//
// Any thread. Nothing here blocks for a model: loads and unloads are done elsewhere and reported.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

enum class ModelState : std::uint8_t {
  kUnknown,      // found on disk, never asked for
  kLoading,      // before the first answer it could give; a version being replaced stays kReady
  kReady,        // it answers
  kUnloading,    // takes no more requests, answers what it accepted
  kUnavailable,  // failed to load, unloaded, or failed for good while it served
};
// The protocol's word: "LOADING", "READY", "UNLOADING", "UNAVAILABLE"; "" for kUnknown.
[[nodiscard]] std::string_view model_state_name(ModelState state) noexcept;

// How far what a version runs best is: compiled aside, while a stand-in serves, or before the
// version is there at all (docs/backends.md).
enum class PreparationState : std::uint8_t {
  kNone,       // nothing had to be prepared
  kWaiting,    // for another model's to end: there is one at a time
  kBuilding,   // its backend compiles
  kLoading,    // what was compiled is loaded and warmed up, beside what serves
  kVerifying,  // it is compared with the stand-in
  kInUse,      // what was prepared serves
  kFailed,     // it could not be had; what served still does
  kDiffers,    // it computes something else than the stand-in, which still serves
};
inline constexpr std::size_t kPreparationStateCount = 8;
// "none", "waiting", "building", "loading", "verifying", "in_use", "failed", "differs".
[[nodiscard]] std::string_view preparation_state_name(PreparationState state) noexcept;

struct ModelPreparation {
  PreparationState state = PreparationState::kNone;
  std::string stand_in;  // the runtime that serves meanwhile; "" = none does
  // Of kBuilding, as far as it is known.
  std::string phase;
  double done = 0;  // 0 to 1
  std::optional<std::chrono::seconds> left = {};
  std::string reason;  // of kFailed and kDiffers, one line
};

struct ModelIndexEntry {
  std::string name;
  std::int64_t version = 0;  // 0 = none is known
  ModelState state = ModelState::kUnknown;
  std::string reason;  // of kUnavailable: "unloaded", or why it failed; one line
};

struct DurationSum {
  std::uint64_t count = 0;
  std::chrono::nanoseconds total{0};
};

// Of one model and version since it was first loaded. Durations are summed over requests, except in
// `by_batch_size`, where they are summed over batches.
struct ModelStatistics {
  struct BatchSize {
    std::int64_t rows = 0;
    DurationSum gather;
    DurationSum compute;
    DurationSum scatter;
  };
  std::string name;
  std::int64_t version = 0;
  std::chrono::milliseconds last_inference{0};  // since the epoch; 0 = none yet
  std::uint64_t rows = 0;                       // run
  std::uint64_t batches = 0;                    // run
  DurationSum success;                          // from acceptance to answer
  DurationSum failure;
  DurationSum cancelled;
  DurationSum queue;
  DurationSum gather;
  DurationSum compute;
  DurationSum scatter;
  std::vector<BatchSize> by_batch_size;  // ascending
};

// How the batches of one model and version form, and why so: docs/batching.md has the words.
struct BatchingExplanation {
  struct Cost {
    std::int64_t rows = 0;
    std::chrono::nanoseconds typical{0};   // of a batch of so many rows
    std::chrono::nanoseconds cautious{0};  // 0 where there is no latency target
    std::uint64_t batches = 0;             // it was learned from
  };
  struct Count {
    std::string reason;
    std::uint64_t count = 0;
  };
  std::string name;
  std::int64_t version = 0;
  std::chrono::nanoseconds latency_target{0};  // 0 = there is none
  std::int64_t max_batch_size = 0;
  bool merges = false;  // several requests share a batch
  std::chrono::nanoseconds max_queue_delay{0};
  int instance_count = 1;
  std::vector<Cost> costs;       // ascending, of the sizes that were seen
  std::vector<Count> decisions;  // with a latency target by choice, else batches by close reason
  std::string decision;          // what is decided now, for a request that comes alone
  std::string reason;            // of it, one sentence
  // With a latency target alone.
  std::chrono::nanoseconds delivery{0};  // of a batch's answers, once they are computed
  double rows_per_second = 0;            // that come
  double rows_per_second_at_most = 0;    // that can be run in time
  std::int64_t best_rows = 0;            // no batch is larger; 0 = nothing is known yet
  std::int64_t needed_rows = 0;          // with batches of that size it keeps up
  std::uint64_t dropped = 0;             // requests, for those behind them
  std::string frozen_config;             // config.pbtxt with settings that come nearest to this

  ModelPreparation preparation = {};  // what it is run by may be about to change
};

class ModelControl {
 public:
  using Done = std::function<void(Status)>;

  virtual ~ModelControl() = default;

  // Whether requests can be answered: started, not stopping, and what strict readiness asks for.
  [[nodiscard]] virtual bool ready() const = 0;
  // Ok where the model (version 0: any version) answers; else why not: kNotFound, kUnavailable.
  [[nodiscard]] virtual Status model_ready(std::string_view name, std::int64_t version) const = 0;
  // The versions that are ready, ascending; kNotFound where there is no such model.
  [[nodiscard]] virtual Result<std::vector<std::int64_t>> versions(std::string_view name) const = 0;

  // Every model found, by name and version. `ready`: only those that answer.
  [[nodiscard]] virtual std::vector<ModelIndexEntry> index(bool ready) const = 0;
  // `name` "" = all models; version 0 = all versions. kNotFound, or kInvalidArgument where the
  // model is there and not available.
  [[nodiscard]] virtual Result<std::vector<ModelStatistics>> statistics(
      std::string_view name, std::int64_t version) const = 0;

  // How what it runs best is prepared: of the newest version that answers, or the newest there is
  // where none does (version 0), or of that one. kNotFound, kUnavailable.
  [[nodiscard]] virtual Result<ModelPreparation> preparation(std::string_view name,
                                                             std::int64_t version) const = 0;

  // How the newest version's batches form (version 0), or that one's. kNotFound, kUnavailable.
  [[nodiscard]] virtual Result<BatchingExplanation> explain(std::string_view name,
                                                            std::int64_t version) const = 0;

  // Loads a model, or replaces it without a failed request. `config_json`: stands above its
  // config.pbtxt, field by field; kept by later loads until the model is unloaded. `done` is called
  // once, from any thread: kNotFound, kUnavailable (the mode forbids it), or why it failed.
  virtual void load(std::string name, std::optional<std::string> config_json, Done done) = 0;
  // Ok at once, also where there is no such model or it is not loaded; what was accepted is still
  // answered. kUnavailable where the mode forbids it.
  [[nodiscard]] virtual Status unload(std::string_view name) = 0;
};

}  // namespace muster
