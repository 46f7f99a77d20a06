// SPDX-License-Identifier: Apache-2.0
// A method with one message whose answer comes from elsewhere, and takes time: no thread waits for
// it, and what was begun goes on also where the client has gone.
//
//   struct Method {
//     using Request = ...; using Reply = ...;   // the reply is empty
//     // Ok: `done` is or will be called, once, by any thread.
//     static Status begin(const FrontServices&, const Request&, std::function<void(Status)> done);
//   };
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/calls/conversation.h"
#include "frontend/grpc/calls/generic_call.h"

namespace muster {

template <typename Method>
class DeferredConversation final : public Conversation {
 public:
  explicit DeferredConversation(GenericCall& call) noexcept : call_(call) {}

  void message(const ReceivedMessage& received) override {
    typename Method::Request request;
    const Status parsed = call_.parse(received, request);
    if (!parsed.ok()) return call_.finish(grpc_status(parsed));
    begun_ = true;
    auto letter = std::make_unique<Outcome>(*this, call_.environment().thread.mailbox());
    const Status begun =
        Method::begin(call_.environment().services, request,
                      [raw = letter.get()](Status outcome) { raw->send(std::move(outcome)); });
    if (begun.ok()) {
      // Its own owner until it is opened or thrown away.
      static_cast<void>(letter.release());
      return;
    }
    begun_ = false;
    call_.finish(grpc_status(begun));
  }
  void half_closed() override { call_.finish(no_message()); }
  // What was begun goes on; nobody waits for it.
  void cancelled() override { call_.finish(cancelled_status()); }
  void stop() override {
    if (!begun_) call_.finish(server_stops());
  }
  [[nodiscard]] bool may_end() const override { return !begun_; }

 private:
  // How it went, on its way to the call that asked.
  class Outcome final : public Letter {
   public:
    Outcome(DeferredConversation& asker, std::shared_ptr<Mailbox> mailbox)
        : asker_(asker), mailbox_(std::move(mailbox)) {}

    void send(Status outcome) {
      outcome_ = std::move(outcome);
      const std::shared_ptr<Mailbox> mailbox = mailbox_;
      mailbox->push(this);
    }
    void open() override {
      const std::unique_ptr<Outcome> self(this);
      asker_.ended(outcome_);
    }

   private:
    DeferredConversation& asker_;
    const std::shared_ptr<Mailbox> mailbox_;
    Status outcome_;
  };

  void ended(const Status& outcome) {
    begun_ = false;
    if (call_.is_finished()) return call_.end_if_over();
    MessageBytes answer = call_.new_frame();
    Status status = outcome;
    if (status.ok()) status = call_.frame(typename Method::Reply(), answer);
    if (!status.ok()) return call_.finish(grpc_status(status));
    call_.finish({}, std::move(answer));
  }

  GenericCall& call_;
  bool begun_ = false;
};

template <typename Method>
[[nodiscard]] GrpcMethod deferred_method(std::string_view path, Right right) {
  return {path, right, [](GenericCall& call) -> std::unique_ptr<Conversation> {
            return std::make_unique<DeferredConversation<Method>>(call);
          }};
}

}  // namespace muster
