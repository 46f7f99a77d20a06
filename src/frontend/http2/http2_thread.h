// SPDX-License-Identifier: Apache-2.0
// Http2Thread: a loop, and the connections that live on it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "frontend/front_services.h"
#include "frontend/http2/http2_connection.h"
#include "frontend/transport/listener.h"
#include "frontend/transport/transport_loop.h"

namespace muster {

// Order: constructor, start, end, close_connections, destructor.
class Http2Thread final : public Host, private TransportLoop::User {
 public:
  // `name`: see TransportLoop. `services` outlives it.
  Http2Thread(const FrontServices& services, const char* name);
  Http2Thread(const Http2Thread&) = delete;
  Http2Thread& operator=(const Http2Thread&) = delete;
  // What is still to come home is thrown away.
  ~Http2Thread();

  // Runs from here on. `service` outlives the connections.
  void start(Http2Service& service);
  // Any other thread: returns when this one has ended.
  void end() noexcept { loop_.end(); }
  // After `end`: all calls hear that the server ends.
  void close_connections() noexcept;
  // Any thread: every call that is open hears of it, and clients are told to go elsewhere.
  void stop_soon();
  // Any thread: `sent` is called on this one, once, when the sockets have taken all that had been
  // answered when it was asked for.
  void when_sent(std::function<void()> sent);

  [[nodiscard]] TransportLoop& loop() noexcept override { return loop_; }
  void admit(ListenerFacts& listener, Descriptor accepted) override;

  // For connections, on this thread.
  void link(Http2Connection& connection);
  void unlink(Http2Connection& connection) noexcept;
  // Flushes the connection at the end of the round.
  void mark(Http2Connection& connection) { marked_.push_back(&connection); }
  // A connection has bytes that its socket did not take, or has none any more.
  void count_sending(bool sends) noexcept { sends ? ++sending_count_ : --sending_count_; }
  [[nodiscard]] const FrontServices& services() const noexcept { return services_; }
  [[nodiscard]] Http2Sharing sharing() noexcept { return {*service_, services_.limits, spare_}; }
  // What is received lies here, for as long as it is looked at.
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return scratch_; }
  // Likewise what is about to be sent.
  [[nodiscard]] std::vector<std::byte>& frames() noexcept { return frames_; }

 private:
  void end_round() override;
  void tick(TimePoint now) override;
  [[nodiscard]] bool needs_ticks() const noexcept override { return connections_ != nullptr; }
  [[nodiscard]] std::size_t source_count() const noexcept override { return connection_count_; }
  template <typename Step>
  void each_connection(Step step);

  const FrontServices& services_;
  TransportLoop loop_;
  Http2Service* service_ = nullptr;
  SpareStreams spare_;
  Http2Connection* connections_ = nullptr;
  std::size_t connection_count_ = 0;
  std::size_t sending_count_ = 0;  // of those
  std::vector<std::function<void()>> waiting_for_sent_;
  std::vector<Http2Connection*> marked_;
  std::vector<Http2Connection*> flushing_;
  std::vector<std::byte> scratch_;
  std::vector<std::byte> frames_;
};

}  // namespace muster
