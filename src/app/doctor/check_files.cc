// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "app/doctor/checks.h"
#include "app/doctor/config_text.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigName = "config.pbtxt";

std::string join(const std::string& folder, std::string_view name) {
  return (fs::path(folder) / name).string();
}

// For people, not for a shell.
std::string quoted(const std::string& path) {
  return "'" + printable(path, 4096) + "'";
}

std::string move(const std::string& from, const std::string& to) {
  const std::optional<std::string> source = shell_word(from);
  const std::optional<std::string> target = shell_word(to);
  if (!source || !target) return "move it to " + quoted(to);
  return "mv -- " + *source + " " + *target;
}

std::string make_folder_and_move(const std::string& from, const std::string& folder,
                                 std::string_view name) {
  const std::string to = join(folder, name);
  const std::optional<std::string> made = shell_word(folder);
  if (!made || !shell_word(from) || !shell_word(to)) return "move it to " + quoted(to);
  return "mkdir -- " + *made + "; " + move(from, to);
}

std::string change_mode(const std::string& mode, const std::string& path,
                        const std::string& in_words) {
  const std::optional<std::string> word = shell_word(path);
  return word ? "chmod " + mode + " -- " + *word : in_words;
}

bool is_model_file(const FoundFile& file) {
  return !file.is_folder && !backend_of_file(file.name).empty();
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// The number that a folder's name seems to mean: "01", "v2", "version-3".
std::optional<std::int64_t> meant_version(std::string_view name) {
  const std::size_t first = name.find_first_of("0123456789");
  if (first == std::string_view::npos) return std::nullopt;
  const auto number = parse_int(name.substr(first));
  if (!number) return std::nullopt;
  return std::max<std::int64_t>(*number, 1);
}

bool is_version(const ModelFacts& model, std::string_view name) {
  return std::ranges::any_of(model.found_versions,
                             [&](std::int64_t version) { return std::to_string(version) == name; });
}

void check_version_names(const ModelFacts& model, const MachineFacts& /*machine*/,
                         Findings& findings) {
  for (const FoundFile& file : model.files) {
    if (!file.is_folder || file.name.starts_with('.') || is_version(model, file.name)) continue;
    const std::string folder = join(model.path, file.name);
    const std::int64_t version =
        meant_version(file.name).value_or(model.found_versions.empty() ? 1 : 0);
    const bool taken = is_version(model, std::to_string(version));
    findings.push_back(
        {model.found_versions.empty() ? Severity::kError : Severity::kWarning, folder, 0, "",
         "it is no version and is passed over: versions are folders named 1, 2, 3, ...",
         version == 0 || taken ? "remove it, or name it by a number that is free"
                               : move(folder, join(model.path, std::to_string(version))),
         ""});
  }
}

void check_config_name(const ModelFacts& model, const MachineFacts& /*machine*/,
                       Findings& findings) {
  if (!model.config_file.empty()) return;
  constexpr std::array kMeant = {"config.pbtx",      "config.pbtext", "config.txt",     "config.pb",
                                 "config.pbtxt.txt", "config",        "config.prototxt"};
  for (const FoundFile& file : model.files) {
    const std::string name = lower(file.name);
    if (file.is_folder || (name != kConfigName && std::ranges::find(kMeant, name) == kMeant.end()))
      continue;
    const std::string path = join(model.path, file.name);
    findings.push_back({Severity::kWarning, path, 0, "",
                        "it looks like a configuration, and is not read: its name is not " +
                            std::string(kConfigName),
                        move(path, join(model.path, kConfigName)), ""});
  }
}

// What would be found in its version folder under another name, or with another configuration.
void check_name_in_version(const ModelFacts& model, const VersionFacts& version,
                           const FoundFile& file, Findings& findings) {
  const std::string path = join(version.folder, file.name);
  const std::string_view backend = backend_of_file(file.name);
  const std::string& said = model.said->backend;
  if (!said.empty() && said != backend && !(backend == "onnxruntime" && reads_onnx_too(said))) {
    findings.push_back(
        {Severity::kError, path, 0, "backend",
         fmt::format("it is a model of backend '{}', and the configuration says '{}'", backend,
                     printable(said)),
         fmt::format("write backend: \"{}\" in {}", backend, quoted(model.config_file)), ""});
    return;
  }
  const std::string wanted(model.said->model_filename.empty() ? usual_model_filename(backend)
                                                              : model.said->model_filename);
  if (file.name == wanted) return;  // what else is wrong with it is said where it is loaded
  findings.push_back(
      {Severity::kError, path, 0, "default_model_filename",
       fmt::format("it is not looked at: the model file's name is {}", printable(wanted)),
       fmt::format("{}, or write default_model_filename: \"{}\" in {}",
                   move(path, join(version.folder, wanted)), printable(file.name),
                   quoted(join(model.path, kConfigName))),
       ""});
}

void check_model_file_name(const ModelFacts& model, const MachineFacts& /*machine*/,
                           Findings& findings) {
  if (!model.said) return;
  for (const VersionFacts& version : model.versions) {
    if (!version.file.empty() || version.version == 0) continue;
    for (const FoundFile& file : version.files)
      if (is_model_file(file)) check_name_in_version(model, version, file, findings);
  }
  const bool found = std::ranges::any_of(
      model.versions, [](const VersionFacts& version) { return !version.file.empty(); });
  if (found || !model.found_versions.empty()) return;
  for (const FoundFile& file : model.files) {
    if (!is_model_file(file)) continue;
    const std::string path = join(model.path, file.name);
    const std::string wanted(usual_model_filename(backend_of_file(file.name)));
    findings.push_back({Severity::kError, path, 0, "",
                        "it lies in no version folder under the usual name",
                        make_folder_and_move(path, join(model.path, "1"), wanted), ""});
  }
}

void check_unused_model_files(const ModelFacts& model, const MachineFacts& /*machine*/,
                              Findings& findings) {
  for (const VersionFacts& version : model.versions) {
    if (version.file.empty()) continue;
    const std::string used = fs::path(version.file).filename().string();
    for (const FoundFile& file : version.files) {
      if (!is_model_file(file) || file.name == used) continue;
      findings.push_back({Severity::kNote, join(version.folder, file.name), 0, "",
                          "it is not used: " + printable(used) + " beside it is the model",
                          fmt::format("remove it, or name it in the configuration: backend: \"{}\" "
                                      "default_model_filename: \"{}\"",
                                      backend_of_file(file.name), printable(file.name)),
                          ""});
    }
  }
}

// `told`: a failure has named the link that is its cause.
void check_permissions_in(const std::string& folder, const std::vector<FoundFile>& files, bool told,
                          Findings& findings) {
  for (const FoundFile& file : files) {
    const std::string path = join(folder, file.name);
    if (told && (file.is_dangling || file.leads_out)) continue;
    if (file.is_dangling) {
      findings.push_back({Severity::kWarning, path, 0, "", "it is a link that leads nowhere",
                          "copy the file itself here, or remove the link", ""});
    } else if (file.leads_out) {
      findings.push_back({Severity::kWarning, path, 0, "",
                          "it is a link that leads out of the repository, which is not followed",
                          "copy the file itself here", ""});
    } else if (!file.is_readable) {
      findings.push_back({Severity::kError, path, 0, "", "this user may not read it",
                          change_mode(file.is_folder ? "a+rx" : "a+r", path,
                                      "give every user the right to read it"),
                          ""});
    } else if (file.others_may_write) {
      findings.push_back(
          {Severity::kWarning, path, 0, "", "every user of this machine may replace what is served",
           change_mode("o-w", path, "take the right to write to it from others"), ""});
    }
  }
}

void check_permissions(const ModelFacts& model, const MachineFacts& /*machine*/,
                       Findings& findings) {
  check_permissions_in(model.path, model.files, !model.folder_failure.ok(), findings);
  for (const VersionFacts& version : model.versions) {
    if (version.version == 0) continue;
    check_permissions_in(version.folder, version.files, !version.load_failure.ok(), findings);
  }
}

void check_labels(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  if (model.config_file.empty() || !model.said) return;
  const auto labels = std::ranges::find(model.files, "labels.txt", &FoundFile::name);
  if (labels == model.files.end()) return;
  for (const VersionFacts& version : model.versions) {
    if (!version.config || !version.config->labels.empty() || version.config->outputs.empty())
      continue;
    findings.push_back(
        {Severity::kWarning, model.config_file, line_of_field(model.config_text, "output"),
         "output.label_filename",
         "there is a labels.txt, and the configuration does not name it: classes have numbers only",
         fmt::format("output [ {{ name: \"{}\" label_filename: \"labels.txt\" }} ]",
                     printable(version.config->outputs.front().name)),
         ""});
    return;
  }
}

void check_libraries(const ModelFacts& model, const MachineFacts& /*machine*/, Findings& findings) {
  const auto look_in = [&](const std::string& folder, const std::vector<FoundFile>& files) {
    for (const FoundFile& file : files) {
      if (!file.name.ends_with(".so") && !file.name.ends_with(".py")) continue;
      findings.push_back({Severity::kNote, join(folder, file.name), 0, "",
                          "code in a model's folder is never loaded or run", "remove it", ""});
    }
  };
  look_in(model.path, model.files);
  for (const VersionFacts& version : model.versions)
    if (version.version != 0) look_in(version.folder, version.files);
}

constexpr ModelCheck kChecks[] = {
    {"version-name", check_version_names},
    {"config-name", check_config_name},
    {"model-file-name", check_model_file_name},
    {"unused-model-file", check_unused_model_files},
    {"permissions", check_permissions},
    {"unnamed-labels", check_labels},
    {"code", check_libraries},
};

}  // namespace

std::span<const ModelCheck> file_checks() noexcept {
  return kChecks;
}

}  // namespace muster
