// SPDX-License-Identifier: Apache-2.0
#include "batching/gather.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/text.h"
#include "inference/tensor_source.h"

namespace muster {
namespace {

// Whether the session takes an input from the memory of its own device, at `offset` of the batch's.
bool is_taken(const InferInput& input, std::size_t index, std::size_t offset, Session& session) {
  if (!input.source) return false;
  const DeviceBytes* const there = input.source->device_bytes();
  if (there == nullptr || there->size != input.source->size()) return false;
  return session.take_from_device(index, offset, *there).ok();
}

Status fill(const InferInput& input, std::span<std::byte> room) {
  if (input.source) {
    const Status read = input.source->read(0, room);
    if (read.ok()) return {};
    // What another client had there before is nobody's business.
    std::ranges::fill(room, std::byte{0});
    return read.with_context("input '" + printable(input.name) + "'");
  }
  if (!room.empty()) std::memcpy(room.data(), input.tensor.bytes.data(), room.size());
  return {};
}

}  // namespace

Status gather(std::span<const PendingRequest* const> requests, std::int64_t rows, bool stacked,
              Session& session, std::vector<UnreadRequest>& unread) {
  const std::size_t inputs = requests.front()->request.inputs.size();
  for (std::size_t i = 0; i < inputs; ++i) {
    Shape shape = requests.front()->request.inputs[i].tensor.shape;
    if (stacked) shape.set(0, rows);
    std::size_t size = 0;
    for (const PendingRequest* request : requests) {
      size += input_bytes(request->request.inputs[i]);
    }
    MUSTER_ASSIGN_OR_RETURN(std::span<std::byte> room, session.prepare_input(i, shape, size));
    if (room.size() != size) {
      return internal_error("the backend gave room for " + std::to_string(room.size()) + " of " +
                            std::to_string(size) + " bytes of an input");
    }
    for (std::size_t place = 0; place < requests.size(); ++place) {
      const InferInput& input = requests[place]->request.inputs[i];
      const std::size_t bytes = input_bytes(input);
      Status filled;
      if (!is_taken(input, i, size - room.size(), session)) filled = fill(input, room.first(bytes));
      room = room.subspan(bytes);
      if (filled.ok() || std::ranges::find(unread, place, &UnreadRequest::place) != unread.end())
        continue;
      unread.push_back({place, std::move(filled)});
    }
  }
  return {};
}

}  // namespace muster
