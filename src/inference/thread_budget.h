// SPDX-License-Identifier: Apache-2.0
// The thread budget: how the CPUs that a process may use are shared out among all that runs in it.
// Pure, and the one place that decides it; docs/threads.md tells the rules and ADR 0030 the
// reasons.
//
// `budget` is everywhere the number of threads that may compute at the same time, at least 1: the
// CPU budget (base/cpu_budget.h), or what the process was told instead.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <muster/backend.h>

namespace muster {

inline constexpr int kMaxThreadBudget = 1024;

// What a run of a model may use, when `sessions` of them run side by side.
struct ThreadShare {
  int per_run = 1;      // the thread that calls included
  bool pooled = false;  // the others come from the pool that all models share; else the model's own
};

// Each session has an equal share. A share of one thread needs nobody else's; a larger one is
// drawn from the shared pool, so that models that are loaded and idle take nothing from one that
// works. `said`: somebody asked for so many, and gets them as threads of the model's own.
[[nodiscard]] ThreadShare share_threads(int budget, int sessions, std::optional<int> said);

// Threads in the pool that all models of a backend share: whoever runs a model is the one more.
[[nodiscard]] int pool_threads(int budget);

// What the log says of a model that by itself keeps more threads busy than the budget has; ""
// where it does not. The shared pool counts for all models once, and is not the model's excess.
[[nodiscard]] std::string oversubscription(int budget, int sessions, const ComputeThreads& threads);

// Threads of a server beside those that run models. They are not taken off the budget, because they
// wait nearly all the time.
struct ServerThreads {
  std::size_t http = 0;  // of each transport; 0 = transport_threads()
  std::size_t grpc = 0;
  std::size_t loaders = 0;
  std::size_t pictures = 0;  // that decode; 0 = as many as the budget
};
// A thread copies some gigabytes of bodies a second, which is enough for the models of a few CPUs,
// and too little for a GPU with the many that it comes with.
inline constexpr int kBudgetOfATransportThread = 8;
inline constexpr int kMostTransportThreads = 8;
[[nodiscard]] std::size_t transport_threads(int budget);
// With all that the budget decides filled in.
[[nodiscard]] ServerThreads divide_threads(int budget, ServerThreads wanted);

}  // namespace muster
