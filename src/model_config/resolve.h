// SPDX-License-Identifier: Apache-2.0
// The steps of `resolve`, in the order in which they run. Each takes what the one before has put
// into `config`, and adds what is wrong.
#pragma once

#include <string>

#include "model_config/model_config.h"
#include "model_config/parsed_parts.h"
#include "model_config/problems.h"

namespace muster {

struct Resolution {
  const ParsedConfig::Parts& parsed;
  const ModelSignature& signature;
  const ResolveContext& context;
  ModelConfig config;
  Problems problems;
};

// `inputs` and `outputs`: the model's, narrowed to what was declared.
void resolve_tensors(Resolution& r);
// `max_batch_size` and `dynamic_batching`.
void resolve_batching(Resolution& r);
// `labels`.
void resolve_labels(Resolution& r);
// `image` and `image_from_config`.
void resolve_image(Resolution& r);

// "TYPE_FP32", as config.pbtxt writes it.
[[nodiscard]] std::string config_type_name(DataType type);

}  // namespace muster
