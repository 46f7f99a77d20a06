// SPDX-License-Identifier: Apache-2.0
// What a server sends to a client, in pieces: the first byte says of what size, and by which
// transport. Also as what it says of its models.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "client/model_replies.h"
#include "client/wire.h"

namespace {

using namespace muster;

constexpr int kSlots = 3;
constexpr WireLimits kLimits{std::size_t{1} << 12, std::size_t{1} << 14};
constexpr std::string_view kRequest = "a question";

void require(bool condition) {
  if (!condition) std::abort();
}

// Asks again whatever is answered, as a closed loop does.
class Asking final : public AnswerListener {
 public:
  Asking(Wire& wire, Outbox& out, int slots)
      : wire_(wire), out_(out), in_flight_(static_cast<std::size_t>(slots), false) {
    for (int slot = 0; slot < slots; ++slot)
      ask(slot);
  }

  void answered(const Answer& answer) override {
    const auto slot = static_cast<std::size_t>(answer.slot);
    require(slot < in_flight_.size() && in_flight_[slot]);
    require(answer.body.size() <= kLimits.max_reply_bytes + kLimits.max_head_bytes);
    in_flight_[slot] = false;
    if (wire_.reusable()) ask(answer.slot);
  }

 private:
  void ask(int slot) {
    in_flight_[static_cast<std::size_t>(slot)] = true;
    wire_.ask(slot, kRequest, out_);
    out_.clear();
  }

  Wire& wire_;
  Outbox& out_;
  std::vector<bool> in_flight_;
};

void answer_with(Wire& wire, int slots, std::string_view bytes, std::size_t piece) {
  Outbox out;
  wire.greet(out);
  Asking asking(wire, out, slots);
  while (!bytes.empty()) {
    const std::size_t count = std::min(piece, bytes.size());
    if (!wire.take(bytes.substr(0, count), out, asking).ok()) return;
    out.clear();
    bytes.remove_prefix(count);
  }
  static_cast<void>(wire.end(asking));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = std::size_t{1} + (data[0] >> 1U);
  if ((data[0] & 1U) == 0) {
    answer_with(*make_http_wire(kLimits), 1, bytes, piece);
  } else {
    answer_with(*make_grpc_wire({"h:1", "/s/m", "token", kSlots}, kLimits), kSlots, bytes, piece);
  }
  for (const auto& model : {model_of_json(bytes), model_of_message(bytes)})
    require(!model.ok() || !model->signature.inputs.empty());
  static_cast<void>(ready_models_of_json(bytes));
  static_cast<void>(ready_models_of_message(bytes));
  require(error_words(bytes).find('\n') == std::string::npos);
  return 0;
}
