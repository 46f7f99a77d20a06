// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/load_method.h"

#include <memory>
#include <utility>

#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/calls/generic_call.h"
#include "open_inference.pb.h"
#include "protocol/control_messages.h"

namespace muster {
namespace {

class LoadConversation;

// How a load went, on its way to the call that asked.
class LoadLetter final : public Letter {
 public:
  LoadLetter(LoadConversation& asker, std::shared_ptr<Mailbox> mailbox)
      : asker_(asker), mailbox_(std::move(mailbox)) {}

  void send(Status outcome) {
    outcome_ = std::move(outcome);
    const std::shared_ptr<Mailbox> mailbox = mailbox_;
    mailbox->push(this);
  }
  void open() override;

 private:
  LoadConversation& asker_;
  const std::shared_ptr<Mailbox> mailbox_;
  Status outcome_;
};

class LoadConversation final : public Conversation {
 public:
  explicit LoadConversation(GenericCall& call) noexcept : call_(call) {}

  void message(const ReceivedMessage& received) override {
    const FrontServices& services = call_.environment().services;
    ::inference::RepositoryModelLoadRequest request;
    Status status = call_.parse(received, request);
    if (!status.ok()) return call_.finish(grpc_status(status));
    Result<LoadQuery> query = load_query(request, services.limits.protocol);
    if (!query.ok()) return call_.finish(grpc_status(query.status()));
    loading_ = true;
    // The letter is its own owner until it is opened or thrown away.
    auto* letter = new LoadLetter(*this, call_.environment().thread.mailbox());
    services.models.load(request.model_name(), std::move(query->config_json),
                         [letter](Status outcome) { letter->send(std::move(outcome)); });
  }
  void half_closed() override { call_.finish(no_message()); }
  // The load goes on; nobody waits for it.
  void cancelled() override { call_.finish(cancelled_status()); }
  void stop() override {
    if (!loading_) call_.finish(server_stops());
  }
  [[nodiscard]] bool may_end() const override { return !loading_; }

  void loaded(const Status& outcome) {
    loading_ = false;
    if (call_.is_finished()) return call_.end_if_over();
    MessageBytes answer = call_.new_frame();
    Status status = outcome;
    if (status.ok()) status = call_.frame(::inference::RepositoryModelLoadResponse(), answer);
    if (!status.ok()) return call_.finish(grpc_status(status));
    call_.finish({}, std::move(answer));
  }

 private:
  GenericCall& call_;
  bool loading_ = false;
};

void LoadLetter::open() {
  const std::unique_ptr<LoadLetter> self(this);
  asker_.loaded(outcome_);
}

}  // namespace

GrpcMethod load_method() {
  return {"/inference.GRPCInferenceService/RepositoryModelLoad", Right::kAdmin,
          [](GenericCall& call) -> std::unique_ptr<Conversation> {
            return std::make_unique<LoadConversation>(call);
          }};
}

}  // namespace muster
