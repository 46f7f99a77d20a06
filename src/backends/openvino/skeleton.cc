// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/skeleton.h"

#include <string>
#include <utility>

#include <openvino/core/graph_util.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include "backends/openvino/describe.h"
#include "backends/openvino/error.h"
#include "base/text.h"

namespace muster::openvino {
namespace {

// Stands where a large constant stood: its type and shape are known, and its elements are not.
class AbsentConstant final : public ov::op::Op {
 public:
  OPENVINO_OP("AbsentConstant", "muster");

  AbsentConstant(const ov::element::Type& type, ov::Shape shape)
      : type_(type), shape_(std::move(shape)) {
    validate_and_infer_types();
  }

  void validate_and_infer_types() override {
    set_output_size(1);
    set_output_type(0, type_, shape_);
  }
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& /*none*/) const override {
    return std::make_shared<AbsentConstant>(type_, shape_);
  }

 private:
  const ov::element::Type type_;
  const ov::Shape shape_;
};

// Small ones are copied, for they may be views of one block with all weights.
std::shared_ptr<ov::Node> light(const ov::op::v0::Constant& constant) {
  if (constant.get_byte_size() > kMaxKeptConstantBytes) {
    return std::make_shared<AbsentConstant>(constant.get_element_type(), constant.get_shape());
  }
  return std::make_shared<ov::op::v0::Constant>(constant.get_element_type(), constant.get_shape(),
                                                constant.get_data_ptr());
}

// In bodies of loops and conditions, too.
void drop_weights(ov::Model& model) {
  std::vector<ov::Model*> open = {&model};
  while (!open.empty()) {
    ov::Model* const graph = open.back();
    open.pop_back();
    for (const std::shared_ptr<ov::Node>& node : graph->get_ordered_ops()) {
      if (const auto* const constant = ov::as_type<const ov::op::v0::Constant>(node.get())) {
        const std::shared_ptr<ov::Node> stands_in = light(*constant);
        stands_in->set_friendly_name(node->get_friendly_name());
        ov::replace_node(node, stands_in);
      }
      const auto* const parent = ov::as_type<const ov::op::util::MultiSubGraphOp>(node.get());
      if (parent == nullptr) continue;
      for (const std::shared_ptr<ov::Model>& body : parent->get_functions())
        open.push_back(body.get());
    }
  }
}

std::vector<ov::PartialShape> output_shapes(const ov::Model& model) {
  std::vector<ov::PartialShape> shapes;
  for (const ov::Output<const ov::Node>& output : model.outputs())
    shapes.push_back(output.get_partial_shape());
  return shapes;
}

ov::PartialShape partial_shape(const Shape& shape) {
  ov::PartialShape dims;
  for (const std::int64_t dim : shape.dims())
    dims.push_back(ov::Dimension(dim));
  return dims;
}

// "'x' [2,3], 'mask' [2]"
std::string listed(const ov::ParameterVector& parameters, std::span<const Shape> shapes) {
  std::string text;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (i > 0) text += ", ";
    text += "'" + printable(name_of(parameters[i]->output(0))) + "' " + shapes[i].to_string();
  }
  return text;
}

}  // namespace

Result<Skeleton> Skeleton::of(const ov::Model& model) {
  std::shared_ptr<ov::Model> graph;
  std::vector<ov::PartialShape> whole;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    graph = model.clone();
    graph->validate_nodes_and_infer_types();
    whole = output_shapes(*graph);
    drop_weights(*graph);
  }));
  bool same = false;
  const Status inferred = guarded([&] {
    graph->validate_nodes_and_infer_types();
    same = output_shapes(*graph) == whole;
  });
  if (inferred.code() == StatusCode::kResourceExhausted) return inferred;
  if (!inferred.ok() || !same) MUSTER_RETURN_IF_ERROR(guarded([&] { graph = model.clone(); }));
  return Skeleton(std::move(graph));
}

std::size_t Skeleton::kept_bytes() const {
  std::size_t bytes = 0;
  for (const std::shared_ptr<ov::Node>& node : graph_->get_ordered_ops()) {
    const auto* const constant = ov::as_type<const ov::op::v0::Constant>(node.get());
    if (constant != nullptr) bytes += constant->get_byte_size();
  }
  return bytes;
}

Result<std::vector<ov::PartialShape>> Skeleton::infer(std::span<const Shape> inputs) {
  std::vector<ov::PartialShape> outputs;
  // Not ov::Model::reshape, which changes the graph so that it takes more than what was compiled.
  const Status inferred = guarded([&] {
    const ov::ParameterVector& parameters = graph_->get_parameters();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      parameters[i]->set_partial_shape(partial_shape(inputs[i]));
    graph_->validate_nodes_and_infer_types();
    outputs = output_shapes(*graph_);
  });
  if (inferred.ok()) return outputs;
  if (inferred.code() == StatusCode::kResourceExhausted) return inferred;
  std::string shapes;
  MUSTER_RETURN_IF_ERROR(guarded([&] { shapes = listed(graph_->get_parameters(), inputs); }));
  return invalid_argument("the model does not take inputs of these shapes: " + shapes + ": " +
                          std::string(inferred.message()));
}

}  // namespace muster::openvino
