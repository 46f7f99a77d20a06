// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/model_repository.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "serving/model_folder.h"
#include "serving/repository/fingerprint.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

// Fills in what lies in the model's folder, or says why nothing of it may be used.
void look_into(FoundModel& model) {
  if (!lies_within(model.path, model.repository)) {
    model.fault = failed_precondition(printable(model.path) +
                                      " leads out of its repository; put the model's folder there");
    return;
  }
  std::error_code error;
  const fs::path folder = fs::canonical(model.path, error);
  if (error) {
    model.fault = not_found("there is no model at " + printable(model.path));
    return;
  }
  model.config_stamp = fingerprint(folder.string(), FingerprintExtent::kFilesOnly);
  for (const std::int64_t version : versions_in(folder.string())) {
    const std::string place = (folder / std::to_string(version)).string();
    model.versions.push_back({version, fingerprint(place, FingerprintExtent::kWithFolders)});
  }
}

Status unreadable(const std::string& root, const std::error_code& error) {
  return unavailable("the repository " + printable(root) + " cannot be read: " + error.message());
}

// Name -> the roots that have it.
using Places = std::map<std::string, std::vector<std::string>, std::less<>>;

// `passed_over`, where it is not null, gets the names that are no model's.
Status collect(const std::string& root, Places& places, std::vector<std::string>* passed_over) {
  std::error_code error;
  std::size_t count = 0;
  fs::directory_iterator entry(root, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') || !entry->is_directory(ignored)) continue;
    if (!is_model_name(name)) {
      if (passed_over != nullptr) passed_over->push_back(name);
      continue;
    }
    if (++count > kMaxModels) {
      return resource_exhausted("the repository " + printable(root) + " has more than " +
                                std::to_string(kMaxModels) + " models");
    }
    places[name].push_back(root);
  }
  return error ? unreadable(root, error) : Status();
}

FoundModel found_in(std::string name, const std::vector<std::string>& roots) {
  FoundModel model;
  model.repository = roots.front();
  model.path = (fs::path(roots.front()) / name).string();
  model.name = std::move(name);
  if (roots.size() > 1) {
    model.fault = failed_precondition("model '" + printable(model.name) + "' is there twice: in " +
                                      printable(roots[0]) + " and in " + printable(roots[1]));
  } else {
    look_into(model);
  }
  return model;
}

// Once, and not with each look.
void warn_of_names(const std::string& root) {
  Places places;
  std::vector<std::string> passed_over;
  if (!collect(root, places, &passed_over).ok()) return;
  for (const std::string& name : passed_over) {
    log(LogLevel::kWarning, "folder '" + printable(name) + "' of " + printable(root) +
                                " is passed over: a model's name has only letters, digits, "
                                "'_', '.' and '-'");
  }
}

Result<Places> places_in(const std::vector<std::string>& roots) {
  Places places;
  for (const std::string& root : roots)
    MUSTER_RETURN_IF_ERROR(collect(root, places, nullptr));
  return places;
}

}  // namespace

bool is_model_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxModelName && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

std::uint64_t FoundModel::stamp() const noexcept {
  std::uint64_t value = combined(config_stamp, fault.ok() ? 0 : 1);
  for (const FoundVersion& version : versions) {
    value = combined(value, static_cast<std::uint64_t>(version.version));
    value = combined(value, version.stamp);
  }
  return value;
}

Result<ModelRepository> ModelRepository::open(std::vector<std::string> roots) {
  std::vector<std::string> whole;
  for (const std::string& root : roots) {
    std::error_code error;
    const fs::path path = fs::canonical(root, error);
    if (error) return not_found("there is no model repository at " + printable(root));
    if (!fs::is_directory(path, error)) {
      return invalid_argument(printable(root) + " is no folder; a model repository is one");
    }
    if (fs::exists(path / "config.pbtxt", error) || !versions_in(path.string()).empty()) {
      return invalid_argument(printable(root) +
                              " is a model; give the folder that it lies in as the repository");
    }
    if (std::ranges::find(whole, path.string()) == whole.end()) {
      warn_of_names(path.string());
      whole.push_back(path.string());
    }
  }
  if (whole.empty()) return invalid_argument("no model repository is given");
  return ModelRepository(std::move(whole));
}

Result<std::vector<FoundModel>> ModelRepository::scan() const {
  MUSTER_ASSIGN_OR_RETURN(const Places places, places_in(roots_));
  std::vector<FoundModel> models;
  for (const auto& [name, roots] : places)
    models.push_back(found_in(name, roots));
  return models;
}

Result<std::vector<std::string>> ModelRepository::names() const {
  MUSTER_ASSIGN_OR_RETURN(const Places places, places_in(roots_));
  std::vector<std::string> names;
  for (const auto& [name, roots] : places)
    names.push_back(name);
  return names;
}

Result<std::vector<std::string>> ModelRepository::roots_of(std::string_view name) const {
  if (!is_model_name(name)) {
    return invalid_argument("'" + printable(name) + "' cannot be a model's name");
  }
  std::vector<std::string> having;
  std::error_code error;
  for (const std::string& root : roots_) {
    if (fs::is_directory(fs::path(root) / name, error)) having.push_back(root);
  }
  if (having.empty()) {
    return not_found("there is no model '" + printable(name) + "' in the repository");
  }
  return having;
}

Status ModelRepository::check(std::string_view name) const {
  return roots_of(name).status();
}

Result<FoundModel> ModelRepository::find(std::string_view name) const {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<std::string> having, roots_of(name));
  return found_in(std::string(name), having);
}

}  // namespace muster
