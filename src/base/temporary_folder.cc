// SPDX-License-Identifier: Apache-2.0
#include "base/temporary_folder.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <stdlib.h>

#include "base/text.h"

namespace muster {

Result<TemporaryFolder> TemporaryFolder::make(std::string_view name,
                                              const std::filesystem::path& parent) {
  std::error_code error;
  const std::filesystem::path place =
      parent.empty() ? std::filesystem::temp_directory_path(error) : parent;
  if (error)
    return failed_precondition("there is no folder for temporary ones: " + error.message());
  std::string pattern = place / (std::string(name) + "-XXXXXX");
  if (::mkdtemp(pattern.data()) == nullptr) {
    return failed_precondition("no folder can be made in " + printable(place.string(), 4096) +
                               ": " + std::generic_category().message(errno));
  }
  return TemporaryFolder(std::filesystem::path(std::move(pattern)));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace muster
