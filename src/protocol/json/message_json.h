// SPDX-License-Identifier: Apache-2.0
// A protobuf message as JSON, with the names of its schema. protobuf's own printer writes 64-bit
// numbers as texts and leaves defaults out; clients of the protocol expect neither.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace muster {

// Appends an object with every field: single values also where they are the default, lists and maps
// also where they are empty; messages and members of a oneof only where they are set. Maps are in
// the order of their keys. Nests as deep as the message does.
void append_message_json(std::string& out, const google::protobuf::Message& message);

}  // namespace muster
