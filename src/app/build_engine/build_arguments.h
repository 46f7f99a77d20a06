// SPDX-License-Identifier: Apache-2.0
// What the flags of `muster build-engine` say, and what follows from them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <muster/service.h>

namespace muster {

struct BuildArguments {
  std::string model;
  std::int64_t min = 0;  // rows; 0 = not given, as the two below
  std::int64_t opt = 0;
  std::int64_t max = 0;
  std::string profiles;
  std::string precision;
  std::string workspace;
  int level = -1;   // -1 = not given
  int device = -1;  // likewise
  std::string output;
  std::string cache;
  bool unchecked = false;
  std::vector<std::string> shapes;
  std::vector<std::string> tolerances;
  std::uint64_t seed = 1;
  std::string format = "table";
};

using Parameters = std::map<std::string, std::string, std::less<>>;

// Parameters of the backend that the flags stand for. `usual_max`: the largest batch where --max is
// not given. kInvalidArgument where the sizes are in another order.
[[nodiscard]] Result<Parameters> parameters_of(const BuildArguments& arguments,
                                               std::int64_t usual_max);
// Batch sizes at which the engine's numbers are checked, ascending: the ends and the middle of each
// profile that is about the batch alone; 1 where there is none.
[[nodiscard]] std::vector<std::int64_t> sizes_to_check(std::string_view profiles);
// "models/lenet/1/model.plan" for "models/lenet/1/model.onnx".
[[nodiscard]] std::string plan_beside(const std::string& model_file);

}  // namespace muster
