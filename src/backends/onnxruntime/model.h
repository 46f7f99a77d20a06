// SPDX-License-Identifier: Apache-2.0
// One loaded model: its Ort::Session, shared by every runner of batches.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <onnxruntime_cxx_api.h>

#include <muster/backend.h>

#include "backends/onnxruntime/environment.h"
#include "backends/onnxruntime/options.h"
#include "base/clock.h"

namespace muster::onnxruntime {

class Model final : public CompiledModel, public std::enable_shared_from_this<Model> {
 public:
  Model(std::shared_ptr<Environment> environment, std::unique_ptr<Ort::Session> session,
        ModelSignature signature, Options options, std::string accelerators, Clock& clock)
      : environment_(std::move(environment)),
        session_(std::move(session)),
        signature_(std::move(signature)),
        options_(std::move(options)),
        accelerators_(std::move(accelerators)),
        clock_(&clock) {}

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override;
  [[nodiscard]] bool sessions_are_thread_bound() const override { return false; }
  [[nodiscard]] std::string accelerators() const override { return accelerators_; }
  [[nodiscard]] ComputeThreads threads() const override {
    const int per_run = options_.intra_op_threads + options_.inter_op_threads - 1;
    return {per_run, options_.own_pool ? per_run - 1 : 0};
  }

  // Run and IoBinding are safe on one Ort::Session from many threads, const or not.
  [[nodiscard]] Ort::Session& runtime() const { return *session_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] Clock& clock() const { return *clock_; }

 private:
  // In this order: the session ends before the environment that it was made in.
  const std::shared_ptr<Environment> environment_;
  const std::unique_ptr<Ort::Session> session_;
  const ModelSignature signature_;
  const Options options_;
  const std::string accelerators_;
  Clock* const clock_;
};

}  // namespace muster::onnxruntime
