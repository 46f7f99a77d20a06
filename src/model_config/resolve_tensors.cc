// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/resolve.h"

namespace muster {
namespace {

enum class BatchAxis : std::uint8_t {
  kImplicit,  // max_batch_size > 0: dims leave it out
  kWritten,   // max_batch_size 0: dims are the whole shape
  kEither,    // max_batch_size not given: the number of dims tells, the same for all tensors
};

// One side of the model: its inputs, or its outputs.
struct Side {
  std::string_view kind;
  const std::vector<TensorSpec>& declared;
  const std::vector<TensorSpec>& actual;
};

// Which tensors' dims had the batch axis and which had not, where both are allowed.
struct Seen {
  int with_axis = -1;  // line, -1 = none yet
  int without_axis = -1;
};

BatchAxis batch_axis_of(const ::inference::ModelConfig& text) {
  if (!text.has_max_batch_size()) return BatchAxis::kEither;
  return text.max_batch_size() > 0 ? BatchAxis::kImplicit : BatchAxis::kWritten;
}

std::string unknown_tensor(const Side& side, const std::string& name, bool suggest) {
  const std::string unknown = fmt::format("the model has no {} '{}'", side.kind, printable(name));
  if (!suggest) return unknown;
  std::vector<std::string_view> names;
  for (const TensorSpec& spec : side.actual)
    names.push_back(spec.name);
  if (const std::string_view near = nearest(name, names); !near.empty()) {
    return fmt::format("{} (did you mean '{}'?)", unknown, printable(near));
  }
  constexpr std::size_t kNamesToList = 5;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesToList); ++i) {
    list += fmt::format("{}'{}'", i == 0 ? "" : ", ", printable(names[i]));
  }
  if (names.size() > kNamesToList) list += ", ...";
  return fmt::format("{}; it has {}", unknown, names.empty() ? "none" : list);
}

bool fits(std::span<const std::int64_t> declared, std::span<const std::int64_t> actual) {
  return std::ranges::equal(declared, actual, [](std::int64_t wanted, std::int64_t given) {
    return given == kDynamicDim || wanted == given;
  });
}

// What is wrong with `dims` of a tensor whose shape in the model is `actual`; "" = nothing.
std::string dims_fault(std::span<const std::int64_t> dims, const Shape& actual, BatchAxis axis,
                       bool leaves_axis_out) {
  const std::string row = actual.without_first().to_string();
  const std::string_view batch_rule = "the batch axis is implicit where max_batch_size is above 0";
  if (leaves_axis_out) {
    if (fits(dims, actual.dims().subspan(1))) return "";
    return fmt::format("the model has {} behind the batch axis", row);
  }
  if (axis == BatchAxis::kImplicit) {
    if (actual.rank() > 0 && dims.size() == actual.rank()) {
      return fmt::format("drop the leading {}: {}", dims[0], batch_rule);
    }
    return fmt::format("the model has {} behind the batch axis", row);
  }
  if (dims.size() == actual.rank() && fits(dims, actual.dims())) return "";
  if (axis == BatchAxis::kWritten && dims.size() + 1 == actual.rank()) {
    return fmt::format("the model has {}; with max_batch_size 0 dims are the whole shape",
                       actual.to_string());
  }
  return fmt::format("the model has {}", actual.to_string());
}

void narrow(const Side& side, int index, const Located& at, BatchAxis axis, TensorSpec& spec,
            Seen& seen, Problems& problems) {
  const TensorSpec& declared = side.declared[static_cast<std::size_t>(index)];
  const Located tensor = at.nested(side.kind, index);
  if (declared.type != DataType::kInvalid && declared.type != spec.type) {
    problems.add(tensor.line("data_type"),
                 fmt::format("{} '{}' is {} here and {} in the model; write data_type: {}",
                             side.kind, printable(spec.name), config_type_name(declared.type),
                             config_type_name(spec.type), config_type_name(spec.type)));
  }
  // `declared` has the batch axis put before where it is implicit.
  const Shape dims = axis == BatchAxis::kImplicit ? declared.shape.without_first() : declared.shape;
  if (dims.rank() == 0) return;  // not given

  const int line = tensor.line("dims");
  const bool leaves_axis_out = dims.rank() + 1 == spec.shape.rank() &&
                               (axis == BatchAxis::kImplicit ||
                                (axis == BatchAxis::kEither && spec.shape[0] == kDynamicDim));
  const std::string fault = dims_fault(dims.dims(), spec.shape, axis, leaves_axis_out);
  if (!fault.empty()) {
    problems.add(line, fmt::format("{} '{}' has dims {}: {}", side.kind, printable(spec.name),
                                   dims.to_string(), fault));
    return;
  }
  (leaves_axis_out ? seen.without_axis : seen.with_axis) = line;
  const std::size_t skipped = leaves_axis_out ? 1 : 0;
  for (std::size_t i = 0; i < dims.rank(); ++i)
    spec.shape.set(i + skipped, dims[i]);
}

std::vector<TensorSpec> resolve_side(const Side& side, const Located& at, BatchAxis axis,
                                     Seen& seen, Problems& problems) {
  std::vector<TensorSpec> specs = side.actual;
  for (std::size_t i = 0; i < side.declared.size(); ++i) {
    const int index = static_cast<int>(i);
    const auto spec = std::ranges::find(specs, side.declared[i].name, &TensorSpec::name);
    if (spec == specs.end()) {
      // A hostile text could have thousands, and looking for a similar name takes its time.
      const bool suggest = problems.empty();
      problems.add(at.nested(side.kind, index).line("name"),
                   unknown_tensor(side, side.declared[i].name, suggest));
      continue;
    }
    narrow(side, index, at, axis, *spec, seen, problems);
  }
  return specs;
}

}  // namespace

std::string config_type_name(DataType type) {
  return type == DataType::kBytes ? "TYPE_STRING" : fmt::format("TYPE_{}", data_type_name(type));
}

void resolve_tensors(Resolution& r) {
  const Located at = r.parsed.located();
  const BatchAxis axis = batch_axis_of(r.parsed.text);
  const Side inputs{"input", r.parsed.config.inputs, r.signature.inputs};
  const Side outputs{"output", r.parsed.config.outputs, r.signature.outputs};
  Seen seen;
  r.config.inputs = resolve_side(inputs, at, axis, seen, r.problems);
  r.config.outputs = resolve_side(outputs, at, axis, seen, r.problems);
  if (axis == BatchAxis::kEither && seen.with_axis >= 0 && seen.without_axis >= 0) {
    r.problems.add(std::max(seen.with_axis, seen.without_axis),
                   "some dims have the batch axis and some have not; set max_batch_size and leave "
                   "it out of all of them");
  }
  if (!inputs.declared.empty()) {
    for (const TensorSpec& spec : inputs.actual) {
      if (std::ranges::find(inputs.declared, spec.name, &TensorSpec::name) !=
          inputs.declared.end()) {
        continue;
      }
      r.problems.add(at.line("input"),
                     fmt::format("the model's input '{}' is not listed; list every input or none",
                                 printable(spec.name)));
    }
  }
  if (!outputs.declared.empty()) {
    std::erase_if(r.config.outputs, [&](const TensorSpec& spec) {
      return std::ranges::find(outputs.declared, spec.name, &TensorSpec::name) ==
             outputs.declared.end();
    });
  }
}

}  // namespace muster
