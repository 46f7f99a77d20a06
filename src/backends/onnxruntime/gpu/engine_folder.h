// SPDX-License-Identifier: Apache-2.0
// EngineFolder: where the TensorRT provider reads and writes the engines of one load.
//
// The provider names engines by a model's graph, so that models with the same graph and other
// weights would get each other's. Here each load has a folder of its own, which goes with it; what
// is kept for the next one is an entry of the content store, by all that decides it, put there in
// one step and checked whole before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <muster/backend.h>

#include "base/temporary_folder.h"
#include "content_store/content_store.h"

namespace muster::onnxruntime {

// Of the files together; engines are large where models are.
inline constexpr std::uint64_t kMaxEngineBytes = std::uint64_t{32} << 30;
inline constexpr std::size_t kMaxEngineFiles = 4096;

// An entry's content: for each file its name's length, name, size and bytes. Pure, but for the
// folder. kInvalidArgument: it is no such content, and what of it was there already stays.
[[nodiscard]] Result<std::string> pack_folder(const std::string& folder);
[[nodiscard]] Status unpack_into(const std::string& folder, std::string_view content);

class EngineFolder {
 public:
  // `cache`: as ModelSource has it; where it is "" or cannot be used, nothing is kept. `model`: its
  // file, for the log.
  [[nodiscard]] static Result<std::unique_ptr<EngineFolder>> make(const std::string& cache,
                                                                  const DigestBytes& key,
                                                                  const std::string& model);
  EngineFolder(const EngineFolder&) = delete;
  EngineFolder& operator=(const EngineFolder&) = delete;
  // Keeps what has come since, where keep() was called: of open shapes engines are built by runs.
  ~EngineFolder();

  [[nodiscard]] std::string path() const { return folder_.path().string(); }
  // It has what an earlier load has kept.
  [[nodiscard]] bool is_filled() const noexcept { return filled_; }
  // What was kept is of no use: from now on the folder is empty, and the entry has gone.
  [[nodiscard]] Status forget();
  // Keeps what is there, where that is not what it was filled with. A failure is told in the log
  // alone.
  void keep() noexcept;
  [[nodiscard]] CompiledCacheUse use() const noexcept { return use_; }

 private:
  EngineFolder(TemporaryFolder folder, std::optional<ContentStore> store, const DigestBytes& key,
               std::string model)
      : folder_(std::move(folder)), store_(std::move(store)), key_(key), model_(std::move(model)) {}
  void fill();
  void keep_changes();

  const TemporaryFolder folder_;
  const std::optional<ContentStore> store_;
  const DigestBytes key_;
  const std::string model_;
  std::string listing_;  // of what is kept
  bool filled_ = false;
  bool keeps_ = false;
  CompiledCacheUse use_;
};

// Of the model's files, the runtimes, the GPU, and how engines are to be built (`options`).
[[nodiscard]] Result<DigestBytes> engine_key(const std::string& model_file,
                                             const std::string& runtimes, const std::string& gpu,
                                             const std::string& options);

}  // namespace muster::onnxruntime
