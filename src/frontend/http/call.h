// SPDX-License-Identifier: Apache-2.0
// Call: one request of a connection, from its head until its reply is written.
//
// Belongs to its connection's transport thread, but for the time between its order being handed in
// and the answer coming home, when it belongs to whoever answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <muster/inference.h>

#include "frontend/http/message/reply_head.h"
#include "frontend/http/message/request_head.h"
#include "frontend/http/message/target.h"
#include "frontend/transport/byte_stream.h"
#include "frontend/transport/mailbox.h"
#include "inference/picture_service.h"
#include "protocol/http/http_infer.h"
#include "protocol/http/infer_decoder.h"
#include "protocol/infer_call.h"
#include "protocol/request_body.h"
#include "shared_memory/cuda_region.h"

namespace muster {

class Connection;

struct RequestedLoad {
  std::string model;
  std::optional<std::string> config_json;
};
// What is handed in at the end of the round.
using Order =
    std::variant<std::monostate, InferRequest, PictureRequest, RequestedLoad, CudaRegionOrder>;
// What comes home: Status is that of a load, or of a region that was to be opened.
using Answer = std::variant<std::monostate, Result<InferResponse>, Result<PictureResponse>, Status>;

struct HttpReply {
  int status = 0;  // 0 = there is none yet
  std::string_view content_type = kJsonType;
  HttpInferReply body;  // of every reply; the text of most is its `json`
  std::string coded;    // the whole body, compressed
  Coding coding = Coding::kIdentity;
  bool close = false;  // the connection, after it
  bool retry_after = false;
  std::string_view allow = {};
  std::optional<BatchReport> batch;
  std::int64_t version = 0;  // of the model that answered
  std::string error;         // for the access log
  std::string head;
  std::vector<ConstBytes> buffers;  // head and body, as they are sent
};

struct Call final : Letter {
  enum class Stage : std::uint8_t {
    kReading,   // its body is not complete
    kPrepared,  // has its order, handed in at the end of the round
    kInFlight,  // belongs to whoever answers
    kAnswered,  // its answer is home
    kReplied,   // its reply waits for its turn, or is being sent
  };

  Connection* connection = nullptr;
  Call* following = nullptr;        // the next of its connection
  InferDecoder* decoder = nullptr;  // of its connection
  bool is_loopback = false;         // the listener of its connection
  Stage stage = Stage::kReading;
  RequestHead head;
  Route route;
  std::shared_ptr<RequestBody> body;  // of a new call: a spare one, or null
  std::size_t body_bytes = 0;         // as they came
  TimePoint received{};               // its last byte
  TimePoint came_after{};             // as TransportLoop has it, of its last byte
  Order order;
  RequestTicket ticket = 0;
  Answer answer;
  ReplyWishes wishes;
  HttpReply reply;

  void open() override;
  // As new, with the memory of its strings, unless that has become large.
  void clear();
};

}  // namespace muster
