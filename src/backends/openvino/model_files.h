// SPDX-License-Identifier: Apache-2.0
// The files of a model: what the runtime will read of it, checked before it does.
#pragma once

#include <string>
#include <vector>

#include <muster/status.h>

#include "content_store/digest.h"

namespace muster::openvino {

struct ModelFiles {
  std::string model;                 // model.xml or model.onnx
  std::string weights;               // model.bin beside a model.xml; "" where there is none
  std::vector<std::string> further;  // the external data of an ONNX file

  [[nodiscard]] bool is_onnx() const { return model.ends_with(".onnx"); }
};

// Messages do not name `file`. Nothing that leads out of the model's folder is among them.
[[nodiscard]] Result<ModelFiles> find_model_files(const std::string& file);
// Of the bytes of all of them, in an order that depends on the model alone.
[[nodiscard]] Result<DigestBytes> digest_of(const ModelFiles& files);

}  // namespace muster::openvino
