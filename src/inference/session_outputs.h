// SPDX-License-Identifier: Apache-2.0
// What Session::output() answers, for backends that keep a view of each output.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <muster/tensor.h>

namespace muster {

// `outputs`: one for each of the model's, of no type where the last run gave none. `ran`: that run
// succeeded. kInvalidArgument: there is no such output; kFailedPrecondition: there was no such run.
[[nodiscard]] inline Result<TensorView> output_of_run(std::span<const TensorView> outputs, bool ran,
                                                      std::size_t index) {
  if (index >= outputs.size())
    return invalid_argument("the model has no output number " + std::to_string(index));
  if (!ran || outputs[index].type == DataType::kInvalid)
    return failed_precondition("output() was called without a run() that succeeded");
  return outputs[index];
}

}  // namespace muster
