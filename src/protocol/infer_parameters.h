// SPDX-License-Identifier: Apache-2.0
// The parameters of a request, an input and an output: what each means and which type it has. The
// one place for both transports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <muster/status.h>

#include "protocol/infer_call.h"

namespace muster {

// As it came; monostate is a value of another kind (null, a list, an object). Whole numbers are
// int64 where they fit, else uint64. Texts are views into the message.
using ParameterValue =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string_view>;

// The part of a shared memory region that a tensor lies in.
struct RegionPlace {
  std::string name;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> byte_size;
  bool named = false;
  bool placed = false;  // offset or byte_size were given
};

struct InputParameters {
  std::optional<std::uint64_t> binary_data_size;
  RegionPlace region;
};

struct OutputParameters {
  std::optional<bool> binary_data;
  std::optional<std::uint64_t> classes;
  RegionPlace region;
};

// Whether a parameter may be there at all: `index` of them came before it.
[[nodiscard]] Status admit_parameter(std::size_t index, std::string_view name,
                                     const ProtocolLimits& limits);

// Each takes one parameter over; unknown ones are passed over.
[[nodiscard]] Status apply_request_parameter(std::string_view name, const ParameterValue& value,
                                             const DecodeContext& context, InferCall& call);
[[nodiscard]] Status apply_input_parameter(std::string_view name, const ParameterValue& value,
                                           InputParameters& parameters);
[[nodiscard]] Status apply_output_parameter(std::string_view name, const ParameterValue& value,
                                            OutputParameters& parameters);

// Adds the output `name`, which the client asks for, to the call.
[[nodiscard]] Status add_output(std::string name, OutputParameters parameters,
                                const DecodeContext& context, InferCall& call);
// Behind the last one: each output is asked for once.
[[nodiscard]] Status check_outputs(const InferCall& call);

}  // namespace muster
