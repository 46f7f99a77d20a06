// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.h"
#include "protocol/http/http_infer.h"
#include "protocol/infer_tensors.h"

namespace muster {
namespace {

Status does_not_fit(const TensorSpec& spec, const std::string& why) {
  return in_input(spec.name,
                  invalid_argument("a raw body (Inference-Header-Content-Length: 0) " + why));
}

// The input's shape for one row, with the one open dimension that the size can tell.
Result<Shape> raw_shape(const TensorSpec& spec, bool batched, std::size_t size) {
  Shape shape = spec.shape;
  if (batched && shape.rank() > 0) shape.set(0, 1);
  std::size_t open_axis = shape.rank();
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] >= 0) continue;
    if (open_axis != shape.rank()) {
      return does_not_fit(spec, "cannot tell the shape of an input with several open dimensions, " +
                                    spec.shape.to_string());
    }
    open_axis = axis;
  }
  if (open_axis == shape.rank()) return shape;
  shape.set(open_axis, 1);
  MUSTER_ASSIGN_OR_RETURN(const std::size_t unit, byte_size(spec.type, shape));
  if (unit == 0 || size % unit != 0) {
    return does_not_fit(spec, "of " + std::to_string(size) + " bytes does not fill shape " +
                                  spec.shape.to_string());
  }
  shape.set(open_axis, static_cast<std::int64_t>(size / unit));
  return shape;
}

// The body is the only element: it has no length before it.
Status add_string(const TensorSpec& spec, bool batched, std::span<const std::byte> bytes,
                  InferRequest& request) {
  Shape shape = spec.shape;
  if (batched && shape.rank() > 0) shape.set(0, 1);
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == kDynamicDim) shape.set(axis, 1);
  }
  MUSTER_ASSIGN_OR_RETURN(const std::size_t elements, element_count(shape));
  if (elements != 1 || bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return does_not_fit(
        spec, "is one element of BYTES, shape " + spec.shape.to_string() + " takes others");
  }
  const auto length = static_cast<std::uint32_t>(bytes.size());
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(DataType::kBytes, std::move(shape),
                                                          sizeof(length) + bytes.size()));
  std::memcpy(tensor.bytes().data(), &length, sizeof(length));
  if (!bytes.empty()) {
    std::memcpy(tensor.bytes().data() + sizeof(length), bytes.data(), bytes.size());
  }
  request.add_input(spec.name, std::move(tensor));
  return {};
}

}  // namespace

Result<InferCall> decode_raw_infer(std::shared_ptr<const RequestBody> body,
                                   const ModelDescription& model, const DecodeContext& context) {
  const std::vector<TensorSpec>& inputs = model.config.inputs;
  if (inputs.size() != 1) {
    return invalid_argument("model '" + printable(model.config.name) + "' has " +
                            std::to_string(inputs.size()) +
                            " inputs; a raw body (Inference-Header-Content-Length: 0) is for "
                            "models with one");
  }
  const TensorSpec& spec = inputs[0];
  const bool batched = model.config.batching.max_batch_size > 0;
  InferCall call;
  call.wishes.binary = true;
  if (spec.type == DataType::kBytes) {
    MUSTER_RETURN_IF_ERROR(add_string(spec, batched, body->bytes(), call.request));
    return call;
  }
  MUSTER_RETURN_IF_ERROR(check_rank(spec.shape.rank(), *context.limits));
  MUSTER_ASSIGN_OR_RETURN(Shape shape, raw_shape(spec, batched, body->size()));
  InputHead head{spec.name, spec.type, {}, 0};
  MUSTER_RETURN_IF_ERROR(in_input(spec.name, set_shape(head, std::move(shape))));
  MUSTER_RETURN_IF_ERROR(add_view(std::move(head), body->bytes(), call.request));
  call.request.keep(std::move(body));
  return call;
}

}  // namespace muster
