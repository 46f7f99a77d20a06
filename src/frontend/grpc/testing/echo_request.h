// SPDX-License-Identifier: Apache-2.0
// Requests for the model "echo".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "open_inference.pb.h"

namespace muster::testing {

namespace oip = ::inference;

inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// One row of four for "echo".
inline oip::ModelInferRequest echo_request(std::string id = "", float first = 1) {
  oip::ModelInferRequest request;
  request.set_model_name("echo");
  request.set_id(std::move(id));
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(1);
  input.add_shape(4);
  request.add_raw_input_contents(floats({first, 2, 3, 4}));
  return request;
}

}  // namespace muster::testing
