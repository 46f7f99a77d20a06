// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "app/doctor/checks.h"
#include "model_config/model_config.h"
#include "serving/repository/model_repository.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMebibyte = 1 << 20;
// Of containers that were not told otherwise. An input of some pictures fills it.
constexpr std::uint64_t kLittleSharedMemory = 64 * kMebibyte;
// Libraries, models, logs, and what the runtimes open by themselves.
constexpr std::uint64_t kOtherFiles = 256;

Finding of_machine(Severity severity, std::string field, std::string what, std::string fix) {
  return {severity, "", 0, std::move(field), std::move(what), std::move(fix), ""};
}

// A model file that lies in the repository itself.
std::string move_into_version(const fs::path& repository, const std::string& name) {
  const fs::path folder = repository / fs::path(name).stem() / "1";
  const fs::path to = folder / usual_model_filename(backend_of_file(name));
  const std::optional<std::string> made = shell_word(folder.string());
  const std::optional<std::string> source = shell_word((repository / name).string());
  const std::optional<std::string> target = shell_word(to.string());
  if (!made || !source || !target)
    return "make a folder NAME/1 in the repository, and move it there as " + to.filename().string();
  return fmt::format("mkdir -p -- {}; mv -- {} {}", *made, *source, *target);
}

void check_repository(const DoctorFacts& facts, Findings& findings) {
  const RepositoryFacts& repository = facts.repository;
  if (!repository.failure.ok()) {
    findings.push_back({Severity::kError, repository.path, 0, "",
                        std::string(repository.failure.message()),
                        "name a folder of model folders, or a model's folder", ""});
    return;
  }
  if (repository.is_model) return;
  if (facts.models.empty()) {
    findings.push_back({Severity::kWarning, repository.path, 0, "", "there is no model in it",
                        "put one there: NAME/1/model.onnx", ""});
  }
  for (const FoundFile& file : repository.files) {
    const std::string path = (fs::path(repository.path) / file.name).string();
    if (file.is_folder) {
      if (is_model_name(file.name) || file.name.starts_with('.')) continue;
      findings.push_back({Severity::kWarning, path, 0, "",
                          "it is passed over: a model's name has only letters, digits, '_', '.' "
                          "and '-'",
                          "rename the folder", ""});
    } else if (!backend_of_file(file.name).empty()) {
      findings.push_back(
          {Severity::kWarning, path, 0, "",
           "it is passed over: a model file lies in a version folder of a model's folder",
           move_into_version(repository.path, file.name), ""});
    }
  }
}

void check_backends(const DoctorFacts& facts, Findings& findings) {
  if (!facts.machine.backends.empty()) return;
  findings.push_back(of_machine(Severity::kError, "", "no backend is part of this installation",
                                "install Muster anew, with lib/muster beside its library"));
}

void check_quota(const DoctorFacts& facts, Findings& findings) {
  const MachineFacts& machine = facts.machine;
  if (machine.cpu_budget >= machine.cpus) return;
  findings.push_back(of_machine(
      Severity::kNote, "",
      fmt::format("the cgroup's quota leaves {} of {} CPUs; Muster keeps to that",
                  machine.cpu_budget, machine.cpus),
      "raise the quota (docker run --cpus, resources.limits.cpu), if there should be more"));
}

void check_all_instances(const DoctorFacts& facts, Findings& findings) {
  std::int64_t instances = 0;
  for (const ModelFacts& model : facts.models)
    if (model.said) instances += model.said->instance_count;
  if (facts.models.size() < 2 || instances <= facts.machine.thread_budget) return;
  findings.push_back(of_machine(
      Severity::kNote, "instance_group.count",
      fmt::format("{} instances of {} models share {}: where all are asked at once, each is slower",
                  instances, facts.models.size(), facts.machine.budget_text()),
      "serve fewer models on this machine, or leave it at that where they are not asked at once"));
}

void check_weights(const DoctorFacts& facts, Findings& findings) {
  std::uint64_t bytes = 0;
  for (const ModelFacts& model : facts.models)
    for (const VersionFacts& version : model.versions)
      for (const FoundFile& file : version.files)
        if (!file.is_folder) bytes += file.bytes;
  if (bytes <= facts.machine.available_memory) return;
  findings.push_back(of_machine(
      Severity::kWarning, "",
      fmt::format("the models' files have {} MiB together, and {} MiB of memory are free",
                  bytes / kMebibyte, facts.machine.available_memory / kMebibyte),
      "serve fewer models on this machine, or raise the memory limit"));
}

void check_shared_memory(const DoctorFacts& facts, Findings& findings) {
  if (!facts.server.shared_memory) return;
  const auto& free = facts.machine.free_shared_memory;
  if (!free) {
    findings.push_back(of_machine(Severity::kError, "shared-memory",
                                  "clients may use shared memory, and there is no /dev/shm",
                                  "mount it (mount -t tmpfs tmpfs /dev/shm), or take "
                                  "--shared-memory away"));
  } else if (*free < kLittleSharedMemory) {
    findings.push_back(of_machine(
        Severity::kWarning, "shared-memory",
        fmt::format("clients may use shared memory, and {} MiB of /dev/shm are free",
                    *free / kMebibyte),
        "give it more room (docker run --shm-size=1g; an emptyDir of medium Memory at /dev/shm)"));
  }
}

void check_open_files(const DoctorFacts& facts, Findings& findings) {
  const std::uint64_t connections = facts.server.max_connections * facts.server.listeners;
  const std::uint64_t wanted = connections + kOtherFiles;
  if (wanted <= facts.machine.open_files) return;
  Finding finding = of_machine(
      Severity::kWarning, "max-connections",
      fmt::format("{} listeners take {} connections each, and this process may open {} files",
                  facts.server.listeners, facts.server.max_connections, facts.machine.open_files),
      wanted <= facts.machine.most_open_files
          ? fmt::format("ulimit -n {}", wanted)
          : fmt::format("raise the limit to {} (LimitNOFILE=, docker run --ulimit nofile=), or "
                        "--max-connections {}",
                        wanted,
                        facts.machine.open_files > kOtherFiles + facts.server.listeners
                            ? (facts.machine.open_files - kOtherFiles) / facts.server.listeners
                            : 1));
  finding.file = facts.server.max_connections_place;
  findings.push_back(std::move(finding));
}

constexpr SystemCheck kChecks[] = {
    {"repository", check_repository},  {"backends", check_backends},
    {"cpu-quota", check_quota},        {"all-instances", check_all_instances},
    {"weights-memory", check_weights}, {"shared-memory", check_shared_memory},
    {"open-files", check_open_files},
};

}  // namespace

std::span<const SystemCheck> system_checks() noexcept {
  return kChecks;
}

}  // namespace muster
