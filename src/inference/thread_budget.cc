// SPDX-License-Identifier: Apache-2.0
#include "inference/thread_budget.h"

#include <algorithm>

namespace muster {

ThreadShare share_threads(int budget, int sessions, std::optional<int> said) {
  if (said) return {std::max(1, *said), false};
  const int share = std::max(1, budget / std::max(1, sessions));
  return {share, share > 1};
}

int pool_threads(int budget) {
  return std::max(1, budget) - 1;
}

std::string oversubscription(int budget, int sessions, const ComputeThreads& threads) {
  if (threads.per_run == 0) return {};
  const int busy = std::max(1, sessions) + threads.own;
  if (busy <= budget) return {};
  return std::to_string(sessions) + (sessions == 1 ? " instance" : " instances") +
         " with runs of up to " + std::to_string(threads.per_run) +
         (threads.per_run == 1 ? " thread" : " threads") + " can keep " + std::to_string(busy) +
         " threads busy, and the thread budget of this process is " + std::to_string(budget) +
         ": they will take turns; ask for less, or give the process more (--threads)";
}

std::size_t transport_threads(int budget) {
  return static_cast<std::size_t>(
      std::clamp(budget / kBudgetOfATransportThread, 1, kMostTransportThreads));
}

ServerThreads divide_threads(int budget, ServerThreads wanted) {
  if (wanted.http == 0) wanted.http = transport_threads(budget);
  if (wanted.grpc == 0) wanted.grpc = transport_threads(budget);
  if (wanted.pictures == 0) wanted.pictures = static_cast<std::size_t>(std::max(1, budget));
  return wanted;
}

}  // namespace muster
