// SPDX-License-Identifier: Apache-2.0
#include "serving/request_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "inference/tensor_source.h"

namespace muster {
namespace {

// Not "quoted": std::string would bring std::quoted in by argument-dependent lookup.
std::string in_quotes(std::string_view name) {
  return "'" + printable(name) + "'";
}

std::string names_of(const std::vector<TensorSpec>& specs) {
  std::string list;
  for (const TensorSpec& spec : specs)
    list += (list.empty() ? "" : ", ") + in_quotes(spec.name);
  return list;
}

// Puts the inputs into the signature's order, each exactly once.
Status order_inputs(std::vector<InferInput>& inputs, const ModelConfig& config) {
  const std::vector<TensorSpec>& expected = config.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto known = std::ranges::find(expected, inputs[i].name, &TensorSpec::name);
    if (known == expected.end()) {
      return invalid_argument("model " + in_quotes(config.name) + " has no input " +
                              in_quotes(inputs[i].name) + "; its inputs are " + names_of(expected));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (inputs[j].name == inputs[i].name) {
        return invalid_argument("input " + in_quotes(inputs[i].name) + " of model " +
                                in_quotes(config.name) + " is given twice");
      }
    }
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto place = std::ranges::find(inputs, expected[i].name, &InferInput::name);
    if (place == inputs.end()) {
      return invalid_argument("input " + in_quotes(expected[i].name) + " of model " +
                              in_quotes(config.name) + " is missing");
    }
    std::swap(inputs[i], *place);
  }
  return {};
}

bool fits(const Shape& given, const Shape& expected, bool stacked) {
  if (given.rank() != expected.rank()) return false;
  for (std::size_t axis = 0; axis < given.rank(); ++axis) {
    if (given[axis] < 0) return false;
    if (axis == 0 && stacked) continue;
    if (expected[axis] != kDynamicDim && given[axis] != expected[axis]) return false;
  }
  return true;
}

Status check_input(const InferInput& input, const TensorSpec& spec, const RequestRules& rules) {
  const TensorView& tensor = input.tensor;
  const auto at_fault = [&](const std::string& what) {
    return invalid_argument("input " + in_quotes(spec.name) + " of model " +
                            in_quotes(rules.config->name) + ": " + what);
  };
  if (tensor.type != spec.type) {
    return at_fault("type " + std::string(data_type_name(spec.type)) + " expected, " +
                    std::string(data_type_name(tensor.type)) + " given");
  }
  if (!fits(tensor.shape, spec.shape, rules.stacked)) {
    return at_fault("shape " + spec.shape.to_string() + " expected (-1 = any), " +
                    tensor.shape.to_string() + " given");
  }
  if (tensor.type == DataType::kBytes) {
    const auto elements = bytes_elements(tensor);
    return elements.ok() ? Status() : at_fault(std::string(elements.status().message()));
  }
  const auto expected = byte_size(tensor.type, tensor.shape);
  if (!expected.ok()) return at_fault(std::string(expected.status().message()));
  if (*expected != input_bytes(input)) {
    return at_fault("shape " + tensor.shape.to_string() + " takes " + std::to_string(*expected) +
                    " bytes, " + std::to_string(input_bytes(input)) + " given");
  }
  return {};
}

Status count_rows(PendingRequest& pending, const RequestRules& rules) {
  if (!rules.stacked || pending.request.inputs.empty()) return {};
  const std::vector<InferInput>& inputs = pending.request.inputs;
  pending.rows = inputs[0].tensor.shape[0];
  for (const InferInput& input : inputs) {
    if (input.tensor.shape[0] == pending.rows) continue;
    return invalid_argument("the inputs of model " + in_quotes(rules.config->name) +
                            " have different numbers of rows: " + std::to_string(pending.rows) +
                            " in " + in_quotes(inputs[0].name) + ", " +
                            std::to_string(input.tensor.shape[0]) + " in " + in_quotes(input.name));
  }
  if (pending.rows < 1) {
    return invalid_argument("the request to model " + in_quotes(rules.config->name) +
                            " has no rows");
  }
  if (pending.rows > rules.max_request_rows) {
    const bool is_batch_size = rules.max_request_rows == rules.max_rows;
    return invalid_argument("the request to model " + in_quotes(rules.config->name) + " has " +
                            std::to_string(pending.rows) + " rows, " +
                            (is_batch_size ? "max_batch_size" : "max_request_rows") + " is " +
                            std::to_string(rules.max_request_rows) + ": send it in parts");
  }
  return {};
}

Status choose_outputs(PendingRequest& pending, const RequestRules& rules) {
  const std::vector<TensorSpec>& served = rules.config->outputs;
  const std::vector<TensorSpec>& all = rules.signature->outputs;
  const auto add = [&](std::string_view name) {
    const auto index = std::ranges::find(all, name, &TensorSpec::name) - all.begin();
    pending.outputs.push_back(static_cast<std::size_t>(index));
  };
  if (pending.request.outputs.empty()) {
    if (served.size() == all.size()) return {};  // all: no list needed
    for (const TensorSpec& spec : served)
      add(spec.name);
    return {};
  }
  for (const std::string& name : pending.request.outputs) {
    if (std::ranges::find(served, name, &TensorSpec::name) == served.end()) {
      return invalid_argument("model " + in_quotes(rules.config->name) + " has no output " +
                              in_quotes(name) + "; its outputs are " + names_of(served));
    }
    if (std::ranges::count(pending.request.outputs, name) > 1) {
      return invalid_argument("output " + in_quotes(name) + " is asked for twice");
    }
    add(name);
  }
  return {};
}

// FNV-1a over the row shapes (http://www.isthe.com/chongo/tech/comp/fnv/). Equal keys are compared
// again in full, so a collision costs time only.
std::uint64_t row_key_of(const std::vector<InferInput>& inputs) {
  std::uint64_t hash = 14695981039346656037U;
  const auto mix = [&](std::uint64_t value) { hash = (hash ^ value) * 1099511628211U; };
  for (const InferInput& input : inputs) {
    const auto dims = input.tensor.shape.dims();
    mix(dims.size());
    for (std::size_t axis = 1; axis < dims.size(); ++axis) {
      mix(static_cast<std::uint64_t>(dims[axis]));
    }
  }
  return hash == 0 ? 1 : hash;
}

}  // namespace

Result<PendingRequest> check_request(InferRequest request, const RequestRules& rules) {
  PendingRequest pending;
  pending.request = std::move(request);
  std::vector<InferInput>& inputs = pending.request.inputs;
  MUSTER_RETURN_IF_ERROR(order_inputs(inputs, *rules.config));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    MUSTER_RETURN_IF_ERROR(check_input(inputs[i], rules.config->inputs[i], rules));
    pending.bytes += input_bytes(inputs[i]);
  }
  MUSTER_RETURN_IF_ERROR(count_rows(pending, rules));
  MUSTER_RETURN_IF_ERROR(choose_outputs(pending, rules));
  if (rules.stacked && !rules.fixed_rows) pending.row_key = row_key_of(inputs);
  return pending;
}

}  // namespace muster
