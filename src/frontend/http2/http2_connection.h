// SPDX-License-Identifier: Apache-2.0
// Http2Connection: a session over a stream of bytes. What it has to send goes out at the end of the
// round, in one call of the system for all answers that are ready.
//
// Lives on one transport thread and is counted: its stream holds it while it is open.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "frontend/http2/http2_session.h"
#include "frontend/transport/byte_stream.h"
#include "frontend/transport/listener.h"

namespace muster {

class Http2Thread;

class Http2Connection final : private ByteStream::User, private Http2Session::Owner {
 public:
  // `socket` is accepted and does not block.
  Http2Connection(Http2Thread& thread, ListenerFacts& listener, Descriptor socket);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  void begin();
  // Sends what there is.
  void flush() noexcept;
  void check_time(TimePoint now) noexcept;
  // The server takes no new requests.
  void stop() noexcept;
  void close(Http2Closing closing) noexcept;
  void hold() noexcept override { ++holders_; }
  void let_go() noexcept override {
    if (--holders_ == 0) delete this;
  }

  // In the thread's list.
  Http2Connection* previous = nullptr;
  Http2Connection* next = nullptr;

 private:
  ~Http2Connection();
  void opened(bool ok) override;
  [[nodiscard]] std::span<std::byte> room(std::span<std::byte> space) override;
  void received(ByteStream::Received outcome, std::size_t bytes) override;
  void sent(bool ok, std::size_t bytes) override;
  void broken() noexcept override { close(Http2Closing::kByServer); }
  void has_output() noexcept override;
  [[nodiscard]] TimePoint now() override;

  template <typename Step>
  void guard(Step step) noexcept;
  void send_ready();
  // Whether all of them have gone.
  [[nodiscard]] bool send(ConstBytes bytes);
  void set_sending(bool sends) noexcept;
  void linger();

  enum class State : std::uint8_t { kOpening, kOpen, kLingering, kClosed };

  Http2Thread& thread_;
  ListenerFacts& listener_;
  Http2Peer peer_;
  Http2Session session_;
  const std::unique_ptr<ByteStream> stream_;
  State state_ = State::kOpening;
  std::span<std::byte> into_;      // what is received, until it is looked at
  bool is_marked_ = false;         // to be flushed
  bool is_sending_ = false;        // `waiting_`
  std::vector<std::byte> unsent_;  // what the socket did not take at once
  ConstBytes waiting_;             // of it
  TimePoint sending_since_{};
  std::chrono::milliseconds send_limit_{};
  TimePoint idle_since_{};  // where it has no streams
  TimePoint lingering_since_{};
  std::size_t holders_ = 0;
};

}  // namespace muster
