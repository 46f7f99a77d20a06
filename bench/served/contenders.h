// SPDX-License-Identifier: Apache-2.0
// The servers that are measured beside each other, and the ways to ask them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "bench/clients/load_loops.h"
#include "bench/clients/question.h"
#include "bench/experiment.h"
#include "bench/process_usage.h"
#include "bench/served/server_process.h"
#include "bench/workload.h"

namespace muster::bench {

// Where a running server is to be asked.
struct Doors {
  ServerAddress http;
  std::optional<ServerAddress> grpc;
  std::optional<ServerAddress> unix_socket;  // HTTP
  pid_t pid = 0;                             // 0 = not known
};

// `muster serve`, all transports, on free ports, with these words more on its command line; ready
// when it is constructed.
class MusterServer {
 public:
  MusterServer(const std::string& program, const std::string& repository,
               const std::vector<std::string>& words = {});
  MusterServer(const MusterServer&) = delete;
  MusterServer& operator=(const MusterServer&) = delete;

  [[nodiscard]] const Doors& doors() const noexcept { return doors_; }
  // From the start of the program to its answer that it is ready.
  [[nodiscard]] double milliseconds_to_ready() const noexcept { return milliseconds_to_ready_; }

 private:
  TemporaryFolder folder_;  // of the socket; the process ends before it goes
  Doors doors_;
  std::unique_ptr<ServerProcess> process_;
  double milliseconds_to_ready_ = 0;
};

// The bare server of bare_server.cc. HTTP alone.
class BareServer {
 public:
  // Without a model it refuses every request.
  explicit BareServer(const std::string& program, const std::string& model_file = "");
  [[nodiscard]] Doors doors() const;

 private:
  ServerProcess process_;
  ServerAddress http_;
};

// The server of Peers::target_*, if there is one.
[[nodiscard]] std::optional<Doors> target_doors(const Peers& peers);

// A measurement of a server that is asked in a way that workloads name: http-binary, http-json,
// unix-binary, grpc (a connection for each request in flight), grpc-streams (eight streams on each
// connection), http-shared-memory, unix-shared-memory (Workload::batch rows a question). It keeps
// what it needs but the server. None where the server has no such door; throws where there is no
// such way.
[[nodiscard]] std::optional<Contender> ask_server(const std::string& contender,
                                                  const std::string& way, const Doors& doors,
                                                  const KnownModel& model, const Workload& workload,
                                                  Counting counting = Counting::kAnswers);

// A round of a contender that asks that model of a `muster serve`, and how the model's requests
// shared batches meanwhile: rows_per_batch, resident_mib.
[[nodiscard]] Figures measure_muster(const Contender& asked, const Doors& doors,
                                     const std::string& model);

// The repository that holds the workload's model.
[[nodiscard]] std::string repository_of(const Workload& workload);

}  // namespace muster::bench
