// SPDX-License-Identifier: Apache-2.0
#include "batching/session_workers.h"

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "inference/answer_burst.h"

namespace muster {
namespace {

// Marks, on the current thread, that completions of `workers` may run from here on. A completion
// may call other workers, whose completions it then runs too: hence a chain.
class CompletionScope {
 public:
  explicit CompletionScope(const SessionWorkers* workers) noexcept
      : workers_(workers), outer_(std::exchange(innermost_, this)) {}
  ~CompletionScope() { innermost_ = outer_; }
  CompletionScope(const CompletionScope&) = delete;
  CompletionScope& operator=(const CompletionScope&) = delete;

  [[nodiscard]] static bool contains(const SessionWorkers* workers) noexcept {
    const CompletionScope* scope = innermost_;
    while (scope != nullptr && scope->workers_ != workers)
      scope = scope->outer_;
    return scope != nullptr;
  }

 private:
  static thread_local const CompletionScope* innermost_;

  const SessionWorkers* const workers_;
  const CompletionScope* const outer_;
};

thread_local const CompletionScope* CompletionScope::innermost_ = nullptr;

// One runner for each session.
QueueOptions fitted_to(QueueOptions queue, const CompiledModel& model) {
  queue.runners_are_thread_bound = model.sessions_are_thread_bound();
  queue.runners *= static_cast<std::size_t>(
      std::clamp(model.sessions_per_instance(), 1, kMaxSessionsPerInstance));
  return queue;
}

}  // namespace

SessionWorkers::SessionWorkers(const CompiledModel& model, bool stacked, QueueOptions queue,
                               Clock& clock, BatchingMetrics& metrics,
                               std::shared_ptr<const ModelDescription> description)
    : model_(model),
      stacked_(stacked),
      clock_(clock),
      metrics_(metrics),
      description_(std::move(description)),
      thread_bound_(model.sessions_are_thread_bound()),
      queue_(std::move(queue), clock, metrics) {}

Result<std::unique_ptr<SessionWorkers>> SessionWorkers::start(
    const CompiledModel& model, bool stacked, QueueOptions queue, Clock& clock,
    BatchingMetrics& metrics, std::shared_ptr<const ModelDescription> description) {
  queue = fitted_to(std::move(queue), model);
  const std::size_t count = queue.runners;
  std::unique_ptr<SessionWorkers> workers(
      new SessionWorkers(model, stacked, std::move(queue), clock, metrics, std::move(description)));
  workers->runners_.resize(count);
  workers->made_.resize(count);
  try {
    workers->start_threads();
  } catch (const std::system_error& error) {
    return resource_exhausted(
        "the " + std::to_string(count + 1) +
        " threads of the model's sessions could not be started: " + error.what());
  }
  for (Status& made : workers->made_)
    MUSTER_RETURN_IF_ERROR(std::move(made));
  return workers;
}

void SessionWorkers::start_threads() {
  threads_.reserve(runners_.size() + 1);
  MutexLock lock(starting_);
  unmade_ = runners_.size();
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    threads_.emplace_back([this, i] { work(i); });
  }
  threads_.emplace_back([this] {
    const CompletionScope scope(this);
    queue_.watch_deadlines();
  });
  while (unmade_ > 0)
    started_.wait(lock);
}

SessionWorkers::~SessionWorkers() {
  MUSTER_CHECK(!may_be_in_completion());
  close();
}

Status SessionWorkers::make_runner(std::size_t index) {
  try {
    MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, model_.new_session());
    runners_[index] =
        std::make_unique<BatchRunner>(std::move(session), model_.signature(), stacked_, clock_,
                                      metrics_, description_, queue_.delivery());
    return {};
  } catch (const std::exception& error) {
    return internal_error(std::string("a session could not be made: ") + error.what());
  }
}

void SessionWorkers::work(std::size_t worker) {
  const CompletionScope scope(this);
  made_[worker] = make_runner(worker);
  const bool made = made_[worker].ok();
  {
    const MutexLock lock(starting_);
    if (--unmade_ == 0) started_.notify_one();
  }
  if (!made) return;

  Batch batch;
  std::vector<const PendingRequest*> requests;
  std::vector<Result<InferResponse>> outcomes;
  while (true) {
    queue_.take(worker, batch);
    if (batch.requests.empty()) break;
    requests.clear();
    for (const PendingRequestPtr& request : batch.requests)
      requests.push_back(request.get());
    runners_[batch.runner]->run(requests, {batch.rows, batch.reason, batch.taken_at}, outcomes);
    batch.succeeded = std::ranges::any_of(
        outcomes, [](const Result<InferResponse>& outcome) { return outcome.ok(); });
    // First: somebody else can run the next batch while this thread answers.
    queue_.finish(batch.runner);
    answer(batch, outcomes);
  }
  // A session that is bound to this thread must end here too.
  if (thread_bound_) runners_[worker].reset();
}

void SessionWorkers::answer(Batch& batch, std::vector<Result<InferResponse>>& outcomes) {
  const AnswerBurst burst;
  constexpr std::size_t kAtOnce = 64;
  std::array<BlockingCall*, kAtOnce> calls;
  std::size_t blocked = 0;
  for (std::size_t i = 0; i < batch.requests.size(); ++i) {
    BlockingCall* call = batch.requests[i]->reply.release_call();
    if (call == nullptr) {
      muster::answer(std::move(batch.requests[i]), std::move(outcomes[i]));
      continue;
    }
    batch.requests[i].reset();
    // `blocked` never runs ahead of i: the places before it have been answered or moved already.
    calls[blocked] = call;
    if (blocked != i) outcomes[blocked] = std::move(outcomes[i]);
    if (++blocked == kAtOnce || i + 1 == batch.requests.size()) {
      BlockingCall::answer_all(std::span(calls).first(blocked), std::span(outcomes).first(blocked));
      blocked = 0;
    }
  }
  BlockingCall::answer_all(std::span(calls).first(blocked), std::span(outcomes).first(blocked));
  batch.requests.clear();
}

Status SessionWorkers::may_wait() const {
  if (!may_be_in_completion()) return {};
  return failed_precondition(
      "a completion must not wait for another request of the same model; submit it instead");
}

Result<InferResponse> SessionWorkers::infer(PendingRequest request) {
  MUSTER_RETURN_IF_ERROR(may_wait());
  if (const auto claim = queue_.claim_for(request)) {
    const BatchFacts facts{request.rows, claim->reason, request.accepted_at};
    Result<InferResponse> outcome = runners_[claim->runner]->run_alone(request, facts);
    queue_.finish(claim->runner, outcome.ok() ? &request : nullptr);
    return outcome;
  }
  BlockingCall& call = BlockingCall::of_this_thread();
  call.begin();
  auto pending = std::make_unique<PendingRequest>(std::move(request));
  pending->reply = Reply(call);
  queue_.offer(std::move(pending));
  return call.wait();
}

bool SessionWorkers::cancel(RequestTicket ticket) {
  const CompletionScope scope(this);
  return queue_.cancel(ticket);
}

void SessionWorkers::close() {
  queue_.close();
  if (may_be_in_completion()) return;
  queue_.await_drained();
  const MutexLock lock(joining_);
  if (std::exchange(joined_, true)) return;
  for (std::thread& thread : threads_)
    thread.join();
}

bool SessionWorkers::may_be_in_completion() const noexcept {
  return CompletionScope::contains(this);
}

}  // namespace muster
