// SPDX-License-Identifier: Apache-2.0
// ModelFolder: what lies where of one model on disk. It looks, and loads nothing.
//
//   <model>/config.pbtxt  <model>/labels.txt  <model>/<version>/model.onnx
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model_config/model_config.h"

namespace muster {

inline constexpr std::size_t kMaxLabelFileBytes = std::size_t{16} << 20;

// The version folders in a model's folder, ascending.
[[nodiscard]] std::vector<std::int64_t> versions_in(const std::string& folder);
// Whether `path`, with its links followed, lies in `folder`, which is canonical. What is not there
// at all lies anywhere.
[[nodiscard]] bool lies_within(const std::string& path, const std::string& folder);

class ModelFolder {
 public:
  // `path`: a model folder, one of its version folders, a folder that holds a model file itself, or
  // a model file, which stands for itself without a configuration.
  static Result<ModelFolder> open(const std::string& path);
  // A model folder of which nothing is read that lies outside of `repository`, a canonical folder.
  static Result<ModelFolder> open_within(const std::string& path, std::string repository);

  // Puts a configuration that a client sent above that of the folder (model_config.h).
  Status put_above(std::string_view json);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const ParsedConfig& config() const noexcept { return config_; }
  // The file to load and the backend to load it with, as configuration and folder say.
  struct Choice {
    std::string file;
    std::string backend;
    std::int64_t version = 0;  // 0 = the path was a file, or a folder without versions
  };
  [[nodiscard]] Result<Choice> choose() const;
  // The same of one version folder; 0: of the folder itself.
  [[nodiscard]] Result<Choice> choose(std::int64_t version) const;
  // The file from which another backend can load what was chosen: the choice's own, or the one of
  // its usual name beside it. kNotFound where there is none.
  [[nodiscard]] Result<std::string> file_for(const Choice& choice, std::string_view backend) const;
  // Version folders that are there, ascending.
  [[nodiscard]] const std::vector<std::int64_t>& versions() const noexcept { return versions_; }
  // Where its configuration lies, or would lie. "" of a model file and of a version folder without
  // its model's, which stand for themselves.
  [[nodiscard]] std::string config_path() const;
  // A file of the model folder by its bare name; kNotFound where there is none.
  [[nodiscard]] Result<std::string> read(std::string_view bare_name) const;

 private:
  ModelFolder(std::string path, std::string name, ParsedConfig config)
      : path_(std::move(path)), name_(std::move(name)), config_(std::move(config)) {}
  [[nodiscard]] Result<Choice> choose_in(const std::string& folder, std::int64_t version) const;
  [[nodiscard]] Status check_place(const std::string& path) const;

  std::string path_;  // the folder
  std::string name_;
  ParsedConfig config_;
  std::string repository_;              // "" = files may lie anywhere
  std::string file_;                    // "" unless a file was named
  std::int64_t wanted_version_ = 0;     // 0 unless a version folder was named
  std::vector<std::int64_t> versions_;  // version folders that are there, ascending
};

}  // namespace muster
