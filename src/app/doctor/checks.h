// SPDX-License-Identifier: Apache-2.0
// The checks of `muster doctor`: pure functions from facts to findings, in tables. What the server
// itself would say of a configuration or a file is not repeated here: gather_facts asks its code.
#pragma once

#include <span>
#include <string_view>

#include "app/doctor/facts.h"
#include "app/doctor/finding.h"

namespace muster {

// Each stands in docs/doctor.md by its name, and gives findings whose `check` is still empty.
struct ModelCheck {
  std::string_view name;
  void (*look)(const ModelFacts& model, const MachineFacts& machine, Findings& findings);
};
struct SystemCheck {
  std::string_view name;
  void (*look)(const DoctorFacts& facts, Findings& findings);
};

// What lies in a model's folder.
[[nodiscard]] std::span<const ModelCheck> file_checks() noexcept;
// What its configuration asks for.
[[nodiscard]] std::span<const ModelCheck> config_checks() noexcept;
// What in it means something else than it seems to.
[[nodiscard]] std::span<const ModelCheck> meaning_checks() noexcept;
// The repository as a whole, and the machine.
[[nodiscard]] std::span<const SystemCheck> system_checks() noexcept;

// The names of what the server's own code finds.
inline constexpr std::string_view kCheckOfConfig = "configuration";
inline constexpr std::string_view kCheckOfLoad = "load";
inline constexpr std::string_view kCheckOfRepository = "repository";
inline constexpr std::string_view kCheckOfSettings = "settings";

// All of it, with each finding's `check` filled in, in order.
[[nodiscard]] Findings examine(const DoctorFacts& facts);

}  // namespace muster
