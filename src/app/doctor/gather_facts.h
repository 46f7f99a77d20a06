// SPDX-License-Identifier: Apache-2.0
// Looks at a repository, its models and this machine, for the checks of `muster doctor`.
//
// Models are loaded, one at a time, by the code that serves them, and let go again: what it says is
// what the server would say. Nothing is written.
#pragma once

#include <string>

#include "app/doctor/facts.h"
#include "app/serve/serve_settings.h"

namespace muster {

inline constexpr std::size_t kMaxListedFiles = 65536;  // of one folder; more are not looked at

// `path`: a repository, or one model's folder.
[[nodiscard]] DoctorFacts gather_facts(const std::string& path, const ServeSettings& settings,
                                       const std::string& settings_file);

[[nodiscard]] MachineFacts look_at_machine();
[[nodiscard]] ServerFacts look_at_settings(const ServeSettings& settings,
                                           const std::string& settings_file);
// What lies in a folder, by name. `repository`: canonical.
[[nodiscard]] std::vector<FoundFile> list_folder(const std::string& folder,
                                                 const std::string& repository);

}  // namespace muster
