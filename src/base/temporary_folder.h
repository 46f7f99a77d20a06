// SPDX-License-Identifier: Apache-2.0
// TemporaryFolder: a folder of this process alone, which goes with all that is in it.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include <muster/status.h>

namespace muster {

class TemporaryFolder {
 public:
  // "NAME-" and what makes it the only one, in `parent`: "" = where the system has such folders.
  // kFailedPrecondition: it cannot be made.
  [[nodiscard]] static Result<TemporaryFolder> make(std::string_view name,
                                                    const std::filesystem::path& parent = {});
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) noexcept : path_(std::move(path)) {}

  std::filesystem::path path_;  // empty: another has it
};

}  // namespace muster
