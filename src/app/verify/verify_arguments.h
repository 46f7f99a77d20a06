// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster verify` say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/server_flags.h"

namespace muster {

struct VerifyArguments {
  std::string model;
  std::vector<std::string> backends;
  std::vector<std::string> precisions;
  std::vector<std::string> accelerators;
  std::vector<std::string> servers;  // their URLs
  std::string server_model;          // the model's name there; "" = the one that it has here
  ServerFlags access;
  std::string reference;
  std::vector<std::int64_t> batch_sizes;
  std::vector<std::string> files;
  std::vector<std::string> pictures;
  std::vector<std::string> shapes;
  std::vector<std::string> ranges;
  std::vector<std::string> tolerances;
  std::uint64_t seed = 1;
  std::int64_t rows = 0;       // 0 = not given
  double least_agreement = 0;  // of the highest element, 0 to 1
  int threads = 0;             // 0 = not given
  std::string format = "table";
};

}  // namespace muster
