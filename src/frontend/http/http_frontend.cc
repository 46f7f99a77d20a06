// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/http_frontend.h"

#include <future>
#include <memory>
#include <utility>

#include "frontend/http/message/reply_head.h"
#include "frontend/http/transport_thread.h"
#include "frontend/transport/countdown.h"
#include "frontend/transport/listener.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

std::string busy_reply() {
  const std::string body = error_json("too many connections; try again later");
  ReplyHead head;
  head.status = 503;
  head.content_length = body.size();
  head.close = true;
  head.retry_after = true;
  std::string text;
  write_reply_head(head, text);
  return text + body;
}

Listener::Options options_of(const HttpListener& wanted) {
  return {.front_end = "HTTP",
          .address = wanted.address,
          .unix_socket = wanted.unix_socket,
          .port = wanted.port,
          .tls = wanted.tls,
          .kind = static_cast<int>(wanted.kind),
          .busy_reply = busy_reply()};
}

}  // namespace

class HttpFrontend::Parts {
 public:
  explicit Parts(const FrontServices& services) : services_(services) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // Connections refer to their listeners, and the acceptors to the first thread.
  ~Parts() {
    for (const auto& thread : threads_)
      thread->end();
    for (const auto& listener : listeners_)
      listener->stop();
    threads_.clear();
    listeners_.clear();
  }

  Status start(const HttpOptions& options) {
    if (options.listeners.empty() || options.threads == 0) {
      return invalid_argument("HTTP: at least one listener and one thread are needed");
    }
    for (const HttpListener& wanted : options.listeners) {
      MUSTER_ASSIGN_OR_RETURN(auto listener, Listener::open(options_of(wanted)));
      listeners_.push_back(std::move(listener));
    }
    for (std::size_t i = 0; i < options.threads; ++i)
      threads_.push_back(std::make_unique<TransportThread>(services_));
    std::vector<Host*> hosts;
    for (const auto& thread : threads_)
      hosts.push_back(thread.get());
    for (const auto& listener : listeners_)
      listener->start(hosts, services_.limits.max_connections, services_.metrics.http);
    return {};
  }

  [[nodiscard]] std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> ports;
    for (const auto& listener : listeners_)
      ports.push_back(listener->port());
    return ports;
  }

  // Waits until the sockets are closed, so that no client connects to a server that will not
  // answer.
  void stop_accepting() {
    if (threads_.empty() || std::exchange(stopped_, true)) return;
    std::promise<void> closed;
    threads_.front()->loop().post([&] {
      for (const auto& listener : listeners_)
        listener->finish();
      closed.set_value();
    });
    closed.get_future().wait();
    for (const auto& thread : threads_)
      thread->loop().post([&thread = *thread] { thread.finish_soon(); });
  }

  [[nodiscard]] bool drain(std::chrono::milliseconds limit) {
    // Outlives this call where the limit passes first.
    const auto quiet = std::make_shared<Countdown>(threads_.size());
    const TimePoint until = add_saturating(services_.clock.now(), limit);
    for (const auto& thread : threads_)
      thread->when_quiet([quiet] { quiet->count(); });
    return quiet->await(services_.clock, until);
  }

 private:
  const FrontServices& services_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<TransportThread>> threads_;
};

Result<std::unique_ptr<HttpFrontend>> HttpFrontend::start(const FrontServices& services,
                                                          const HttpOptions& options) {
  auto parts = std::make_unique<Parts>(services);
  MUSTER_RETURN_IF_ERROR(parts->start(options));
  return std::unique_ptr<HttpFrontend>(new HttpFrontend(std::move(parts)));
}

HttpFrontend::HttpFrontend(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HttpFrontend::~HttpFrontend() = default;

std::vector<std::uint16_t> HttpFrontend::ports() const {
  return parts_->ports();
}

void HttpFrontend::stop_accepting() {
  parts_->stop_accepting();
}

bool HttpFrontend::drain(std::chrono::milliseconds limit) {
  return parts_->drain(limit);
}

}  // namespace muster
