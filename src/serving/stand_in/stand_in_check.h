// SPDX-License-Identifier: Apache-2.0
// StandInCheck: what a backend has compiled, held against what has served until now, on made-up
// rows, before it takes its place.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

#include <muster/backend.h>

namespace muster {

// Made up for one check, of all inputs together.
inline constexpr std::size_t kMaxCheckBytes = std::size_t{256} << 20;
inline constexpr std::int64_t kCheckedRows = 8;

struct StandInCheck {
  const CompiledModel& stand_in;
  const CompiledModel& compiled;
  const ModelConfig& config;             // resolved
  std::optional<double> tolerance = {};  // nothing: by what the compiled one computes in
  std::stop_token give_up = {};          // looked at before each run
};

struct StandInFindings {
  // What the two do not have in common, for people; "" = all is within the tolerance.
  std::string difference;
  // Where nothing differed: the largest relative error, by its part of the tolerance.
  std::string nearest;
};

// Blocks; makes a session of each and runs up to kCheckedRows rows through both, one by one and,
// where rows share batches, through the compiled one in batches, too. Dimensions that the model
// leaves open are given lengths until one runs in both. kCancelled: given up; other errors: they
// could not be compared.
[[nodiscard]] Result<StandInFindings> check_stand_in(const StandInCheck& check);

}  // namespace muster
