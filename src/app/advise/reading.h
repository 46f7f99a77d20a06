// SPDX-License-Identifier: Apache-2.0
// What single measurements of a candidate said, and what several of them say together.
#pragma once

#include <span>

#include "app/advise/candidate.h"

namespace muster {

// Of one measurement.
struct Reading {
  Figures figures;
  double memory_mib = 0;  // that the process has taken since before the setup was opened
};

// Of each figure by itself. All 0 where there is no reading.
[[nodiscard]] Figures medians(std::span<const Reading> readings);
// Of the throughput: largest less smallest, by the median; 0 of fewer than two.
[[nodiscard]] double spread_of(std::span<const Reading> readings);

}  // namespace muster
