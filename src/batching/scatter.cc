// SPDX-License-Identifier: Apache-2.0
#include "batching/scatter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "tensor/rows.h"

namespace muster {
namespace {

bool wants(const PendingRequest& request, std::size_t output) {
  return request.outputs.empty() ||
         std::ranges::find(request.outputs, output) != request.outputs.end();
}

// What does not fit together in an output is the backend's fault, whatever the check called it.
Status at_output(const std::string& name, const Status& status) {
  const Status named = status.with_context("output '" + printable(name) + "'");
  if (named.code() != StatusCode::kInvalidArgument) return named;
  return internal_error(std::string(named.message()));
}

Status copy_rows(const TensorView& output, std::size_t begin, std::size_t end, std::int64_t rows,
                 InferOutput& out) {
  Shape shape = output.shape;
  shape.set(0, rows);
  MUSTER_ASSIGN_OR_RETURN(out.tensor, Tensor::allocate(output.type, std::move(shape), end - begin));
  if (end > begin) std::memcpy(out.tensor.bytes().data(), output.bytes.data() + begin, end - begin);
  return {};
}

Status split(std::span<const PendingRequest* const> requests, const TensorView& output,
             std::int64_t rows, std::size_t index, const std::string& name,
             std::span<InferResponse> responses) {
  if (output.shape.rank() == 0 || output.shape[0] != rows) {
    return internal_error("output '" + printable(name) + "' has shape " + output.shape.to_string() +
                          " for a batch of " + std::to_string(rows) +
                          " rows, so its rows cannot be given to their requests");
  }
  const auto offsets = row_offsets(output, rows);
  if (!offsets.ok()) return at_output(name, offsets.status());
  std::size_t first = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::size_t last = first + static_cast<std::size_t>(requests[i]->rows);
    if (wants(*requests[i], index)) {
      responses[i].outputs.push_back({name, {}});
      const Status copied = copy_rows(output, (*offsets)[first], (*offsets)[last],
                                      requests[i]->rows, responses[i].outputs.back());
      if (!copied.ok()) return at_output(name, copied);
    }
    first = last;
  }
  return {};
}

// The request named its outputs in an order of its own.
void reorder(const PendingRequest& request, const ModelSignature& signature,
             InferResponse& response) {
  if (request.outputs.size() < 2) return;
  std::vector<InferOutput> ordered;
  ordered.reserve(response.outputs.size());
  for (const std::size_t index : request.outputs) {
    const auto found =
        std::ranges::find(response.outputs, signature.outputs[index].name, &InferOutput::name);
    ordered.push_back(std::move(*found));
  }
  response.outputs = std::move(ordered);
}

}  // namespace

Status scatter(std::span<const PendingRequest* const> requests, std::int64_t rows, bool stacked,
               const ModelSignature& signature, Session& session,
               std::span<InferResponse> responses) {
  const bool alone = requests.size() == 1;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::size_t wanted = requests[i]->outputs.size();
    responses[i].outputs.reserve(wanted == 0 ? signature.outputs.size() : wanted);
  }
  for (std::size_t index = 0; index < signature.outputs.size(); ++index) {
    const auto wanted = [&](const PendingRequest* request) { return wants(*request, index); };
    if (std::ranges::none_of(requests, wanted)) continue;
    MUSTER_ASSIGN_OR_RETURN(const TensorView output, session.output(index));
    const std::string& name = signature.outputs[index].name;
    if (alone || !stacked) {
      // Whatever rows it has, they are all this request's.
      auto copy = Tensor::allocate(output.type, output.shape, output.bytes.size());
      if (!copy.ok()) return at_output(name, copy.status());
      if (!output.bytes.empty()) {
        std::memcpy(copy->bytes().data(), output.bytes.data(), output.bytes.size());
      }
      responses[0].outputs.push_back({name, *std::move(copy)});
      continue;
    }
    MUSTER_RETURN_IF_ERROR(split(requests, output, rows, index, name, responses));
  }
  for (std::size_t i = 0; i < requests.size(); ++i)
    reorder(*requests[i], signature, responses[i]);
  return {};
}

}  // namespace muster
