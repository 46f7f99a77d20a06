// SPDX-License-Identifier: Apache-2.0
// Model: muster.Model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "python/src/exit.h"
#include "python/src/inputs.h"
#include "python/src/loaded_model.h"
#include "python/src/python.h"

namespace muster::python {

class Model final : public Closeable {
 public:
  explicit Model(OpenOrder order);
  ~Model() override;

  nb::dict run(const nb::args& inputs, nb::handle out, nb::handle outputs);
  nb::list classify(nb::handle pictures, std::size_t top_k);
  void close();
  [[nodiscard]] bool closed() const noexcept { return loaded_ == nullptr; }
  void close_at_exit() override { close(); }

  // Of a closed one, too.
  [[nodiscard]] const ModelDescription& description() const noexcept { return *description_; }
  [[nodiscard]] const std::string& backend() const noexcept { return backend_; }
  // Raises where it is closed, or of another process.
  [[nodiscard]] std::shared_ptr<LoadedModel> loaded() const;
  [[nodiscard]] Inputs::Rules rules(bool takes_a_row) const {
    return {description_->config.inputs, input_names_, stacked_, takes_a_row};
  }
  [[nodiscard]] const std::vector<nb::str>& output_names() const noexcept { return output_names_; }

 private:
  std::shared_ptr<LoadedModel> loaded_;  // null = closed
  std::shared_ptr<const ModelDescription> description_;
  std::string backend_;
  bool stacked_ = false;
  std::vector<nb::str> input_names_;
  std::vector<nb::str> output_names_;
  std::vector<std::size_t> output_indices_;  // of config.outputs, in the model file's
};

// Its class, in the module.
void bind_model(nb::module_& module);

}  // namespace muster::python
