// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster bench` say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/bench/load_arguments.h"

namespace muster {

struct BenchArguments {
  std::string model;   // "" = a server is measured
  LoadArguments load;  // by these
  std::vector<std::string> backends;
  std::vector<std::int64_t> batch_sizes;
  std::uint64_t iterations = 0;  // 0 = not given
  double seconds = 1;
  double warm_up_seconds = 0.3;
  int threads = 0;  // 0 = not given
  std::vector<std::string> shapes;
  std::string format = "table";
  std::string plot;
};

}  // namespace muster
