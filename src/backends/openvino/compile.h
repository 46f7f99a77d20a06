// SPDX-License-Identifier: Apache-2.0
// Compiling: from the files of a model to what runs it, by way of the cache where there is one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>

#include <muster/backend.h>
#include <muster/model.h>

#include "backends/openvino/model.h"
#include "backends/openvino/model_files.h"
#include "backends/openvino/options.h"
#include "content_store/content_store.h"

namespace muster::openvino {

// What the fixed batch sizes of a model are where its configuration says nothing of them, if its
// weights are small: each size has a copy of them.
[[nodiscard]] std::vector<std::int64_t> small_model_sizes(std::int64_t max_batch_size);
inline constexpr std::uint64_t kSmallModelBytes = std::uint64_t{16} << 20;

// Where files are replaced while they are read: how often that is done before the load ends.
inline constexpr int kMaxReadings = 3;

// What is kept of compiled models.
inline constexpr EntryKind kCompiledModels{"MUSTEROV", ".blob"};

struct CompileOrder {
  const ModelFiles& files;
  const ModelConfig& config;
  const Options& options;
  std::optional<ContentStore> cache;
  std::function<void()> before_reading = {};  // the model's files; for tests
};

struct Compilation {
  std::vector<Variant> variants;  // as Model has them
  std::shared_ptr<KnownShapes> known_shapes;
  ModelSignature signature;
  std::int64_t padded_batch_size = 0;
  std::string precision;  // that the processor has for the one asked for, as the runtime names it
  CompiledCacheUse cache_use;  // by variants
};

// Messages do not name the file. Only on the thread that compiles.
[[nodiscard]] Result<Compilation> compile(ov::Core& core, const CompileOrder& order);

}  // namespace muster::openvino
