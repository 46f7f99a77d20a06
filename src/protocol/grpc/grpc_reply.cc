// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "base/text.h"
#include "protocol/grpc/grpc_infer.h"
#include "protocol/reply_outputs.h"

namespace muster {
namespace {

using Reply = ::inference::ModelInferResponse;

void put_region(const OutputWish& wish, std::size_t size, Reply::InferOutputTensor& put) {
  auto& parameters = *put.mutable_parameters();
  parameters["shared_memory_region"].set_string_param(wish.region);
  parameters["shared_memory_byte_size"].set_int64_param(static_cast<std::int64_t>(size));
  if (wish.region_offset > 0) {
    parameters["shared_memory_offset"].set_int64_param(
        static_cast<std::int64_t>(wish.region_offset));
  }
}

Status put_output(const InferOutput& output, const OutputWish* wish, const ModelDescription* model,
                  Reply& reply) {
  Tensor classes;
  const Tensor* tensor = &output.tensor;
  if (wish != nullptr && wish->classes > 0) {
    MUSTER_ASSIGN_OR_RETURN(classes, top_classes(output, wish->classes, model));
    tensor = &classes;
  }
  Reply::InferOutputTensor& put = *reply.add_outputs();
  put.set_name(output.name);
  put.set_datatype(std::string(data_type_name(tensor->type())));
  for (const std::int64_t dim : tensor->shape().dims())
    put.add_shape(dim);
  // One entry for each output, also for those elsewhere: clients count them.
  std::string& raw = *reply.add_raw_output_contents();
  const std::span<const std::byte> bytes = tensor->bytes();
  if (wish != nullptr && wish->target) {
    put_region(*wish, bytes.size(), put);
    return write_to_region(*wish, tensor->view());
  }
  raw.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

}  // namespace

Status encode_grpc_infer(const ReplyWishes& wishes, const InferResponse& response, Reply& reply) {
  const ModelDescription* model = response.model.get();
  if (model != nullptr) {
    reply.set_model_name(model->config.name);
    reply.set_model_version(version_text(model->version));
  }
  reply.set_id(wishes.id);
  if (wishes.final_response) {
    (*reply.mutable_parameters())["triton_final_response"].set_bool_param(true);
  }
  for (std::size_t i = 0; i < response.outputs.size(); ++i) {
    const InferOutput& output = response.outputs[i];
    const Status status = put_output(output, wish_of(wishes, output.name, i), model, reply);
    if (!status.ok()) return status.with_context("output '" + printable(output.name) + "'");
  }
  return {};
}

}  // namespace muster
