// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/describe.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <openvino/runtime/properties.hpp>

#include "backends/openvino/error.h"
#include "base/text.h"

namespace muster::openvino {
namespace {

using Port = ov::Output<const ov::Node>;

struct Row {
  ov::element::Type_t element;
  DataType data;
};
constexpr Row kTypes[] = {
    {ov::element::Type_t::boolean, DataType::kBool}, {ov::element::Type_t::u8, DataType::kUint8},
    {ov::element::Type_t::u16, DataType::kUint16},   {ov::element::Type_t::u32, DataType::kUint32},
    {ov::element::Type_t::u64, DataType::kUint64},   {ov::element::Type_t::i8, DataType::kInt8},
    {ov::element::Type_t::i16, DataType::kInt16},    {ov::element::Type_t::i32, DataType::kInt32},
    {ov::element::Type_t::i64, DataType::kInt64},    {ov::element::Type_t::f16, DataType::kFp16},
    {ov::element::Type_t::bf16, DataType::kBf16},    {ov::element::Type_t::f32, DataType::kFp32},
    {ov::element::Type_t::f64, DataType::kFp64},
};

// What the readers make of an output's name: "output/sink_port_0".
constexpr std::string_view kSink = "/sink_port_";

// Several outputs of one operator without names of their own would all have that of the operator:
// there each keeps its number, "split.0".
void number_repeated(const std::vector<Port>& outputs, std::vector<TensorSpec>& specs) {
  std::map<std::string, int> uses;
  for (const TensorSpec& spec : specs)
    ++uses[spec.name];
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::string& own = outputs[i].get_node()->get_friendly_name();
    const std::size_t sink = own.rfind(kSink);
    if (uses[specs[i].name] == 1 || sink == std::string::npos || !outputs[i].get_names().empty()) {
      continue;
    }
    specs[i].name += "." + own.substr(sink + kSink.size());
  }
}

Status refuse_repeated(std::string_view role, const std::vector<TensorSpec>& specs) {
  std::set<std::string_view> seen;
  for (const TensorSpec& spec : specs) {
    if (seen.insert(spec.name).second) continue;
    return invalid_argument("it has two " + std::string(role) + "s '" + printable(spec.name) +
                            "', which no request could tell apart; give each a name of its own");
  }
  return {};
}

Result<TensorSpec> describe_port(std::string_view role, const Port& port) {
  TensorSpec spec;
  spec.name = name_of(port);
  const std::string subject = std::string(role) + " '" + printable(spec.name) + "'";
  spec.type = data_type_of(port.get_element_type());
  if (spec.type == DataType::kInvalid) {
    return unimplemented(subject + " is of type " + port.get_element_type().get_type_name() +
                         ", which the openvino backend does not carry; cast it inside the model, "
                         "or name onnxruntime as the backend of an ONNX file");
  }
  const ov::PartialShape& shape = port.get_partial_shape();
  if (shape.rank().is_dynamic()) {
    return unimplemented(subject + " has no number of dimensions; export the model with one");
  }
  std::vector<std::int64_t> dims;
  for (const ov::Dimension& dim : shape)
    dims.push_back(dim.is_static() ? dim.get_length() : kDynamicDim);
  spec.shape = Shape(dims);
  return spec;
}

// Operators that may refuse the values of their inputs, or whose shapes these decide, have whole
// numbers or truth values on the way to them; loops and conditions may hide such.
bool computes_with_real_numbers_alone(const ov::CompiledModel& compiled) {
  constexpr std::string_view kKind = "layerType";
  for (const std::shared_ptr<ov::Node>& node : compiled.get_runtime_model()->get_ops()) {
    const auto kind = node->get_rt_info().find(std::string(kKind));
    if (kind == node->get_rt_info().end()) return false;
    const std::string name = kind->second.as<std::string>();
    if (name == "Const") continue;
    if (name == "If" || name == "Loop" || name == "TensorIterator") return false;
    for (const ov::Output<ov::Node>& output : node->outputs()) {
      if (!output.get_element_type().is_real()) return false;
    }
  }
  return true;
}

}  // namespace

Detour detour_of(const ov::CompiledModel& compiled) {
  Detour detour = Detour::kAlways;
  // Where it cannot tell, every run goes the safe way.
  (void)guarded([&] {
    const auto streams = compiled.get_property(ov::num_streams);
    if (streams != ov::streams::Num(1) || compiled.get_property(ov::inference_num_threads) != 1) {
      detour = Detour::kNever;
    } else if (computes_with_real_numbers_alone(compiled)) {
      detour = Detour::kNewShapes;
    }
  });
  return detour;
}

DataType data_type_of(const ov::element::Type& type) noexcept {
  const auto* row =
      std::ranges::find(kTypes, static_cast<ov::element::Type_t>(type), &Row::element);
  return row == std::end(kTypes) ? DataType::kInvalid : row->data;
}

ov::element::Type element_type_of(DataType type) noexcept {
  const auto* row = std::ranges::find(kTypes, type, &Row::data);
  return row == std::end(kTypes) ? ov::element::dynamic : ov::element::Type(row->element);
}

std::string name_of(const Port& port) {
  const std::unordered_set<std::string>& names = port.get_names();
  std::string own = port.get_node()->get_friendly_name();
  const std::size_t sink = own.rfind(kSink);
  if (sink != std::string::npos) own.resize(sink);
  if (names.empty() || names.contains(own)) return own;
  return *std::ranges::min_element(names);
}

Result<ModelSignature> describe(const std::vector<Port>& inputs, const std::vector<Port>& outputs) {
  ModelSignature signature;
  Status failure;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    const auto keep = [&](Result<TensorSpec> spec, std::vector<TensorSpec>& list) {
      if (spec.ok()) {
        list.push_back(std::move(spec).value());
      } else if (failure.ok()) {
        failure = std::move(spec).status();
      }
    };
    for (const Port& port : inputs)
      keep(describe_port("input", port), signature.inputs);
    for (const Port& port : outputs)
      keep(describe_port("output", port), signature.outputs);
  }));
  MUSTER_RETURN_IF_ERROR(std::move(failure));
  MUSTER_RETURN_IF_ERROR(guarded([&] { number_repeated(outputs, signature.outputs); }));
  MUSTER_RETURN_IF_ERROR(refuse_repeated("input", signature.inputs));
  MUSTER_RETURN_IF_ERROR(refuse_repeated("output", signature.outputs));
  return signature;
}

}  // namespace muster::openvino
