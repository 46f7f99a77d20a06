// SPDX-License-Identifier: Apache-2.0
// Backend libraries: libmuster_<name>.so, opened on first use from the installation's own folder.
//
// Never from a model's folder, and only under names that cannot leave it. A library stays open
// until the process ends: the runtimes behind them do not survive being unloaded.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>

namespace muster {

// Each call makes a backend of its own. Errors name what is missing and what to install.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_backend(std::string_view name,
                                                            const BackendSettings& settings = {});

// The folder that is looked in: "muster" beside the library or program this code is part of.
[[nodiscard]] std::string backend_folder();
// The file that the backend of that name has there, whether it exists or not.
[[nodiscard]] std::string backend_file(std::string_view name);
// The names of the backends that lie there, sorted.
[[nodiscard]] std::vector<std::string> installed_backends();

}  // namespace muster
