// SPDX-License-Identifier: Apache-2.0
// What a client sends on a call of gRPC, in pieces: any bytes as a sequence of messages, and as one
// message, as it came or compressed, read by both readers. The first byte says how it came, the
// second how long the pieces are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include <google/protobuf/stubs/logging.h>

#include "frontend/grpc/message/message_reader.h"
#include "frontend/grpc/message/received_message.h"
#include "open_inference.pb.h"
#include "protocol/grpc/infer_message.h"

namespace {

using muster::MessageBytes;
using muster::MessageReader;

constexpr std::size_t kMaxInflated = std::size_t{1} << 16;

void require(bool holds) {
  if (!holds) std::abort();
}

// Whether all of `bytes` was read; how many messages they are, and the last one in `message`.
bool read_all(std::span<const std::byte> bytes, std::size_t length, MessageBytes& message,
              MessageReader& reader, std::size_t& messages) {
  messages = 0;
  while (!bytes.empty()) {
    std::span<const std::byte> piece = bytes.first(std::min(length, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (!piece.empty()) {
      const std::size_t before = piece.size();
      const MessageReader::Step step = reader.read(piece);
      if (step == MessageReader::Step::kRefused) {
        require(!reader.refusal().ok() && message.size() == 0);
        return false;
      }
      require(piece.size() < before);
      if (step == MessageReader::Step::kMessage) ++messages;
      require(step == MessageReader::Step::kMessage || piece.empty());
    }
  }
  return true;
}

void read_any(std::span<const std::byte> bytes, std::size_t length,
              const std::shared_ptr<muster::MemoryBudget>& budget) {
  MessageBytes in_pieces(budget);
  MessageBytes at_once(budget);
  MessageReader one;
  MessageReader other;
  one.restart(in_pieces, kMaxInflated, true);
  other.restart(at_once, kMaxInflated, true);
  std::size_t messages = 0;
  std::size_t same = 0;
  const bool read = read_all(bytes, length, in_pieces, one, messages);
  require(read == read_all(bytes, bytes.size(), at_once, other, same));
  require(messages == same && in_pieces.text() == at_once.text());
  require(one.is_between_messages() == other.is_between_messages());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf tells of every text that is no UTF-8.
  static const google::protobuf::LogSilencer silent;
  if (size < 2) return 0;
  const auto coding = static_cast<muster::MessageCoding>(data[0] % 3);
  const std::size_t length = std::size_t{data[1]} + 1;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const auto budget = std::make_shared<muster::MemoryBudget>(std::size_t{1} << 24);
  read_any(bytes, length, budget);

  MessageBytes held(budget);
  require(held.append(bytes).ok());
  const muster::Status taken = muster::inflate_in_place({held, coding}, kMaxInflated);
  require(taken.ok() ? coding == muster::MessageCoding::kIdentity || held.size() <= kMaxInflated
                     : !taken.message().empty() && held.size() == 0);
  MessageBytes again(budget);
  require(again.append(bytes).ok());
  ::inference::ModelInferRequest message;
  const muster::Status parsed =
      muster::parse_message({again, coding}, std::max(bytes.size(), kMaxInflated), message);
  require(parsed.ok() || !parsed.message().empty());
  muster::InferMessage read;
  const bool is_read = taken.ok() && read.read(held.text(), {}).ok();
  // One of the two has limits.
  require(parsed.ok() || !is_read);
  require(!is_read || read.id() == message.id());
  return 0;
}
