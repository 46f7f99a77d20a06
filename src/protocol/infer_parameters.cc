// SPDX-License-Identifier: Apache-2.0
#include "protocol/infer_parameters.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/text.h"
#include "protocol/infer_tensors.h"

namespace muster {
namespace {

Status wrong_type(std::string_view name, std::string_view expected) {
  return invalid_argument("parameter '" + printable(name) + "' must be " + std::string(expected));
}

Status read(std::string_view name, const ParameterValue& value, bool& flag) {
  const bool* given = std::get_if<bool>(&value);
  if (given == nullptr) return wrong_type(name, "true or false");
  flag = *given;
  return {};
}

Status read(std::string_view name, const ParameterValue& value, std::uint64_t& number) {
  if (const auto* given = std::get_if<std::int64_t>(&value); given != nullptr && *given >= 0) {
    number = static_cast<std::uint64_t>(*given);
    return {};
  }
  if (const auto* given = std::get_if<std::uint64_t>(&value); given != nullptr) {
    number = *given;
    return {};
  }
  return wrong_type(name, "a whole number that is not negative");
}

// Clients send parameters that they do not use with their neutral value.
bool is_neutral(const ParameterValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return !*flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == 0;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number == 0;
  if (const auto* text = std::get_if<std::string_view>(&value)) return text->empty();
  return std::holds_alternative<std::monostate>(value);
}

void shorten_deadline(std::uint64_t microseconds, const DecodeContext& context,
                      InferRequest& request) {
  if (microseconds == 0) return;
  // So far away that it is none; more would not fit a time point.
  constexpr std::chrono::hours kNever(24 * 365);
  constexpr auto kMost = static_cast<std::uint64_t>(std::chrono::microseconds(kNever).count());
  if (microseconds >= kMost) return;
  const std::chrono::microseconds timeout(static_cast<std::int64_t>(microseconds));
  request.deadline = std::min(request.deadline, context.now + timeout);
}

Status apply_region_parameter(std::string_view name, const ParameterValue& value,
                              RegionPlace& region) {
  if (name == "shared_memory_region") {
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr || text->empty()) return wrong_type(name, "the name of a region");
    region.name = *text;
    region.named = true;
    return {};
  }
  if (name == "shared_memory_offset") {
    region.placed = true;
    return read(name, value, region.offset);
  }
  if (name == "shared_memory_byte_size") {
    region.placed = true;
    return read(name, value, region.byte_size.emplace());
  }
  return {};
}

}  // namespace

Status admit_parameter(std::size_t index, std::string_view name, const ProtocolLimits& limits) {
  if (index >= limits.max_parameters) {
    return invalid_argument("there are more than " + std::to_string(limits.max_parameters) +
                            " parameters");
  }
  if (name.size() > limits.max_name_bytes) {
    return invalid_argument("the name of parameter '" + printable(name, 40) + "' has more than " +
                            std::to_string(limits.max_name_bytes) + " bytes");
  }
  return {};
}

Status apply_request_parameter(std::string_view name, const ParameterValue& value,
                               const DecodeContext& context, InferCall& call) {
  if (name == "timeout") {
    std::uint64_t microseconds = 0;
    MUSTER_RETURN_IF_ERROR(read(name, value, microseconds));
    shorten_deadline(microseconds, context, call.request);
    return {};
  }
  if (name == "priority") return read(name, value, call.request.priority);
  if (name == "binary_data_output") return read(name, value, call.wishes.binary);
  if (name == "triton_enable_empty_final_response") {
    return read(name, value, call.wishes.final_response);
  }
  if (name.starts_with("triton_")) {
    return invalid_argument("parameter '" + printable(name) +
                            "': names that start with 'triton_' are reserved");
  }
  if (name.starts_with("sequence_") && !is_neutral(value)) {
    return invalid_argument("parameter '" + printable(name) +
                            "': sequences are not supported; every request stands for itself");
  }
  return {};
}

Status apply_input_parameter(std::string_view name, const ParameterValue& value,
                             InputParameters& parameters) {
  if (name == "binary_data_size") {
    return read(name, value, parameters.binary_data_size.emplace());
  }
  return apply_region_parameter(name, value, parameters.region);
}

Status apply_output_parameter(std::string_view name, const ParameterValue& value,
                              OutputParameters& parameters) {
  if (name == "binary_data") return read(name, value, parameters.binary_data.emplace());
  if (name == "classification") {
    std::uint64_t& classes = parameters.classes.emplace();
    const Status status = read(name, value, classes);
    return status.ok() && classes > 0 ? status : wrong_type(name, "a whole number above 0");
  }
  return apply_region_parameter(name, value, parameters.region);
}

Status add_output(std::string name, OutputParameters parameters, const DecodeContext& context,
                  InferCall& call) {
  const ProtocolLimits& limits = *context.limits;
  MUSTER_RETURN_IF_ERROR(check_tensor_name("output", name, call.wishes.outputs.size(), limits));
  const auto at_fault = [&](const std::string& what) {
    return invalid_argument("output '" + printable(name) + "': " + what);
  };
  OutputWish wish;
  const std::uint64_t classes = parameters.classes.value_or(0);
  if (classes > static_cast<std::uint64_t>(limits.max_classes)) {
    return at_fault("classification of " + std::to_string(classes) +
                    " classes is over the limit of " + std::to_string(limits.max_classes));
  }
  wish.classes = static_cast<std::int64_t>(classes);
  wish.binary = parameters.binary_data.value_or(call.wishes.binary);
  if (parameters.region.named && wish.classes > 0) {
    return at_fault("classification and shared memory exclude each other");
  }
  auto slice = region_slice(parameters.region, context);
  if (!slice.ok())
    return std::move(slice).status().with_context("output '" + printable(name) + "'");
  wish.target = *std::move(slice);
  wish.region = std::move(parameters.region.name);
  wish.region_offset = parameters.region.offset;
  call.request.outputs.push_back(name);
  wish.name = std::move(name);
  call.wishes.outputs.push_back(std::move(wish));
  return {};
}

Status check_outputs(const InferCall& call) {
  return check_given_once("output", "is asked for twice", call.request.outputs,
                          [](const std::string& name) { return std::string_view(name); });
}

}  // namespace muster
