// SPDX-License-Identifier: Apache-2.0
#include "app/advise/candidate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace muster {

std::string describe(const Setup& setup) {
  return fmt::format("{}, {} {} of {} {}", printable(setup.backend), setup.instances,
                     setup.instances == 1 ? "instance" : "instances", setup.threads,
                     setup.threads == 1 ? "thread" : "threads");
}

std::string describe(const Candidate& candidate) {
  return fmt::format("{}, batches of {}", describe(candidate.setup), candidate.batch_size);
}

std::string describe(const AdviceMiss& miss) {
  std::string what = miss.setup ? describe(*miss.setup) : printable(miss.backend);
  if (!miss.sizes.empty()) what += fmt::format(", batches of {}", fmt::join(miss.sizes, ", "));
  return what + ": " + miss.reason;
}

}  // namespace muster
