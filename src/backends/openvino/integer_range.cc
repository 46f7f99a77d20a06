// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/integer_range.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <openvino/op/constant.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/strided_slice.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include "backends/openvino/error.h"
#include "base/text.h"

namespace muster::openvino {
namespace {

template <typename T>
bool is_out_of_range(T value) {
  using Limits = std::numeric_limits<T>;
  constexpr auto kMost = static_cast<T>(std::numeric_limits<std::int32_t>::max());
  constexpr auto kLeast =
      std::is_signed_v<T> ? static_cast<T>(std::numeric_limits<std::int32_t>::min()) : T{0};
  if (value >= kLeast && value <= kMost) return false;
  // PyTorch writes the end of a slice that runs backwards as the second least.
  const bool is_second_least = std::is_signed_v<T> && value == Limits::min() + 1;
  return value != Limits::max() && value != Limits::min() && !is_second_least;
}

// The first element that is out of range, as text; "" where none is.
template <typename T>
std::string out_of_range(const ov::op::v0::Constant& constant) {
  const std::span elements(static_cast<const T*>(constant.get_data_ptr()),
                           ov::shape_size(constant.get_shape()));
  const auto found = std::ranges::find_if(elements, is_out_of_range<T>);
  return found == elements.end() ? std::string() : std::to_string(*found);
}

std::string out_of_range(const ov::op::v0::Constant& constant) {
  switch (static_cast<ov::element::Type_t>(constant.get_element_type())) {
    case ov::element::Type_t::i64:
      return out_of_range<std::int64_t>(constant);
    case ov::element::Type_t::u64:
      return out_of_range<std::uint64_t>(constant);
    case ov::element::Type_t::u32:
      return out_of_range<std::uint32_t>(constant);
    default:
      return {};
  }
}

// The runtime cuts bounds to 32 bits without a change of what they mean: no axis is as long.
bool only_bounds_slices(const ov::op::v0::Constant& constant) {
  const auto targets = constant.output(0).get_target_inputs();
  return !targets.empty() && std::ranges::all_of(targets, [](const ov::Input<ov::Node>& target) {
    const ov::Node* const node = target.get_node();
    const bool slices =
        ov::is_type<ov::op::v8::Slice>(node) || ov::is_type<ov::op::v1::StridedSlice>(node);
    return slices && target.get_index() > 0;
  });
}

Status check_node(const ov::Node& node) {
  const auto* const constant = ov::as_type<const ov::op::v0::Constant>(&node);
  if (constant == nullptr) return {};
  const std::string element = out_of_range(*constant);
  if (element.empty() || only_bounds_slices(*constant)) return {};
  return invalid_argument("its constant '" + printable(node.get_friendly_name()) + "' holds " +
                          element +
                          ", which is beyond the 32 bits that OpenVINO computes whole numbers "
                          "with on a CPU; change it, or name onnxruntime as the backend of an "
                          "ONNX file");
}

}  // namespace

bool is_narrowed(DataType type) noexcept {
  return type == DataType::kInt64 || type == DataType::kUint64 || type == DataType::kUint32;
}

Status check_constants(const ov::Model& model) {
  Status wrong;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    // Bodies within bodies, by a list of our own: no file decides how deep the stack goes.
    std::vector<const ov::Model*> open = {&model};
    while (!open.empty() && wrong.ok()) {
      const ov::Model* const graph = open.back();
      open.pop_back();
      for (const std::shared_ptr<ov::Node>& node : graph->get_ops()) {
        if (wrong.ok()) wrong = check_node(*node);
        const auto* const parent = ov::as_type<const ov::op::util::MultiSubGraphOp>(node.get());
        if (parent == nullptr) continue;
        for (const std::shared_ptr<ov::Model>& body : parent->get_functions())
          open.push_back(body.get());
      }
    }
  }));
  return wrong;
}

}  // namespace muster::openvino
