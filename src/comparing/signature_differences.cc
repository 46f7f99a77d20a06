// SPDX-License-Identifier: Apache-2.0
#include "comparing/signature_differences.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace muster {
namespace {

bool can_be_same(const Shape& a, const Shape& b) {
  return std::ranges::equal(a.dims(), b.dims(), [](std::int64_t one, std::int64_t other) {
    return one == other || one == kDynamicDim || other == kDynamicDim;
  });
}

std::string kind_of(const TensorSpec& tensor) {
  return std::string(data_type_name(tensor.type)) + ' ' + tensor.shape.to_string();
}

void add(std::string& text, const std::string& difference) {
  text += (text.empty() ? "" : "; ") + difference;
}

void compare(const std::string& kind, const std::vector<TensorSpec>& expected,
             const std::vector<TensorSpec>& given, std::string& text) {
  for (const TensorSpec& wanted : expected) {
    const std::string named = kind + " '" + printable(wanted.name) + "'";
    const auto found = std::ranges::find(given, wanted.name, &TensorSpec::name);
    if (found == given.end()) {
      add(text, "there is no " + named);
    } else if (found->type != wanted.type || !can_be_same(found->shape, wanted.shape)) {
      add(text, named + " is " + kind_of(*found) + " instead of " + kind_of(wanted));
    }
  }
  for (const TensorSpec& other : given) {
    const bool known = std::ranges::find(expected, other.name, &TensorSpec::name) != expected.end();
    const bool first = &*std::ranges::find(given, other.name, &TensorSpec::name) == &other;
    if (!known || !first) add(text, kind + " '" + printable(other.name) + "' is one too many");
  }
}

}  // namespace

std::string signature_differences(const ModelSignature& expected, const ModelSignature& given) {
  std::string text;
  compare("input", expected.inputs, given.inputs, text);
  compare("output", expected.outputs, given.outputs, text);
  return text;
}

}  // namespace muster
