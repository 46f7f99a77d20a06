// SPDX-License-Identifier: Apache-2.0
// Calls that write down what they hear, and a service that makes them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/http2/http2_stream.h"

namespace muster::testing {

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

struct FakeCall final : Http2Call {
  explicit FakeCall(Http2Stream& its_stream) : stream(&its_stream) {}

  std::size_t received(std::span<const std::byte> bytes) override {
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return takes_bytes ? bytes.size() : 0;
  }
  std::span<std::byte> room(std::size_t most) noexcept override {
    return std::span(place).first(std::min(most, place.size()));
  }
  void ended() override {
    has_ended = true;
    if (at_end) at_end(*this);
  }
  void sent(std::size_t sends) override {
    sent_count += sends;
    if (at_sent) at_sent(*this);
  }
  void closed(Http2Closing why) override {
    closing = why;
    stream = nullptr;
  }
  void check_time(TimePoint) override { ++looks; }
  void stop() override { is_stopped = true; }

  // A whole answer.
  void answer(const std::string& message) {
    text = message;
    stream->respond(kHead);
    stream->send(bytes_of(text));
    stream->finish(kTrailers);
  }

  static inline const std::vector<Http2Header> kHead{{":status", "200"},
                                                     {"content-type", "application/grpc"}};
  static inline const std::vector<Http2Header> kTrailers{{"grpc-status", "0"}};

  Http2Stream* stream;  // null: closed
  std::string body;
  std::vector<std::byte> place;  // where it wants bytes of the body
  std::string text;
  bool takes_bytes = true;
  bool has_ended = false;
  bool is_stopped = false;
  std::size_t sent_count = 0;
  int looks = 0;
  std::optional<Http2Closing> closing;
  std::function<void(FakeCall&)> at_end;
  std::function<void(FakeCall&)> at_sent;
};

struct FakeService final : Http2Service {
  Http2Call& begin(Http2Stream& stream) override {
    FakeCall& call = *calls.emplace_back(std::make_unique<FakeCall>(stream));
    if (at_begin) at_begin(call);
    return call;
  }
  std::vector<std::unique_ptr<FakeCall>> calls;
  std::function<void(FakeCall&)> at_begin;
};

}  // namespace muster::testing
