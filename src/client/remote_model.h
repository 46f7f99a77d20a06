// SPDX-License-Identifier: Apache-2.0
// A model as a running server describes it, and requests for it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/inference.h>
#include <muster/model.h>

#include "client/server_call.h"

namespace muster {

struct RemoteModel {
  std::string name;
  std::string platform;
  ModelSignature signature;  // shapes with the batch axis, where there is one
  // The first axis of every input counts rows: as its configuration says, or where the server tells
  // none, wherever that axis is open.
  bool stacked = false;
};

// Asks the server for the model, which must be ready. No name: the only one that is ready, by the
// server's index. Errors name the server, what it said, and what to do.
[[nodiscard]] Result<RemoteModel> find_remote_model(const ServerAccess& server,
                                                    std::optional<std::string_view> name);

struct RequestExtras {
  std::string id;               // "" = none
  std::int64_t timeout_us = 0;  // that it may wait; 0 = none
};

// A request for all outputs, put together once, for a wire of that server: tensors in binary form,
// both ways. kInvalidArgument: it is larger than the transport's messages may be.
[[nodiscard]] Result<std::string> infer_request(const ServerAccess& server,
                                                const std::string& model,
                                                std::span<const InferInput> inputs,
                                                const RequestExtras& extras = {});
// "/v2/models/NAME", with the name as a part of a path.
[[nodiscard]] std::string model_path(std::string_view name);

}  // namespace muster
