// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/gather_facts.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "app/subject/model_subject.h"
#include "base/bounded_file.h"
#include "base/caught.h"
#include "base/text.h"
#include "inference/thread_budget.h"
#include "serving/model_folder.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/opened_backends.h"
#include "serving/repository/version_policy.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.pbtxt";

FoundFile look_at_file(const fs::directory_entry& entry, const std::string& repository) {
  FoundFile file;
  const std::string path = entry.path().string();
  file.name = entry.path().filename().string();
  file.leads_out = !lies_within(path, repository);
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    std::error_code error;
    file.is_dangling = entry.is_symlink(error);
    file.is_readable = file.is_dangling;
    return file;
  }
  file.is_folder = S_ISDIR(status.st_mode);
  file.is_readable = ::access(path.c_str(), file.is_folder ? R_OK | X_OK : R_OK) == 0;
  file.others_may_write = (status.st_mode & S_IWOTH) != 0;
  file.bytes = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  return file;
}

// The model's own code is asked here, in the order in which a server would come to it.
class ModelLook {
 public:
  ModelLook(const std::string& path, std::string repository, const ServeSettings& settings,
            OpenedBackends& backends, int thread_budget)
      : repository_(std::move(repository)),
        settings_(settings),
        backends_(backends),
        thread_budget_(thread_budget) {
    facts_.path = path;
    facts_.name = fs::path(path).filename().string();
  }

  ModelFacts look() && {
    facts_.files = list_folder(facts_.path, repository_);
    facts_.found_versions = versions_in(facts_.path);
    read_config();
    auto folder = ModelFolder::open_within(facts_.path, repository_);
    if (!folder.ok()) {
      // What the remarks say of the configuration need not be said again.
      const bool told = std::ranges::any_of(facts_.remarks, &ConfigRemark::is_error);
      if (!told) facts_.folder_failure = folder.status();
      return std::move(facts_);
    }
    facts_.said = folder->config().config();
    look_at_versions(*folder);
    return std::move(facts_);
  }

 private:
  void read_config() {
    const std::string file = (fs::path(facts_.path) / kConfigName).string();
    std::error_code error;
    if (fs::symlink_status(file, error).type() == fs::file_type::not_found) return;
    facts_.config_file = file;
    auto text = read_bounded(file, kMaxConfigBytes);
    if (!text.ok()) return;
    facts_.config_text = *std::move(text);
    static_cast<void>(
        parse_model_config(facts_.config_text, {file, facts_.name, &facts_.remarks}).status());
  }

  void look_at_versions(const ModelFolder& folder) {
    if (folder.versions().empty()) return look_at_version(folder, 0);
    const auto wanted = wanted_versions(folder.config().config().versions, folder.versions());
    if (!wanted.ok()) {
      facts_.folder_failure = wanted.status();
      return;
    }
    for (const std::int64_t version : *wanted)
      look_at_version(folder, version);
  }

  void look_at_version(const ModelFolder& folder, std::int64_t version) {
    VersionFacts facts;
    facts.version = version;
    facts.folder =
        version == 0 ? facts_.path : (fs::path(facts_.path) / std::to_string(version)).string();
    facts.files = version == 0 ? facts_.files : list_folder(facts.folder, repository_);
    facts.load_failure = caught([&]() -> Status { return load(folder, facts); });
    facts_.versions.push_back(std::move(facts));
  }

  Status load(const ModelFolder& folder, VersionFacts& facts) {
    MUSTER_ASSIGN_OR_RETURN(const ModelFolder::Choice choice, folder.choose(facts.version));
    facts.file = choice.file;
    facts.backend = choice.backend;
    MUSTER_ASSIGN_OR_RETURN(const auto backend, backends_.open(choice.backend));
    const ModelConfig& said = folder.config().config();
    const int instances = std::max(1, said.instance_count);
    const ThreadShare share = share_threads(thread_budget_, instances, std::nullopt);
    const std::optional<PixelScaling> pixels = scaled_pixels(folder.config());
    MUSTER_ASSIGN_OR_RETURN(
        const auto model,
        backend->load({choice.file, &said, share.per_run, instances, "",
                       settings_.models.service.accelerator_libraries, share.pooled, pixels}));
    facts.signature = model->signature();
    facts.accelerators = model->accelerators();
    facts.oversubscription = oversubscription(thread_budget_, instances, model->threads());
    facts.precision = model->precision();
    auto config = resolve(
        folder.config(), model->signature(),
        {choice.backend, choice.file, [&](std::string_view name) { return folder.read(name); },
         &facts.remarks, pixels && model->scales_pixels()});
    if (config.ok()) facts.config = *std::move(config);
    return {};
  }

  const std::string repository_;
  const ServeSettings& settings_;
  OpenedBackends& backends_;
  const int thread_budget_;
  ModelFacts facts_;
};

// A folder that is itself a model, also one that only holds a model file.
bool is_model(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / kConfigName, error) || !versions_in(folder.string()).empty()) return true;
  bool has_model_file = false;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (!versions_in(entry->path().string()).empty()) return false;
    } else {
      has_model_file |= !backend_of_file(entry->path().filename().string()).empty();
    }
  }
  return has_model_file;
}

RepositoryFacts look_at_repository(const std::string& path) {
  RepositoryFacts facts;
  facts.path = path;
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  if (error) {
    facts.failure = not_found("there is no model repository at " + printable(path));
  } else if (!fs::is_directory(whole, error)) {
    facts.failure = invalid_argument(printable(path) + " is no folder");
  } else {
    facts.is_model = is_model(whole);
    facts.files = list_folder(path, facts.is_model ? whole.parent_path().string() : whole.string());
  }
  return facts;
}

}  // namespace

std::vector<FoundFile> list_folder(const std::string& folder, const std::string& repository) {
  std::vector<FoundFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end;
       !error && entry != end && files.size() < kMaxListedFiles; entry.increment(error)) {
    files.push_back(look_at_file(*entry, repository));
  }
  std::ranges::sort(files, {}, &FoundFile::name);
  return files;
}

DoctorFacts gather_facts(const std::string& path, const ServeSettings& settings,
                         const std::string& settings_file) {
  DoctorFacts facts;
  facts.machine = look_at_machine();
  const int told_threads = settings.models.thread_budget;
  facts.machine.thread_budget = told_threads > 0 ? told_threads : facts.machine.cpu_budget;
  facts.server = look_at_settings(settings, settings_file);
  // A name that ends in a slash has no last part.
  fs::path place(path);
  if (!place.has_filename()) place = place.parent_path();
  facts.repository = look_at_repository(place.string());
  if (!facts.repository.failure.ok()) return facts;

  std::error_code error;
  const fs::path whole = fs::canonical(place, error);
  OpenedBackends backends(settings.models.backends, {facts.machine.thread_budget});
  const auto look = [&](const std::string& folder, const std::string& repository) {
    facts.models.push_back(
        ModelLook(folder, repository, settings, backends, facts.machine.thread_budget).look());
  };
  if (facts.repository.is_model) {
    // By the name that it has; "." has none of its own.
    const bool named = place.filename() == whole.filename();
    look(named ? place.string() : whole.string(), whole.parent_path().string());
    return facts;
  }
  for (const FoundFile& file : facts.repository.files) {
    if (file.is_folder && is_model_name(file.name))
      look((place / file.name).string(), whole.string());
  }
  return facts;
}

}  // namespace muster
