// SPDX-License-Identifier: Apache-2.0
// How a preparation (model_control.h) is told: as names and texts, the same over every transport.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inference/model_control.h"

namespace muster {

using PreparationFields = std::vector<std::pair<std::string, std::string>>;

// "state", and as far as they are known "stand_in", "phase", "done" ("0.25"), "seconds_left" and
// "reason". Empty where nothing had to be prepared.
[[nodiscard]] PreparationFields preparation_fields(const ModelPreparation& preparation);
// What one of these says; false where it is none of them or says nothing that can be. What is not
// known to this version is passed over by the caller.
[[nodiscard]] bool read_preparation_field(std::string_view name, std::string_view text,
                                          ModelPreparation& preparation);

}  // namespace muster
