// SPDX-License-Identifier: Apache-2.0
// ModelSubject: the model that a verb measures or verifies, as each backend can open it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/backend.h>

#include "serving/model_folder.h"

namespace muster {

// A model that one backend has loaded, or that a running server has. The backend outlives the
// model.
struct Contender {
  std::shared_ptr<Backend> backend;  // null for a server's
  std::shared_ptr<const CompiledModel> model;
  ModelConfig config;           // resolved
  bool stacked = false;         // the first axis of every input counts rows, as it is served
  std::int64_t max_batch_size;  // of the configuration, or what goes without one; at least 1
};

// How a contender is to be loaded.
struct ContenderOrder {
  std::string backend;
  int threads = 1;
  // One of precisions_of(backend); "" = as the configuration has it.
  std::string precision = {};
  // Used instead of those that the configuration asks for.
  std::optional<std::vector<ExecutionAccelerator>> accelerators = {};
  std::map<std::string, std::string, std::less<>> accelerator_libraries = {};
  // Stand above the configuration's.
  std::map<std::string, std::string, std::less<>> parameters = {};
  std::string file = {};            // instead of the usual one
  std::string compiled_cache = {};  // as ModelSource has it
};

class ModelSubject {
 public:
  // `path`: as ModelFolder takes it. Errors where there is no model.
  static Result<ModelSubject> open(const std::string& path);

  [[nodiscard]] const std::string& name() const noexcept { return folder_.name(); }
  // The model's own backend, as configuration and file say.
  [[nodiscard]] const std::string& backend() const noexcept { return choice_.backend; }
  // Accelerators that the configuration asks for.
  [[nodiscard]] const std::vector<ExecutionAccelerator>& accelerators() const noexcept {
    return written_config().accelerators;
  }
  // As written, before it is resolved: model_config.h says what then means something.
  [[nodiscard]] const ModelConfig& written_config() const noexcept {
    return folder_.config().config();
  }
  // Every backend that is installed, the model's own first; `scripted` only beside a script.
  [[nodiscard]] std::vector<std::string> backends() const;
  // Loads the file that lies there under the backend's usual name, else the model's own. The
  // configuration's parameters are those of the model's own backend: another gets none of them.
  [[nodiscard]] Result<Contender> load(const ContenderOrder& order) const;

  // As ModelFolder::config_path.
  [[nodiscard]] std::string config_path() const { return folder_.config_path(); }
  // Loads it as a server with that thread budget would, were `config` the model's configuration.
  // `backend` must be the one that it names, or else the model's own.
  [[nodiscard]] Result<Contender> load_as_served(std::shared_ptr<Backend> backend,
                                                 const ParsedConfig& config, int thread_budget,
                                                 const std::string& compiled_cache = {}) const;

 private:
  ModelSubject(ModelFolder folder, ModelFolder::Choice choice)
      : folder_(std::move(folder)), choice_(std::move(choice)) {}
  [[nodiscard]] std::string file_for(const std::string& backend) const;
  // Resolves `parsed` for the model that the contender has loaded.
  [[nodiscard]] Result<Contender> completed(Contender contender, const ParsedConfig& parsed,
                                            const std::string& backend,
                                            const std::string& file) const;

  ModelFolder folder_;
  ModelFolder::Choice choice_;
};

// The arithmetic that a backend can be asked for, the closest first: "f32", "tf32", "f16", "bf16".
// "f32" is what every backend has; of a file whose tensors are narrower it means as the file has
// them.
[[nodiscard]] std::vector<std::string> precisions_of(std::string_view backend);

// "ONNX Runtime 1.32.0 with cuda".
[[nodiscard]] std::string runtime_of(const Contender& contender);

// Why the model takes no batch of another size than 1; of a contender also what to do about it.
[[nodiscard]] Status no_batch_axis(const ModelSignature& signature);
[[nodiscard]] Status no_batch_axis(const Contender& contender);

}  // namespace muster
