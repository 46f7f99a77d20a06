// SPDX-License-Identifier: Apache-2.0
// Which setups are worth trying on a machine, and what each says in a configuration. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/advise/candidate.h"
#include "model_config/rewriting/rewrite.h"

namespace muster {

struct SetupOrder {
  std::vector<std::string> backends;
  int thread_budget = 1;       // threads that may compute at the same time
  std::vector<int> threads;    // of a run; empty: by the budget
  std::vector<int> instances;  // empty: by the budget
};

// Those that fit into the budget: for each number of threads 1, 2, 4, ... up to the budget one
// instance, as many as fit, and half as many. Numbers that are given are taken as they are, also
// beyond the budget. The smallest come first. Of a backend whose threads no parameter sets, the
// threads of a run are its share of the budget alone. What computes on a GPU counts one thread of
// the host for each instance, and has 1, 2, 4 and 8 of these, up to the budget.
[[nodiscard]] std::vector<Setup> setups_for(const SetupOrder& order);

// The parameter that sets the threads of a backend's runs; "" = it has none.
[[nodiscard]] std::string_view thread_parameter(std::string_view backend) noexcept;

// The model's own configuration, as far as it decides what a setup has to say.
struct OwnConfig {
  std::string backend;  // that runs the model, said or not
  std::map<std::string, std::string, std::less<>> parameters;
};

// What a configuration has to say so that a server with that budget runs the setup. Threads that
// are the share of the budget anyway need no parameter: they then come from the pool of all models.
[[nodiscard]] RunSettings settings_of(const Setup& setup,
                                      std::optional<std::int64_t> max_batch_size, int thread_budget,
                                      const OwnConfig& own);

}  // namespace muster
