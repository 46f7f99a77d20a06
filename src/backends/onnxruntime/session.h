// SPDX-License-Identifier: Apache-2.0
// Runs batches of one model with bound memory; one per worker, all on the model's one Ort::Session.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/backend.h>

#include "backends/onnxruntime/binding.h"
#include "backends/onnxruntime/model.h"
#include "backends/onnxruntime/strings.h"
#include "inference/shrink_policy.h"

namespace muster::onnxruntime {

class BoundSession final : public Session {
 public:
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model);

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override;
  Status lend_input(std::size_t index, const Shape& shape,
                    std::span<const std::byte> bytes) override;
  Status run() override;
  [[nodiscard]] Result<TensorView> output(std::size_t index) override;

 private:
  explicit BoundSession(std::shared_ptr<const Model> model);

  void begin_batch();
  void set_prepared(std::size_t index, bool prepared);
  [[nodiscard]] Status reshape_input(std::size_t index, const Shape& shape, std::size_t size);
  [[nodiscard]] Status run_prepared();
  [[nodiscard]] Status choose_memory();
  [[nodiscard]] Status fill_strings();
  // `copied`: bound outputs come from the GPU.
  [[nodiscard]] Status run_once(const Ort::RunOptions& options, bool copied = true);
  [[nodiscard]] Status copy_in();
  [[nodiscard]] Status copy_out();
  // What a run failed of: of the GPU itself, where that is so.
  [[nodiscard]] Status with_cause(Status failure);
  [[nodiscard]] Status run_with_graph();
  [[nodiscard]] Status run_without_bound_outputs(const Ort::RunOptions& options);
  [[nodiscard]] Status take_outputs(bool all);
  [[nodiscard]] Status take_output(std::size_t index, const Ort::Value& value);
  void give_memory_back();

  const std::shared_ptr<const Model> model_;  // outlives everything below
  const ModelSignature& signature_;
  GpuShare* const gpu_;                // null where the model runs on the host
  std::unique_ptr<GpuCopies> copies_;  // null where none are ours
  BindingSet bindings_;
  ShrinkPolicy shrink_policy_;
  Ort::RunOptions plain_run_;
  Ort::RunOptions shrinking_run_;

  // Of the batch at hand, by input.
  std::vector<Shape> shapes_;
  std::vector<std::span<std::byte>> input_bytes_;
  std::vector<const std::byte*> lent_;  // instead of those; null = they are read
  std::vector<bool> prepared_;
  std::size_t prepared_count_ = 0;
  std::size_t total_bytes_ = 0;
  Binding* current_ = nullptr;  // null where shapes_ may differ from the last batch's

  // After a run, by output.
  bool ran_ = false;
  bool give_back_ = false;  // before the next batch
  std::vector<TensorView> outputs_;
  std::vector<Ort::Value> allocated_;  // by the runtime; the views of unbound outputs point here
  std::vector<SerialisedStrings> strings_;
};

}  // namespace muster::onnxruntime
