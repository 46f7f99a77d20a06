// SPDX-License-Identifier: Apache-2.0
// Streams and a thread that do what a test says, step by step: the calls of gRPC without HTTP/2.
// For fuzz targets, too: what a call must not do to a stream ends the process.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/testing/fake_clock.h"
#include "frontend/grpc/grpc_calls.h"
#include "frontend/grpc/testing/framed.h"
#include "frontend/testing/fake_services.h"

namespace muster::testing {

// Rounds happen when `round` is called.
class ScriptedThread final : public CallThread {
 public:
  explicit ScriptedThread(Clock& clock) : clock_(clock) {}

  void depart_with_round(Departure& departure) override { departing_.push_back(&departure); }
  [[nodiscard]] Burst& burst() override { return burst_; }
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const override { return mailbox_; }
  [[nodiscard]] TimePoint now() override {
    if (has_no_memory) throw std::bad_alloc();
    return clock_.now();
  }

  [[nodiscard]] TimePoint came_after() override { return clock_.now(); }

  bool has_no_memory = false;  // who asks for the time finds out

  // Hands in what was asked and opens the answers that are there.
  void round() {
    for (Departure* departure : std::exchange(departing_, {}))
      departure->depart();
    burst_.end();
    for (Letter* letter = mailbox_->take_all(); letter != nullptr;) {
      Letter* const next = letter->next;
      letter->open();
      letter = next;
    }
  }

 private:
  Clock& clock_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Burst burst_;
  std::vector<Departure*> departing_;
};

// What came of a call, as its client sees it.
class ScriptedStream final : public Http2Stream {
 public:
  using Fields = std::map<Http2Field, std::string>;
  using Answer = std::map<std::string, std::string, std::less<>>;

  explicit ScriptedStream(Fields fields) : fields_(std::move(fields)) {}

  bool large_head = false;
  Http2Peer client{"127.0.0.1:4711", true};
  Http2Call* call = nullptr;

  Answer head;      // of respond or respond_only
  Answer trailers;  // of finish or respond_only
  bool has_head = false;
  bool has_body_only_head = false;
  bool is_finished = false;
  std::optional<Http2Error> was_reset;
  std::size_t consumed = 0;  // by `consume`, and at once
  std::string body;          // of sends that were taken

  // The client's side.
  void say(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      consumed += call->received(bytes_of(bytes.substr(0, std::min(piece, bytes.size()))));
  }
  void end() { call->ended(); }
  // The transport's: takes what was sent, as is looked at only now.
  std::size_t take_sends() {
    const std::size_t count = sends_.size();
    for (const auto bytes : std::exchange(sends_, {}))
      body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (count != 0) call->sent(count);
    return count;
  }
  void close(Http2Closing closing) {
    read_trailers();
    for (const auto bytes : std::exchange(sends_, {}))
      body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::exchange(call, nullptr)->closed(closing);
    fields_.clear();
  }
  // All of what is in flight, to the end.
  void take_all() {
    while (take_sends() != 0) {
    }
    if (is_finished) close(Http2Closing::kAnswered);
  }

  [[nodiscard]] std::string code() const {
    const auto found = trailers.find("grpc-status");
    return found == trailers.end() ? "none" : found->second;
  }
  [[nodiscard]] std::string words() const {
    const auto found = trailers.find("grpc-message");
    return found == trailers.end() ? "" : found->second;
  }
  // Those of the body, without their prefixes.
  [[nodiscard]] std::vector<std::string> messages() const {
    std::vector<std::string> messages;
    std::string_view left = body;
    while (left.size() >= 5) {
      std::size_t length = 0;
      for (const char byte : left.substr(1, 4))
        length = length << 8U | static_cast<unsigned char>(byte);
      messages.emplace_back(left.substr(5, length));
      left.remove_prefix(5 + length);
    }
    return messages;
  }

  // Http2Stream.
  [[nodiscard]] std::string_view field(Http2Field field) const noexcept override {
    const auto found = fields_.find(field);
    return found == fields_.end() ? std::string_view() : found->second;
  }
  [[nodiscard]] bool head_is_too_large() const noexcept override { return large_head; }
  [[nodiscard]] const Http2Peer& peer() const noexcept override { return client; }
  void consume(std::size_t bytes) noexcept override { consumed += bytes; }
  void respond(std::span<const Http2Header> headers) override {
    MUSTER_CHECK(!has_head && !is_finished);
    has_head = true;
    given_head_.assign(headers.begin(), headers.end());
  }
  void send(std::span<const std::byte> bytes) override {
    MUSTER_CHECK(has_head && !is_finished);
    sends_.push_back(bytes);
  }
  void finish(std::span<const Http2Header> fields) override {
    MUSTER_CHECK(has_head && !is_finished);
    is_finished = true;
    given_trailers_.assign(fields.begin(), fields.end());
  }
  void respond_only(std::span<const Http2Header> headers) override {
    MUSTER_CHECK(!has_head && !is_finished);
    has_body_only_head = is_finished = true;
    given_trailers_.assign(headers.begin(), headers.end());
  }
  void reset(Http2Error error) override { was_reset = error; }

 private:
  // As late as the transport may look at the values.
  void read_trailers() {
    for (const Http2Header& field : given_head_)
      head.emplace(field.name, field.value);
    for (const Http2Header& field : given_trailers_)
      trailers.emplace(field.name, field.value);
  }

  Fields fields_;
  std::vector<Http2Header> given_head_;
  std::vector<Http2Header> given_trailers_;
  std::vector<std::span<const std::byte>> sends_;
};

// The calls of one thread, over fake services.
class ScriptedCalls {
 public:
  explicit ScriptedCalls(bool shared_memory = false) : fakes(clock, shared_memory) {
    clock.advance(std::chrono::hours(1));
  }
  ScriptedCalls(const ScriptedCalls&) = delete;
  ScriptedCalls& operator=(const ScriptedCalls&) = delete;
  ~ScriptedCalls() {
    for (const auto& stream : streams_) {
      if (stream->call != nullptr) stream->close(Http2Closing::kServerEnds);
    }
    calls_.reset();
    thread.mailbox()->close();
  }

  FakeClock clock;
  FakeServices fakes;  // to be adjusted before the first call
  ScriptedThread thread{clock};
  OpenCalls open_calls;
  std::shared_ptr<MemoryBudget> memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);

  [[nodiscard]] static ScriptedStream::Fields fields_of(std::string path) {
    return {{Http2Field::kMethod, "POST"},
            {Http2Field::kPath, std::move(path)},
            {Http2Field::kContentType, "application/grpc"},
            {Http2Field::kTe, "trailers"}};
  }
  // A call whose head has come.
  ScriptedStream& begin(ScriptedStream::Fields fields, bool large_head = false) {
    if (calls_ == nullptr) {
      services_ = std::make_unique<FrontServices>(fakes.services());
      environment_ = std::make_unique<CallEnvironment>(
          CallEnvironment{*services_, thread, open_calls, memory});
      calls_ = std::make_unique<GrpcCalls>(*environment_);
    }
    ScriptedStream& stream =
        *streams_.emplace_back(std::make_unique<ScriptedStream>(std::move(fields)));
    stream.large_head = large_head;
    stream.call = &calls_->begin(stream);
    return stream;
  }
  ScriptedStream& begin(const std::string& path) { return begin(fields_of(path)); }
  // A whole call, with all that it brings, to its end.
  ScriptedStream& make(ScriptedStream::Fields fields, const std::string& body) {
    ScriptedStream& stream = begin(std::move(fields));
    stream.say(body);
    if (stream.call != nullptr) stream.end();
    thread.round();
    stream.take_all();
    return stream;
  }
  // As stop_accepting does.
  void stop() {
    open_calls.stop();
    for (const auto& stream : streams_) {
      if (stream->call != nullptr) stream->call->stop();
    }
  }
  void check_time() {
    for (const auto& stream : streams_) {
      if (stream->call != nullptr) stream->call->check_time(clock.now());
    }
  }
  // No call is waited for.
  [[nodiscard]] bool is_drained() { return open_calls.await_none(clock, clock.now()); }

 private:
  std::unique_ptr<FrontServices> services_;
  std::unique_ptr<CallEnvironment> environment_;
  std::unique_ptr<GrpcCalls> calls_;
  std::vector<std::unique_ptr<ScriptedStream>> streams_;
};

}  // namespace muster::testing
