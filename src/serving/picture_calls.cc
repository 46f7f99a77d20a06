// SPDX-License-Identifier: Apache-2.0
#include "serving/picture_calls.h"

#include <atomic>
#include <exception>
#include <string>
#include <utility>

#include <muster/image.h>

#include "serving/class_scores.h"
#include "serving/picture_tensor.h"

namespace muster {

// Alive while a job or a completion refers to it.
struct PictureCalls::Call {
  PictureRequest request;
  Done done;
  ModelLease model;  // until the request is handed in
  std::shared_ptr<const ModelDescription> description;
  bool stacked = false;
  Tensor rows;
  std::size_t row_bytes = 0;
  std::atomic<std::size_t> undecoded{0};
  std::atomic<bool> answered{false};
};

PictureCalls::PictureCalls(PictureCallLimits limits, Clock& clock)
    : limits_(limits), clock_(clock), threads_(limits.threads) {}

PictureCalls::~PictureCalls() = default;

void PictureCalls::classify(ModelLease model, PictureRequest request, Done done) {
  auto admitted = admit(std::move(model), request);
  if (!admitted.ok()) {
    done(admitted.status());
    return;
  }
  const std::shared_ptr<Call> call = *std::move(admitted);
  call->request = std::move(request);
  call->done = std::move(done);
  const std::size_t pictures = call->request.files.size();
  for (std::size_t i = 0; i < pictures; ++i)
    threads_.post([this, call, i] { decode(call, i); });
}

Result<std::shared_ptr<PictureCalls::Call>> PictureCalls::admit(ModelLease model,
                                                                PictureRequest& request) {
  const std::size_t pictures = request.files.size();
  if (pictures == 0) return invalid_argument("the request has no picture");
  if (request.deadline <= clock_.now()) {
    return Status(StatusCode::kDeadlineExceeded, "the deadline came before a picture was decoded");
  }
  std::size_t bytes = 0;
  for (const auto file : request.files)
    bytes += file.size();
  auto call = std::make_shared<Call>();
  call->description = model->description();
  call->stacked = model->stacked();
  const ModelConfig& config = call->description->config;
  MUSTER_RETURN_IF_ERROR(classifying_output(config).status());
  MUSTER_ASSIGN_OR_RETURN(
      Shape shape, picture_input_shape(config, call->stacked, static_cast<std::int64_t>(pictures)));
  {
    const MutexLock lock(mutex_);
    if (draining_) return unavailable("the server is stopping");
    if (pictures > limits_.max_waiting - waiting_ ||
        bytes > limits_.max_waiting_bytes - waiting_bytes_) {
      return resource_exhausted(
          "too many pictures wait to be decoded: " + std::to_string(waiting_) + " of " +
          std::to_string(waiting_bytes_) + " bytes");
    }
    waiting_ += pictures;
    waiting_bytes_ += bytes;
    ++undecoded_;
    ++unanswered_;
  }
  auto rows = Tensor::allocate(config.image->type, std::move(shape));
  if (!rows.ok()) {
    leave_queue(pictures, bytes);
    const MutexLock lock(mutex_);
    --undecoded_;
    --unanswered_;
    changed_.notify_all();
    return rows.status();
  }
  call->rows = *std::move(rows);
  call->row_bytes = call->rows.bytes().size() / pictures;
  call->undecoded = pictures;
  call->model = std::move(model);
  if (request.ticket != 0) {
    const MutexLock lock(mutex_);
    by_ticket_[request.ticket] = call;
  }
  return call;
}

void PictureCalls::leave_queue(std::size_t pictures, std::size_t bytes) {
  const MutexLock lock(mutex_);
  waiting_ -= pictures;
  waiting_bytes_ -= bytes;
}

void PictureCalls::decode(const std::shared_ptr<Call>& call, std::size_t index) {
  const auto file = call->request.files[index];
  leave_queue(1, file.size());
  if (!call->answered.load()) {
    Status status;
    if (call->request.deadline <= clock_.now()) {
      status = {StatusCode::kDeadlineExceeded, "the deadline came before a picture was decoded"};
    } else {
      const std::span<std::byte> row =
          call->rows.bytes().subspan(index * call->row_bytes, call->row_bytes);
      try {
        status = file_to_row(file, *call->description->config.image, row);
      } catch (const std::exception& error) {
        status = resource_exhausted(error.what());
      }
      status = status.with_context("picture " + std::to_string(index + 1));
    }
    if (!status.ok()) answer(*call, std::move(status));
  }
  // The last one out hands the request in.
  if (call->undecoded.fetch_sub(1) == 1) submit(call);
}

void PictureCalls::submit(const std::shared_ptr<Call>& call) {
  ModelLease model = std::move(call->model);
  call->request.owner.reset();
  if (!call->answered.load()) {
    InferRequest request;
    request.model = std::move(call->request.model);
    request.version = call->description->version;
    request.id = std::move(call->request.id);
    request.deadline = call->request.deadline;
    request.received_at = call->request.received_at;
    request.priority = call->request.priority;
    request.ticket = call->request.ticket;
    request.add_input(call->description->config.inputs.front().name, std::move(call->rows));
    // Scores are not computed where the next batch should be running.
    model->infer(std::move(request), [this, call](Result<InferResponse> outcome) {
      const auto held = std::make_shared<Result<InferResponse>>(std::move(outcome));
      threads_.post_first([this, call, held] { score(call, std::move(*held)); });
    });
  }
  model.reset();
  const MutexLock lock(mutex_);
  by_ticket_.erase(call->request.ticket);
  --undecoded_;
  changed_.notify_all();
}

void PictureCalls::score(const std::shared_ptr<Call>& call, Result<InferResponse> outcome) {
  if (!outcome.ok()) return answer(*call, std::move(outcome).status());
  auto pictures =
      class_scores_of(*outcome, call->description->config, call->stacked, call->request.top_k);
  if (!pictures.ok()) return answer(*call, std::move(pictures).status());
  PictureResponse response;
  response.pictures = *std::move(pictures);
  response.batch = outcome->batch;
  response.delivery = std::move(outcome->delivery);
  response.model = call->description;
  answer(*call, std::move(response));
}

void PictureCalls::answer(Call& call, Result<PictureResponse> outcome) {
  if (call.answered.exchange(true)) return;
  const Done done = std::move(call.done);
  done(std::move(outcome));
  const MutexLock lock(mutex_);
  --unanswered_;
  changed_.notify_all();
}

bool PictureCalls::cancel(RequestTicket ticket) {
  if (ticket == 0) return false;
  std::shared_ptr<Call> call;
  {
    const MutexLock lock(mutex_);
    const auto found = by_ticket_.find(ticket);
    if (found != by_ticket_.end()) call = found->second.lock();
  }
  if (!call || call->answered.load()) return false;
  answer(*call, Status(StatusCode::kCancelled, "the request was cancelled while it waited"));
  return true;
}

void PictureCalls::begin_drain() {
  const MutexLock lock(mutex_);
  draining_ = true;
}

bool PictureCalls::await_decoded(Clock::TimePoint until) {
  MutexLock lock(mutex_);
  while (undecoded_ > 0) {
    if (clock_.now() >= until) return false;
    clock_.wait_until(changed_, lock, until);
  }
  return true;
}

bool PictureCalls::await_answered(Clock::TimePoint until) {
  MutexLock lock(mutex_);
  while (unanswered_ > 0) {
    if (clock_.now() >= until) return false;
    clock_.wait_until(changed_, lock, until);
  }
  return true;
}

}  // namespace muster
