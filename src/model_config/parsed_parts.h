// SPDX-License-Identifier: Apache-2.0
// What a ParsedConfig holds: the message as written, its lines, and what was read from it.
#pragma once

#include <memory>

#include <google/protobuf/text_format.h>

#include "model_config.pb.h"
#include "model_config/image_settings.h"
#include "model_config/model_config.h"
#include "model_config/problems.h"

namespace muster {

struct ParsedConfig::Parts {
  bool given = false;        // there is a config.pbtxt
  bool lines_known = false;  // `text` is what `lines` is about; never with a JSON above it
  ::inference::ModelConfig text;
  google::protobuf::TextFormat::ParseInfoTree lines;
  ModelConfig config;
  ImageSettings image;

  [[nodiscard]] Located located() const { return {text, lines_known ? &lines : nullptr}; }
};

}  // namespace muster
