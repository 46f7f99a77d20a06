// SPDX-License-Identifier: Apache-2.0
// Tensors from typed contents: a view where the elements lie as in a tensor, else one of its own.
#pragma once

#include <muster/inference.h>

#include "protocol/grpc/typed_contents.h"
#include "protocol/infer_tensors.h"

namespace muster {

// The input of that name and type; kInvalidArgument, naming it, where the elements are not its.
[[nodiscard]] Status add_typed(InputHead&& head, const TypedContents& contents,
                               InferRequest& request);
// Always a tensor of its own. Errors do not name it.
[[nodiscard]] Result<Tensor> typed_tensor(const InputHead& head, const TypedContents& contents);

}  // namespace muster
