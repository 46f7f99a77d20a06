// SPDX-License-Identifier: Apache-2.0
// Connection: one client's requests, read in turn and answered in turn.
//
// What it does with bytes is here; how they move is up to its stream.
// Lives on one transport thread and is counted: the thread, each operation of its stream and each
// call in flight hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "base/log.h"
#include "frontend/http/call.h"
#include "frontend/http/http_frontend.h"
#include "frontend/http/message/request_reader.h"
#include "frontend/transport/byte_stream.h"
#include "frontend/transport/listener.h"

namespace muster {

class Connection;
class TransportThread;
using ConnectionRef = boost::intrusive_ptr<Connection>;

class Connection final : private ByteStream::User {
 public:
  // `socket` is accepted and does not block.
  Connection(TransportThread& thread, ListenerFacts& listener, Descriptor socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void begin();
  // No more requests than those that are here, even in part.
  void finish_soon();
  void check_time(TimePoint now);
  // A call of this connection is to be handed in at the end of the round: is it still wanted? If
  // not, it is answered here.
  [[nodiscard]] bool still_wants(Call& call);
  // A call of this connection came home.
  void answered(Call& call);
  // A call of this connection could not be handed in, and there is no memory to say so.
  void lost(Call& call) noexcept;
  void close() noexcept;
  // Lets go of what calls in flight hold: they will never come home.
  void abandon_calls() noexcept;
  // The thread ends, and the connection may outlive it by an operation of its stream.
  void leave_thread() noexcept { linked_ = false; }

  friend void intrusive_ptr_add_ref(Connection* connection) noexcept { ++connection->holders_; }
  friend void intrusive_ptr_release(Connection* connection) noexcept {
    if (--connection->holders_ == 0) delete connection;
  }

  // In the thread's list.
  Connection* previous = nullptr;
  Connection* next = nullptr;

 private:
  using Received = ByteStream::Received;

  void opened(bool ok) override;
  void received(Received outcome, std::size_t bytes) override;
  void sent(bool ok, std::size_t bytes) override;
  void broken() noexcept override { close(); }
  void hold() noexcept override { ++holders_; }
  void let_go() noexcept override { intrusive_ptr_release(this); }

  // The boundary that no exception passes: one connection is lost, nothing else.
  template <typename Step>
  void guard(Step step) noexcept {
    try {
      step();
    } catch (const std::exception& failure) {
      log(LogLevel::kError, std::string_view(failure.what()));
      close();
    }
  }
  enum class Input : std::uint8_t {
    kOpening,   // handshake
    kRequests,  // wanted
    kIgnored,   // no request is wanted any more; bytes are thrown away, the end is noticed
    kEnded,     // the client sends nothing more
    kClosed,
  };

  void advance();
  [[nodiscard]] bool read_step();
  [[nodiscard]] bool is_full() const noexcept;
  [[nodiscard]] std::size_t body_limit_of(Endpoint endpoint) const noexcept;
  void begin_receiving(std::span<std::byte> space);
  void take_head();
  [[nodiscard]] Status find_route_of(Call& call);
  [[nodiscard]] Refusal check_head(Call& call);
  void take_request();
  void refuse_reading(const Refusal& refusal);
  void client_left();

  void write_ready();
  [[nodiscard]] bool send_outgoing();
  void consume_outgoing(std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t outgoing_bytes() const noexcept;
  void finish_outgoing();
  void seal(Call& call);
  void linger();

  Call& append_call();
  void hand_in(Call& call);
  // What the call held.
  [[nodiscard]] ConnectionRef come_home(Call& call) noexcept;
  void drop_calls() noexcept;
  void count_closed() noexcept;
  void account(const Call& call);
  void log_access(const Call& call);
  void log_lost() noexcept;
  [[nodiscard]] bool is_idle() const noexcept { return first_ == nullptr && !reader_.is_inside(); }

  TransportThread& thread_;
  ListenerFacts& listener_;
  const std::unique_ptr<ByteStream> stream_;
  RequestReader reader_;
  Input input_ = Input::kOpening;
  bool receiving_ = false;
  bool sending_ = false;
  bool paused_ = false;  // reading, as too many calls are open
  bool lingering_ = false;
  bool advancing_ = false;
  bool finishing_ = false;     // no requests after those that are here
  bool continue_due_ = false;  // the last call's client waits for "100 Continue"
  bool interim_ = false;       // which is being sent
  Call* first_ = nullptr;      // oldest unanswered
  Call* last_ = nullptr;
  std::size_t calls_ = 0;
  Refusal head_refusal_;  // of the call being read, told when its body has been read
  Route route_;           // of the last head, where it has one
  bool route_is_known_ = false;
  InferDecoder decoder_;
  std::string
      peer_;  // where there is an access log: a socket that was reset does not tell any more
  std::vector<ConstBytes> outgoing_;
  std::size_t outgoing_begin_ = 0;
  TimePoint since_{};          // idle, or the request being read began, or lingering began
  TimePoint sending_since_{};  // of what is outgoing
  std::chrono::milliseconds send_limit_{};
  std::size_t holders_ = 0;
  std::size_t in_flight_ = 0;  // of the holders, calls
  bool linked_ = true;         // in the thread's list
};

}  // namespace muster
