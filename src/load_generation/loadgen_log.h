// SPDX-License-Identifier: Apache-2.0
// What LoadGen writes into its log of details about its results.
#pragma once

#include <string_view>

#include "load_generation/scenario.h"

namespace muster {

// Takes the results out of the text: lines of ":::MLLOG {"key":...,"value":...}" among others.
// kInternal names a result that is missing.
[[nodiscard]] Status read_loadgen_results(std::string_view log, Scenario scenario,
                                          int samples_per_query, ScenarioMeasurement& measured);

}  // namespace muster
