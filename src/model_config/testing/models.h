// SPDX-License-Identifier: Apache-2.0
// Signatures of the models that the tests of configurations are about.
#pragma once

#include <initializer_list>
#include <map>
#include <string>

#include <muster/model.h>

namespace muster::testing {

inline TensorSpec tensor(std::string name, DataType type, Shape shape,
                         std::vector<std::string> dim_names = {}) {
  return {std::move(name), type, std::move(shape), std::move(dim_names)};
}

inline std::map<std::string, ModelSignature, std::less<>> models() {
  using enum DataType;
  std::map<std::string, ModelSignature, std::less<>> all;
  all["lenet"] = {{tensor("input", kFp32, {-1, 1, 28, 28})}, {tensor("output", kFp32, {-1, 10})}};
  all["fixed_batch"] = {{tensor("input", kFp32, {4, 1, 28, 28})},
                        {tensor("output", kFp32, {4, 10})}};
  all["two_inputs"] = {{tensor("ids", kInt64, {-1, -1}), tensor("mask", kInt64, {-1, -1})},
                       {tensor("logits", kFp32, {-1, 2}), tensor("pooled", kFp32, {-1, 768})}};
  all["any_picture"] = {{tensor("pixels", kFp32, {-1, 3, -1, -1})},
                        {tensor("classes", kFp32, {-1, 1000})}};
  all["uint8_picture"] = {{tensor("pixels", kUint8, {-1, 224, 224, 3})},
                          {tensor("classes", kFp32, {-1, 1000})}};
  all["summary"] = {{tensor("values", kFp32, {-1, 3})}, {tensor("mean", kFp32, {1, 3})}};
  all["detector"] = {{tensor("pixels", kFp32, {-1, 3, 64, 64}, {"batch", "", "", ""})},
                     {tensor("boxes", kFp32, {-1, 7}, {"found", ""})}};
  return all;
}

}  // namespace muster::testing
