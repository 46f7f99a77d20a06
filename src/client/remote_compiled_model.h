// SPDX-License-Identifier: Apache-2.0
// A model on a running server as a CompiledModel: each batch of a session is one request.
#pragma once

#include <cstddef>
#include <memory>

#include <muster/backend.h>

#include "client/remote_model.h"

namespace muster {

// Of the answer to one batch.
inline constexpr std::size_t kMostBatchReplyBytes = std::size_t{1} << 30;

// `model`: as find_remote_model() tells it. A session has a connection of its own, from its first
// batch on, and waits for each answer. What a server answers is hostile: an output that is missing
// or not what it says is an error; its type and its shape are the server's.
[[nodiscard]] std::shared_ptr<const CompiledModel> make_remote_compiled_model(ServerAccess server,
                                                                              RemoteModel model);

}  // namespace muster
