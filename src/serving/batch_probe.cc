// SPDX-License-Identifier: Apache-2.0
#include "serving/batch_probe.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

#include "base/text.h"

namespace muster {
namespace {

// A model that takes more than this for one row is not run on zeros just to look at it.
constexpr std::size_t kMaxProbeBytes = std::size_t{256} << 20;

bool has_other_open_dims(const TensorSpec& spec, bool stacked) {
  return (stacked ? spec.shape.without_first() : spec.shape).has_dynamic_dim();
}

Status fill_zeros(const ModelSignature& signature, bool stacked, std::int64_t rows,
                  Session& session) {
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    Shape shape = signature.inputs[i].shape;
    if (stacked) shape.set(0, rows);
    // A BYTES element of no bytes is its length alone: four zero bytes, like an FP32 zero.
    const DataType type = signature.inputs[i].type;
    MUSTER_ASSIGN_OR_RETURN(const std::size_t size,
                            byte_size(type == DataType::kBytes ? DataType::kUint32 : type, shape));
    if (size > kMaxProbeBytes) return resource_exhausted("its input is too large to try");
    MUSTER_ASSIGN_OR_RETURN(const auto room, session.prepare_input(i, shape, size));
    if (!room.empty()) std::memset(room.data(), 0, room.size());
  }
  return {};
}

ProbeFindings run_on_zeros(const CompiledModel& model, bool stacked, std::int64_t max_rows,
                           const std::vector<TensorSpec>& served) {
  ProbeFindings findings;
  const ModelSignature& signature = model.signature();
  for (const TensorSpec& input : signature.inputs) {
    if (!has_other_open_dims(input, stacked)) continue;
    findings.not_tried =
        "input '" + printable(input.name) + "' has open dimensions " + input.shape.to_string();
    return findings;
  }
  auto session = model.new_session();
  if (!session.ok()) {
    findings.not_tried = std::string(session.status().message());
    return findings;
  }
  for (std::int64_t rows = 1; rows <= (stacked && max_rows > 1 ? 2 : 1); ++rows) {
    Status status = fill_zeros(signature, stacked, rows, **session);
    if (status.ok()) status = (*session)->run();
    if (!status.ok()) {
      findings.not_tried = std::string(status.message());
      return findings;
    }
    for (std::size_t i = 0; stacked && i < signature.outputs.size(); ++i) {
      const std::string& name = signature.outputs[i].name;
      if (std::ranges::find(served, name, &TensorSpec::name) == served.end()) continue;
      const auto output = (*session)->output(i);
      if (output.ok() && output->shape.rank() > 0 && output->shape[0] == rows) continue;
      findings.not_mergeable =
          "output '" + printable(name) + "' has " +
          (output.ok() ? "shape " + output->shape.to_string() : std::string("no value")) + " for " +
          std::to_string(rows) + (rows == 1 ? " row" : " rows");
      return findings;
    }
  }
  return findings;
}

}  // namespace

ProbeFindings probe(const CompiledModel& model, bool stacked, std::int64_t max_rows,
                    const std::vector<TensorSpec>& served) {
  try {
    return run_on_zeros(model, stacked, max_rows, served);
  } catch (const std::exception& error) {
    return {"", error.what()};
  }
}

}  // namespace muster
