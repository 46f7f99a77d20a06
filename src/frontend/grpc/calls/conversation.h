// SPDX-License-Identifier: Apache-2.0
// Conversation: what one method does with the messages of one call. Unary methods are conversations
// of one question and one answer.
//
// All on the transport thread. A conversation finishes its call exactly once, also after
// `cancelled`.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include <muster/inference.h>

#include "frontend/access_policy.h"
#include "frontend/grpc/message/received_message.h"

namespace muster {

class GenericCall;

class Conversation {
 public:
  Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  virtual ~Conversation() = default;

  // The first message is being waited for. After each there is none, until GenericCall::read asks
  // for it: a message, or there will be none any more. Not after `finish`.
  virtual void message(const ReceivedMessage& received) = 0;
  virtual void half_closed() = 0;
  // Messages that were written have been taken, and there may be room for more. Not after `finish`.
  virtual void written() {}
  // About ten times a second. Not after `finish`.
  virtual void check_time(TimePoint) {}
  // The client has gone.
  virtual void cancelled() = 0;
  // The server takes no new calls: what was asked is to be answered, and no more. Where nothing was
  // asked, the call is to be finished.
  virtual void stop() = 0;
  // Whether nothing of it is under way elsewhere. Asked after the call was finished; where it was
  // false, the conversation says GenericCall::end_if_over later.
  [[nodiscard]] virtual bool may_end() const { return true; }
};

// A method by its path.
struct GrpcMethod {
  std::string_view path;
  Right right;
  std::unique_ptr<Conversation> (*begin)(GenericCall& call);
  bool awaited = true;   // whether draining waits for its end
  bool recorded = true;  // whether the call is a request for counters and access log
  // A caller with this right comes in as well: which of both it takes the message says, and the
  // method asks once more when it has been read.
  std::optional<Right> or_right = {};
  // The client has one message, which comes soon, and `message` is told of it when the client has
  // said its last. A stream has any number, which may take their time.
  bool asks_once = true;
  bool has_tensors = false;  // messages may be as large as bodies
};

}  // namespace muster
