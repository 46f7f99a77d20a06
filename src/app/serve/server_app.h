// SPDX-License-Identifier: Apache-2.0
// ServerApp: a server made of settings. Builds everything, hands references down, and stops it in
// the reverse order; nothing of it is global. Call order: start listen await_loaded? stop?
// ~ServerApp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <muster/status.h>

#include "app/serve/serve_settings.h"
#include "base/clock.h"
#include "inference/model_control.h"

namespace muster {

class ServerApp {
 public:
  // Models are being loaded when it returns. Errors name the setting or the file. `version`: the
  // program's. `clock` outlives what is returned.
  [[nodiscard]] static Result<std::unique_ptr<ServerApp>> start(const ServeSettings& settings,
                                                                const std::string& version,
                                                                Clock& clock);
  ServerApp(const ServerApp&) = delete;
  ServerApp& operator=(const ServerApp&) = delete;
  // The front ends first, so that nobody asks any more, then the models, which answer what was
  // accepted. May not return where the system had no thread for gRPC when it began.
  ~ServerApp();

  // Once: listens when it returns. Errors name the address or the file. Also may not return where
  // it fails, see the destructor.
  [[nodiscard]] Status listen();
  // "http 127.0.0.1:8000", "grpc unix:/run/muster.grpc": the real ports, in the order http, grpc,
  // metrics.
  [[nodiscard]] const std::vector<std::string>& listening() const;
  // Returns when every model that was wanted at the start is ready or has failed; those that
  // failed.
  [[nodiscard]] std::vector<ModelIndexEntry> await_loaded();
  [[nodiscard]] std::vector<ModelIndexEntry> ready_models() const;
  // What runs it: "ONNX Runtime 1.32.0 with openvino"; "" where it is gone.
  [[nodiscard]] std::string runtime_of(const ModelIndexEntry& model) const;

  // Not ready any more; then no new connections; then every request that was read is answered.
  // False where settings.exit_timeout has passed first. Also while await_loaded runs on another
  // thread.
  [[nodiscard]] bool stop();

 private:
  struct Parts;
  explicit ServerApp(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster
