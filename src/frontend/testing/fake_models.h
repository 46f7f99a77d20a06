// SPDX-License-Identifier: Apache-2.0
// The model "echo", whose output "y" is its input "x", and what a front end asks of models beside
// inference, played.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inference/model_control.h"
#include "inference/picture_service.h"

namespace muster::testing {

inline std::shared_ptr<const ModelDescription> echo_model() {
  auto model = std::make_shared<ModelDescription>();
  model->config.name = "echo";
  model->config.backend = "scripted";
  model->config.batching.max_batch_size = 8;
  model->config.inputs = {{"x", DataType::kFp32, Shape{-1, 4}, {}}};
  model->config.outputs = {{"y", DataType::kFp32, Shape{-1, 4}, {}}};
  model->signature.inputs = model->config.inputs;
  model->signature.outputs = model->config.outputs;
  model->config_text = "name: \"echo\"\nbackend: \"scripted\"\nmax_batch_size: 8\n";
  model->version = 3;
  return model;
}

// Set its fields before the front end is started.
class FakeModels final : public ModelControl {
 public:
  std::atomic<bool> is_ready = true;  // may change while it serves
  Status load_outcome;
  std::vector<std::string> loaded;      // "name config", by calls
  std::function<void()> at_index = {};  // called where the index is asked for

  [[nodiscard]] bool ready() const override { return is_ready; }
  [[nodiscard]] Status model_ready(std::string_view name, std::int64_t version) const override {
    if (name != "echo") return not_found("there is no model '" + std::string(name) + "'");
    if (version != 0 && version != 3) return not_found("model echo has no such version");
    return {};
  }
  [[nodiscard]] Result<std::vector<std::int64_t>> versions(std::string_view name) const override {
    if (name != "echo") return not_found("there is no model '" + std::string(name) + "'");
    return std::vector<std::int64_t>{3};
  }
  [[nodiscard]] std::vector<ModelIndexEntry> index(bool ready) const override {
    if (at_index) at_index();
    std::vector<ModelIndexEntry> entries = {{"echo", 3, ModelState::kReady, ""}};
    if (!ready) entries.push_back({"broken", 1, ModelState::kUnavailable, "no such file"});
    return entries;
  }
  [[nodiscard]] Result<std::vector<ModelStatistics>> statistics(std::string_view name,
                                                                std::int64_t) const override {
    if (!name.empty() && name != "echo") {
      return not_found("there is no model '" + std::string(name) + "'");
    }
    ModelStatistics statistics;
    statistics.name = "echo";
    statistics.version = 3;
    return std::vector<ModelStatistics>{statistics};
  }
  [[nodiscard]] Result<ModelPreparation> preparation(std::string_view name,
                                                     std::int64_t version) const override {
    MUSTER_RETURN_IF_ERROR(model_ready(name, version));
    return ModelPreparation();
  }
  [[nodiscard]] Result<BatchingExplanation> explain(std::string_view name,
                                                    std::int64_t version) const override {
    MUSTER_RETURN_IF_ERROR(model_ready(name, version));
    BatchingExplanation explanation;
    explanation.name = "echo";
    explanation.version = 3;
    return explanation;
  }
  void load(std::string name, std::optional<std::string> config_json, Done done) override {
    loaded.push_back(name + " " + config_json.value_or(""));
    done(load_outcome);
  }
  [[nodiscard]] Status unload(std::string_view) override { return {}; }
};

// Every picture is of class 7; the label tells how many bytes its file has.
class FakePictures final : public PictureService {
 public:
  void classify(PictureRequest request,
                std::function<void(Result<PictureResponse>)> done) override {
    if (request.model != "echo") return done(not_found("there is no such model"));
    PictureResponse response;
    response.model = echo_model();
    for (const auto file : request.files) {
      std::vector<ClassScore> scores(request.top_k,
                                     {7, std::to_string(file.size()) + " bytes", 0.5});
      response.pictures.push_back(std::move(scores));
    }
    done(std::move(response));
  }
};

}  // namespace muster::testing
