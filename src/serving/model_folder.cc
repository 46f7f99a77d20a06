// SPDX-License-Identifier: Apache-2.0
#include "serving/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/bounded_file.h"
#include "base/text.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigFile = "config.pbtxt";

// A version folder's number: positive, no leading zero.
std::optional<std::int64_t> version_of(const std::string& name) {
  if (name.empty() || name[0] < '1' || name[0] > '9') return std::nullopt;
  return parse_int(name);
}

Status leads_out(const std::string& path) {
  return failed_precondition(printable(path) +
                             " leads out of its repository; put the file itself there");
}

// The name a folder goes by, also where it was written as "." or with a slash behind.
std::string name_of(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  return (error ? folder : whole).filename().string();
}

Result<ParsedConfig> read_config(const fs::path& folder, const std::string& name) {
  const fs::path file = folder / kConfigFile;
  // A link that leads nowhere is a configuration that went missing, not a model without one.
  std::error_code error;
  if (fs::symlink_status(file, error).type() == fs::file_type::not_found) {
    return no_model_config(name);
  }
  MUSTER_ASSIGN_OR_RETURN(const std::string text, read_bounded(file.string(), kMaxConfigBytes));
  return parse_model_config(text, {file.string(), name});
}

}  // namespace

std::vector<std::int64_t> versions_in(const std::string& folder) {
  std::vector<std::int64_t> versions;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_directory(ignored)) continue;
    if (const auto version = version_of(entry->path().filename().string())) {
      versions.push_back(*version);
    }
  }
  std::ranges::sort(versions);
  return versions;
}

bool lies_within(const std::string& path, const std::string& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  if (error) return fs::symlink_status(path, error).type() == fs::file_type::not_found;
  const fs::path inner = whole.lexically_relative(folder);
  return !inner.empty() && *inner.begin() != "..";
}

Result<ModelFolder> ModelFolder::open(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return not_found("there is no model at " + printable(path));
  if (fs::is_regular_file(status)) {
    const fs::path file(path);
    std::string name = file.stem().string();
    if (name == "model") {
      // That names nothing; a folder above it may.
      fs::path above = fs::absolute(file, error).parent_path();
      if (version_of(above.filename().string())) above = above.parent_path();
      if (above.has_filename()) name = above.filename().string();
    }
    ModelFolder folder(file.parent_path().string(), name, no_model_config(name));
    folder.file_ = path;
    return folder;
  }
  if (!fs::is_directory(status)) {
    return invalid_argument(printable(path) + " is neither a model folder nor a model file");
  }
  fs::path place(path);
  std::int64_t wanted = 0;
  // A version folder stands for its model, pinned to that version.
  if (const auto version = version_of(name_of(place));
      version && !fs::exists(place / kConfigFile)) {
    const fs::path above = fs::canonical(place, error).parent_path();
    if (!error && fs::exists(above / kConfigFile)) {
      place = above;
      wanted = *version;
    }
  }
  const std::string name = name_of(place);
  MUSTER_ASSIGN_OR_RETURN(ParsedConfig config, read_config(place, name));
  ModelFolder folder(place.string(), name, std::move(config));
  folder.wanted_version_ = wanted;
  folder.versions_ = versions_in(place.string());
  return folder;
}

Result<ModelFolder> ModelFolder::open_within(const std::string& path, std::string repository) {
  // Not of where a link leads: the model goes by the name that it has in the repository.
  const std::string name = fs::path(path).filename().string();
  const std::string config_file = (fs::path(path) / kConfigFile).string();
  for (const std::string& place : {path, config_file}) {
    if (!lies_within(place, repository)) return leads_out(place);
  }
  MUSTER_ASSIGN_OR_RETURN(ParsedConfig config, read_config(path, name));
  ModelFolder folder(path, name, std::move(config));
  folder.repository_ = std::move(repository);
  folder.versions_ = versions_in(path);
  return folder;
}

Status ModelFolder::put_above(std::string_view json) {
  MUSTER_ASSIGN_OR_RETURN(
      config_, muster::put_above(config_, json, {"the configuration sent for " + name_, name_}));
  return {};
}

Status ModelFolder::check_place(const std::string& path) const {
  return repository_.empty() || lies_within(path, repository_) ? Status() : leads_out(path);
}

Result<ModelFolder::Choice> ModelFolder::choose() const {
  if (!file_.empty()) {
    const std::string file_name = fs::path(file_).filename().string();
    const std::string_view by_file = backend_of_file(file_name);
    if (by_file.empty()) {
      return invalid_argument(printable(file_) +
                              " is no model file that Muster knows (it knows .onnx)");
    }
    return Choice{file_, std::string(by_file), 0};
  }
  if (wanted_version_ > 0) return choose_in(std::to_string(wanted_version_), wanted_version_);
  // A folder that holds its model file itself, as a download often does.
  if (versions_.empty()) return choose_in("", 0);
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version,
                          choose_version(config_.config().versions, versions_));
  return choose_in(std::to_string(version), version);
}

Result<ModelFolder::Choice> ModelFolder::choose(std::int64_t version) const {
  return choose_in(version == 0 ? "" : std::to_string(version), version);
}

Result<ModelFolder::Choice> ModelFolder::choose_in(const std::string& sub,
                                                   std::int64_t version) const {
  const ModelConfig& config = config_.config();
  const fs::path folder = sub.empty() ? fs::path(path_) : fs::path(path_) / sub;
  std::error_code error;
  std::string tried;
  std::vector<std::string_view> candidates = {"onnxruntime", "tensorrt", "openvino", "scripted"};
  if (!config.backend.empty()) candidates = {config.backend};
  for (const std::string_view backend : candidates) {
    std::string file(config.model_filename.empty() ? usual_model_filename(backend)
                                                   : config.model_filename);
    if (file.empty()) continue;
    // Where the configuration names the backend: without one an ONNX file is ONNX Runtime's.
    if (config.model_filename.empty() && !config.backend.empty() && reads_onnx_too(backend) &&
        !fs::is_regular_file(folder / file, error)) {
      tried += (tried.empty() ? "" : ", ") + file;
      file = usual_model_filename("onnxruntime");
    }
    if (fs::is_regular_file(folder / file, error)) {
      MUSTER_RETURN_IF_ERROR(check_place((folder / file).string()));
      return Choice{(folder / file).string(), std::string(backend), version};
    }
    tried += (tried.empty() ? "" : ", ") + file;
    if (!config.model_filename.empty()) break;
  }
  // A scripted model may be all configuration; so may one of a backend that somebody else wrote.
  const bool needs_no_file = config.backend == "scripted" || tried.empty();
  if (needs_no_file && config.model_filename.empty()) return Choice{"", config.backend, version};
  return not_found("there is no model in " + printable(folder.string()) + " (looked for " +
                   printable(tried) + ")" +
                   (versions_.empty()
                        ? "; a model folder holds versions: " + printable(name_) + "/1/model.onnx"
                        : ""));
}

Result<std::string> ModelFolder::file_for(const Choice& choice, std::string_view backend) const {
  constexpr std::string_view kOnnx = "onnxruntime";
  const auto reads = [&](std::string_view kind) {
    return !kind.empty() && (kind == backend || (kind == kOnnx && reads_onnx_too(backend)));
  };
  if (reads(backend_of_file(choice.file))) return choice.file;
  std::string tried;
  for (const std::string_view kind : {backend, kOnnx}) {
    const std::string_view name = usual_model_filename(kind);
    if (choice.file.empty() || name.empty() || !reads(kind)) continue;
    const fs::path file = fs::path(choice.file).parent_path() / name;
    std::error_code error;
    if (fs::is_regular_file(file, error)) {
      MUSTER_RETURN_IF_ERROR(check_place(file.string()));
      return file.string();
    }
    if (!tried.ends_with(name)) tried += (tried.empty() ? "" : ", ") + std::string(name);
  }
  return not_found("there is no file for the " + printable(backend) + " backend beside " +
                   printable(choice.file) + (tried.empty() ? "" : " (looked for " + tried + ")"));
}

std::string ModelFolder::config_path() const {
  if (!file_.empty() || version_of(name_)) return {};
  return (fs::path(path_) / kConfigFile).string();
}

Result<std::string> ModelFolder::read(std::string_view bare_name) const {
  if (bare_name.empty() || bare_name.find('/') != std::string_view::npos || bare_name == "..") {
    return invalid_argument("'" + printable(bare_name) + "' is no file's bare name");
  }
  const fs::path file = fs::path(path_) / bare_name;
  MUSTER_RETURN_IF_ERROR(check_place(file.string()));
  return read_bounded(file.string(), kMaxLabelFileBytes);
}

}  // namespace muster
