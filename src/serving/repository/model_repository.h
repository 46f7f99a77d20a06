// SPDX-License-Identifier: Apache-2.0
// ModelRepository: what models lie on disk, in one or more folders of model folders. It looks, and
// never loads. Any thread.
//
//   <repository>/<model>/config.pbtxt  <repository>/<model>/<version>/model.onnx
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

inline constexpr std::size_t kMaxModels = 65536;  // of a repository folder
inline constexpr std::size_t kMaxModelName = 255;

// [A-Za-z0-9_.-]+, no leading dot, up to kMaxModelName: safe in a path, a URL and a log line.
[[nodiscard]] bool is_model_name(std::string_view name) noexcept;

struct FoundVersion {
  std::int64_t version = 0;
  std::uint64_t stamp = 0;  // of the files in its folder
};

struct FoundModel {
  std::string name;
  std::string path;
  std::string repository;                   // the folder that it lies in, canonical
  Status fault = {};                        // why it cannot be served whatever is in it
  std::uint64_t config_stamp = 0;           // of the files beside the version folders
  std::vector<FoundVersion> versions = {};  // ascending

  // Of all its files; never 0.
  [[nodiscard]] std::uint64_t stamp() const noexcept;
};

class ModelRepository {
 public:
  // kNotFound where a folder is not there, kInvalidArgument where it is none or is a model itself.
  // Warns of folders that will be passed over for their names.
  static Result<ModelRepository> open(std::vector<std::string> roots);

  // Every model, by name. Hidden folders and those whose name is no model's are passed over. An
  // error where a repository folder cannot be read: then nothing is known.
  [[nodiscard]] Result<std::vector<FoundModel>> scan() const;
  // Names alone, ascending, without looking into the folders.
  [[nodiscard]] Result<std::vector<std::string>> names() const;
  // Ok where there is a folder of that name; without looking into it. Errors as of find.
  [[nodiscard]] Status check(std::string_view name) const;
  // One model. kNotFound where there is none; kInvalidArgument where the name is no model's.
  [[nodiscard]] Result<FoundModel> find(std::string_view name) const;

 private:
  explicit ModelRepository(std::vector<std::string> roots) : roots_(std::move(roots)) {}

  // The roots that have a model of that name.
  [[nodiscard]] Result<std::vector<std::string>> roots_of(std::string_view name) const;

  std::vector<std::string> roots_;  // canonical
};

}  // namespace muster
