// SPDX-License-Identifier: Apache-2.0
#include "batching/gather.h"

#include <cstring>
#include <string>

namespace muster {

Status gather(std::span<const PendingRequest* const> requests, std::int64_t rows, bool stacked,
              Session& session) {
  const std::size_t inputs = requests.front()->request.inputs.size();
  for (std::size_t i = 0; i < inputs; ++i) {
    Shape shape = requests.front()->request.inputs[i].tensor.shape;
    if (stacked) shape.set(0, rows);
    std::size_t size = 0;
    for (const PendingRequest* request : requests) {
      size += request->request.inputs[i].tensor.bytes.size();
    }
    MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room, session.prepare_input(i, shape, size));
    if (room.size() != size) {
      return internal_error("the backend gave room for " + std::to_string(room.size()) + " of " +
                            std::to_string(size) + " bytes of an input");
    }
    std::byte* out = room.data();
    for (const PendingRequest* request : requests) {
      const std::span<const std::byte> bytes = request->request.inputs[i].tensor.bytes;
      if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
      out += bytes.size();
    }
  }
  return {};
}

}  // namespace muster
