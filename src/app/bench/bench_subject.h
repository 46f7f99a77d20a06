// SPDX-License-Identifier: Apache-2.0
// BenchSubject: the model that is measured, as each backend can open it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <muster/backend.h>

#include "serving/model_folder.h"

namespace muster {

// A model that one backend has loaded. The backend outlives the model.
struct BenchContender {
  std::shared_ptr<Backend> backend;
  std::shared_ptr<const CompiledModel> model;
  bool stacked = false;         // the first axis of every input counts rows
  std::int64_t max_batch_size;  // of the configuration, or what goes without one; at least 1
};

class BenchSubject {
 public:
  // `path`: as ModelFolder takes it. Errors where there is no model.
  static Result<BenchSubject> open(const std::string& path);

  [[nodiscard]] const std::string& name() const noexcept { return folder_.name(); }
  // Every backend that is installed, the model's own first.
  [[nodiscard]] std::vector<std::string> backends() const;
  // Loads the file that lies there under the backend's usual name, else the model's own. The
  // configuration's parameters are those of the model's own backend: another gets none of them.
  [[nodiscard]] Result<BenchContender> load(const std::string& backend, int threads) const;

 private:
  BenchSubject(ModelFolder folder, ModelFolder::Choice choice)
      : folder_(std::move(folder)), choice_(std::move(choice)) {}
  [[nodiscard]] std::string file_for(const std::string& backend) const;

  ModelFolder folder_;
  ModelFolder::Choice choice_;
};

}  // namespace muster
