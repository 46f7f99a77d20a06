// SPDX-License-Identifier: Apache-2.0
// ScalingBackend: its model files are one line of text, so that versions differ by what is in them.
//
//   scale 3     x FP32 [N,2] -> y FP32 [N,2], three times as much
//   pixels      x FP32 [N,1,1,2] -> y FP32 [N,2], the same numbers: takes pictures
//   broken WHY  does not load
//   fault WHY   loads, and its session breaks for good once `faults` is set
#pragma once

#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serving/testing/fake_models.h"

namespace muster::testing {

class ScalingBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "onnxruntime"; }
  [[nodiscard]] std::string version() const override { return "Scaling 1"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    ++loads;
    gate.pass();
    if (!source.config->accelerators.empty()) {
      ++loads_on_gpu;
      if (!device_id.empty()) {
        EXPECT_EQ(source.config->accelerators.front().parameters.at("device_id"), device_id);
      }
      if (no_gpu) return failed_precondition("there is no memory on it");
    }
    std::ifstream stream(source.file);
    std::string word;
    std::string rest;
    stream >> word;
    std::getline(stream >> std::ws, rest);
    if (word == "broken") return invalid_argument(rest);
    if (word != "scale" && word != "fault" && word != "pixels")
      return invalid_argument("half a file");
    auto model = std::make_shared<FakeModel>();
    model->loaded_threads = source.threads;
    model->loaded_pooled = source.pooled;
    model->signature = {{fp32("x", {-1, 2})}, {fp32("y", {-1, 2})}};
    if (word == "pixels") model->signature.inputs[0].shape = {-1, 1, 1, 2};
    const float factor = word == "scale" ? std::stof(rest) * (1 + error) : 1;
    const bool breaks = word == "fault";
    model->compute = [this, factor, breaks, rest](const Inputs& inputs) -> Result<Outputs> {
      run_gate.pass();
      if (breaks && faults) return Status(kBrokenForGood, rest);
      std::vector<float> y;
      for (const float value : inputs[0].elements<float>())
        y.push_back(factor * value);
      Outputs outputs;
      outputs.push_back(floats({inputs[0].shape[0], 2}, y));
      return outputs;
    };
    {
      const MutexLock lock(mutex);
      newest = model;
    }
    return std::make_shared<const FakeCompiledModel>(std::move(model));
  }

  [[nodiscard]] std::vector<std::string> devices() const override { return device_names; }

  std::shared_ptr<FakeModel> newest_model() {
    const MutexLock lock(mutex);
    return newest;
  }

  Gate gate;      // every load passes it
  Gate run_gate;  // every run of every model
  std::atomic<int> loads{0};
  std::atomic<int> loads_on_gpu{0};
  std::atomic<bool> faults{false};
  std::atomic<float> error{0};  // as a part of the factor, of what is loaded from now on
  std::vector<std::string> device_names;
  std::string device_id;  // that loads on a GPU are to name; "" = any
  bool no_gpu = false;    // loads on one fail
  Mutex mutex;
  std::shared_ptr<FakeModel> newest MUSTER_GUARDED_BY(mutex);
};

}  // namespace muster::testing
