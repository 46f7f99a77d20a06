// SPDX-License-Identifier: Apache-2.0
// A configuration in JSON that stands above the text of config.pbtxt, field by field.
#pragma once

#include <string_view>

#include <muster/status.h>

#include "model_config.pb.h"

namespace muster {

// Puts the fields of `json` above those of `text`: single values replace, messages are entered,
// maps take over each key that is given, lists are replaced whole where one has entries. Checks the
// form of the JSON and its limits, kMaxConfigBytes and kMaxConfigDepth; not what it says.
[[nodiscard]] Status put_json_above(std::string_view json, ::inference::ModelConfig& text);

}  // namespace muster
