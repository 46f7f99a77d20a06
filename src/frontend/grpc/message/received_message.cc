// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/message/received_message.h"

#include <climits>
#include <new>
#include <string>

#include "frontend/grpc/message/coded_message.h"

namespace muster {

Status inflate_in_place(const ReceivedMessage& received, std::size_t max_inflated) {
  if (received.coding == MessageCoding::kIdentity) return {};
  MessageBytes inflated(received.bytes.budget());
  Status status = inflate_message(received.bytes.bytes(), received.coding, max_inflated, inflated);
  received.bytes.swap(inflated);
  return status;
}

Status parse_message(const ReceivedMessage& received, std::size_t max_bytes,
                     google::protobuf::MessageLite& message) try {
  if (received.bytes.size() > max_bytes) {
    return invalid_argument("the message has " + std::to_string(received.bytes.size()) +
                            " bytes, at most " + std::to_string(max_bytes));
  }
  MUSTER_RETURN_IF_ERROR(inflate_in_place(received, max_bytes));
  const MessageBytes& bytes = received.bytes;
  if (bytes.size() > INT_MAX ||
      !message.ParseFromArray(bytes.text().data(), static_cast<int>(bytes.size()))) {
    return invalid_argument("the bytes are no message " + message.GetTypeName());
  }
  return {};
} catch (const std::bad_alloc&) {
  return resource_exhausted("there is no memory for the message");
}

}  // namespace muster
