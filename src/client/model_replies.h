// SPDX-License-Identifier: Apache-2.0
// What servers say about their models, read: JSON over HTTP, the protocol's messages over gRPC.
// Hostile until read: the limits of ProtocolLimits hold. kInvalidArgument names what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "client/remote_model.h"

namespace muster {

// Without the name, which the caller knows.
[[nodiscard]] Result<RemoteModel> model_of_json(std::string_view body);
[[nodiscard]] Result<RemoteModel> model_of_message(std::string_view message);
// The max_batch_size of a configuration, which has none where it is 0 in a message. Nothing: it is
// not told, or this is no configuration.
[[nodiscard]] std::optional<std::int64_t> batch_size_of_json(std::string_view body);
[[nodiscard]] std::optional<std::int64_t> batch_size_of_message(std::string_view message);
// Names that are read of an index at most.
inline constexpr std::size_t kMostModelNames = 65536;

// The names in an index of which some version is ready, or has no state. kInvalidArgument: there
// are more than kMostModelNames.
[[nodiscard]] Result<std::set<std::string>> ready_models_of_json(std::string_view body);
[[nodiscard]] Result<std::set<std::string>> ready_models_of_message(std::string_view message);
// What a server says of a failure, for people: the text of {"error":"..."}, else all of it, in one
// line.
[[nodiscard]] std::string error_words(std::string_view body);

}  // namespace muster
