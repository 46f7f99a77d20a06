// SPDX-License-Identifier: Apache-2.0
// Runs batches of one model; one per worker, all on what the model was compiled to.
//
// Inputs lie in buffers of the session's own, which the runtime reads in place; outputs are read
// where it wrote them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <openvino/runtime/infer_request.hpp>

#include <muster/backend.h>

#include "backends/openvino/model.h"
#include "inference/shrink_policy.h"

namespace muster::openvino {

class InferSession final : public Session {
 public:
  explicit InferSession(std::shared_ptr<const Model> model);

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override;
  Status run() override;
  [[nodiscard]] Result<TensorView> output(std::size_t index) override;

 private:
  // The infer request of one variant, made when it is first needed.
  struct Runner {
    ov::InferRequest request;
    bool made = false;
    std::vector<Shape> shapes;  // of the inputs that are set, by input; empty: none are
    // What is known of these shapes; null: nothing is to be known.
    std::shared_ptr<const ShapeVerdict> verdict;
  };
  struct Input {
    Buffer buffer;
    Shape shape;  // as the caller has it
    std::size_t size = 0;
    bool prepared = false;
  };

  void begin_batch();
  [[nodiscard]] Status resize_input(std::size_t index, const Shape& shape, std::size_t size);
  [[nodiscard]] Status check_range(std::size_t index) const;
  [[nodiscard]] std::size_t variant_for_batch() const;
  [[nodiscard]] Shape shape_in_runtime(const Shape& shape) const;
  [[nodiscard]] bool has_set_inputs(const Runner& runner) const;
  [[nodiscard]] Status run_prepared();
  [[nodiscard]] Status find_shapes(Runner& runner);
  [[nodiscard]] Status set_inputs(Runner& runner);
  [[nodiscard]] static Status infer(Runner& runner, bool takes_detour);
  [[nodiscard]] Status take_outputs(Runner& runner);
  void give_memory_back();

  const std::shared_ptr<const Model> model_;  // outlives everything below
  const ModelSignature& signature_;
  ShrinkPolicy shrink_policy_;
  std::vector<Runner> runners_;  // by variant
  std::vector<Input> inputs_;
  std::vector<Shape> asked_;  // room for what is looked up
  std::size_t total_bytes_ = 0;

  // After a run.
  bool ran_ = false;
  bool give_back_ = false;  // before the next batch
  std::vector<TensorView> outputs_;
  std::vector<ov::Tensor> values_;  // what outputs_ views; the runtime changes its own at each run
};

}  // namespace muster::openvino
