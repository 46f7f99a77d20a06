// SPDX-License-Identifier: Apache-2.0
// GpuLoad: one load of a model whose configuration asks for providers on a GPU: what is wished of
// them, what is given up again where no session can be made with it, and what the sessions then
// share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/backend.h>

#include "backends/onnxruntime/gpu/engine_folder.h"
#include "backends/onnxruntime/gpu/gpu_share.h"
#include "backends/onnxruntime/gpu/gpu_wishes.h"

namespace muster::onnxruntime {

class GpuLoad {
 public:
  // Without any of these providers there is nothing to wish. `source` and `config` outlive it.
  GpuLoad(const ModelSource& source, const ModelConfig& config);
  GpuLoad(const GpuLoad&) = delete;
  GpuLoad& operator=(const GpuLoad&) = delete;

  // Of engines: it must be known what the model takes.
  [[nodiscard]] bool wants_signature() const noexcept {
    return order_.builds && !order_.has_shapes;
  }
  // Once, before the first session is made. `signature`: null where it is not wanted, or unknown.
  [[nodiscard]] Status prepare(const ModelSignature* signature);

  [[nodiscard]] const GpuWishes& wishes() const noexcept { return wishes_; }
  // After a session could not be made: true where one wish fewer is worth another try.
  [[nodiscard]] bool give_up_a_wish(const Status& failure);
  // After a provider was left out that was to blame: graphs are wished for again.
  void wish_again() noexcept { wishes_.graphs = gpu_ != nullptr && order_.graph_limit > 0; }
  // Of the session that was made with those providers; null where none of them is on a device.
  [[nodiscard]] std::unique_ptr<GpuShare> share(const Ort::Session& session,
                                                const std::vector<std::string>& running) const;
  // Keeps what was built. Null: nothing is. Outlives the session.
  [[nodiscard]] std::unique_ptr<EngineFolder> keep_engines();

 private:
  const ModelSource& source_;
  const ModelConfig& config_;
  const GpuOrder order_;
  GpuWishes wishes_;
  std::shared_ptr<Gpu> gpu_;
  std::uint64_t free_before_ = 0;
  std::unique_ptr<EngineFolder> engines_;
};

}  // namespace muster::onnxruntime
