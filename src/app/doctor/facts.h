// SPDX-License-Identifier: Apache-2.0
// What the checks of `muster doctor` are about, as plain values, so that tests can make them up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <muster/model.h>

#include "model_config/model_config.h"

namespace muster {

// Something that lies in a folder.
struct FoundFile {
  std::string name;
  bool is_folder = false;
  bool is_dangling = false;  // a link that leads nowhere
  bool leads_out = false;    // of the repository, with its links followed
  bool is_readable = true;   // by this process
  bool others_may_write = false;
  std::uint64_t bytes = 0;  // of a file
};

// A version that the server would load, as far as that went.
struct VersionFacts {
  std::int64_t version = 0;  // 0 = the model's folder itself
  std::string folder;
  std::vector<FoundFile> files;
  std::string file;  // that would be loaded, with its path; "" = none
  std::string backend;
  Status load_failure;  // of choosing or loading; remarks of the configuration are not here
  std::vector<ConfigRemark> remarks;  // of the configuration against this model
  std::optional<ModelSignature> signature;
  std::optional<ModelConfig> config;  // resolved
  std::string accelerators;           // that run it: "tensorrt, cuda"
  std::string oversubscription;       // what the server says of its threads; "" = nothing
  std::string precision;              // that it computes in: "bf16"; "" = as the file has it
};

struct ModelFacts {
  std::string name;
  std::string path;
  std::vector<FoundFile> files;  // of its folder
  std::string config_file;       // with its path; "" = there is none
  std::string config_text;
  std::vector<ConfigRemark> remarks;  // of the configuration by itself
  std::optional<ModelConfig> said;    // the configuration by itself, where it is right
  Status folder_failure;              // why nothing of it can be served; not the remarks
  std::vector<std::int64_t> found_versions;
  std::vector<VersionFacts> versions;  // that the server would load
};

struct RepositoryFacts {
  std::string path;
  std::vector<FoundFile> files;
  bool is_model = false;  // one model was named, not a repository
  Status failure;         // why it is no repository
};

struct MachineFacts {
  int cpus = 1;                                     // that the process may run on
  int cpu_budget = 1;                               // the same, cut by the cgroup's quota
  int thread_budget = 1;                            // the server's (inference/thread_budget.h)
  std::uint64_t available_memory = 0;               // bytes, by the machine and the cgroup
  std::optional<std::uint64_t> free_shared_memory;  // bytes of /dev/shm; nothing = there is none
  std::uint64_t open_files = 0;  // the limit now, and how far a process may raise it
  std::uint64_t most_open_files = 0;
  std::vector<std::string> backends;  // installed

  // What the thread budget is: "4 CPUs", or "a thread budget of 2" where the server is told so.
  [[nodiscard]] std::string budget_text() const {
    const std::string number = std::to_string(thread_budget);
    if (thread_budget != cpu_budget) return "a thread budget of " + number;
    return number + (thread_budget == 1 ? " CPU" : " CPUs");
  }
};

// Of the server's settings, what the machine has to bear.
struct ServerFacts {
  std::uint64_t max_connections = 0;  // of each listener
  std::uint64_t listeners = 0;
  bool shared_memory = false;
  std::string max_connections_place;  // "muster.toml"; "" = the default
};

struct DoctorFacts {
  RepositoryFacts repository;
  std::vector<ModelFacts> models;
  MachineFacts machine;
  ServerFacts server;
};

}  // namespace muster
