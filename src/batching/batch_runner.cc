// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_runner.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "batching/scatter.h"

namespace muster {

BatchRunner::BatchRunner(std::unique_ptr<Session> session, const ModelSignature& signature,
                         bool stacked, Clock& clock, BatchingMetrics& metrics,
                         std::shared_ptr<const ModelDescription> description,
                         std::shared_ptr<DeliveryMeter> delivery)
    : session_(std::move(session)),
      signature_(signature),
      stacked_(stacked),
      clock_(clock),
      metrics_(metrics),
      description_(std::move(description)),
      delivery_(std::move(delivery)) {}

void BatchRunner::run(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
                      std::vector<Result<InferResponse>>& outcomes) noexcept {
  outcomes.clear();
  begin(batch);
  run_or_split(requests, batch, outcomes);
}

// Of a batch as it was taken, whatever it is split into.
void BatchRunner::begin(const BatchFacts& batch) noexcept {
  metrics_.rows.add(static_cast<std::uint64_t>(batch.rows));
  metrics_.batches_by_reason[static_cast<std::size_t>(batch.reason)].add();
  metrics_.batch_rows.record(batch.rows);
}

bool BatchRunner::splits(Requests requests) const noexcept {
  return out_of_room_ && stacked_ && requests.size() > 1;
}

void BatchRunner::run_or_split(Requests requests, const BatchFacts& batch,
                               std::vector<Result<InferResponse>>& outcomes) {
  responses_.clear();
  responses_.resize(requests.size());
  const Status status = run_caught(requests, batch, responses_);
  if (splits(requests)) {
    metrics_.batches_split.add();
    const Requests first = requests.first(requests.size() / 2);
    BatchFacts half = batch;
    half.rows = 0;
    for (const PendingRequest* request : first)
      half.rows += request->rows;
    run_or_split(first, half, outcomes);
    // Its answers go out after those of the other half.
    if (Result<InferResponse>& last = outcomes.back(); last.ok()) last->delivery = {};
    half.rows = batch.rows - half.rows;
    run_or_split(requests.subspan(first.size()), half, outcomes);
    return;
  }
  const std::size_t done = outcomes.size();  // by halves before this one
  for (InferResponse& response : responses_) {
    if (status.ok()) {
      outcomes.emplace_back(std::move(response));
    } else {
      outcomes.emplace_back(status);
    }
  }
  for (UnreadRequest& request : unread_)
    outcomes[done + request.place] = std::move(request.status);
}

Result<InferResponse> BatchRunner::run_alone(const PendingRequest& request,
                                             const BatchFacts& batch) noexcept {
  const PendingRequest* const requests[] = {&request};
  InferResponse response;
  begin(batch);
  Status status = run_caught(requests, batch, {&response, 1});
  if (!unread_.empty()) return std::move(unread_.front().status);
  if (!status.ok()) return status;
  return response;
}

Status BatchRunner::run_caught(std::span<const PendingRequest* const> requests,
                               const BatchFacts& batch,
                               std::span<InferResponse> responses) noexcept {
  unread_.clear();
  out_of_room_ = false;
  Stages stages;
  Status status;
  try {
    status = run_into(requests, batch, responses, stages);
  } catch (const std::exception& error) {
    // Out of memory, or a backend that broke its word: these requests fail, the next may not.
    status = internal_error(std::string("the batch could not be run: ") + error.what());
  } catch (...) {
    status = internal_error("the batch could not be run: the backend threw something unknown");
  }
  if (!splits(requests)) count(requests, batch, stages, status.ok());
  return status;
}

Status BatchRunner::run_into(std::span<const PendingRequest* const> requests,
                             const BatchFacts& batch, std::span<InferResponse> responses,
                             Stages& stages) {
  Status gathered_all = gather(requests, batch.rows, stacked_, *session_, unread_);
  out_of_room_ = gathered_all.code() == StatusCode::kResourceExhausted;
  if (!gathered_all.ok()) return gathered_all;
  if (unread_.size() == requests.size()) return unread_.front().status;  // nobody to run it for
  const TimePoint gathered = clock_.now();
  Status ran = session_->run();
  out_of_room_ = ran.code() == StatusCode::kResourceExhausted;
  if (!ran.ok()) return ran;
  const TimePoint computed = clock_.now();
  MUSTER_RETURN_IF_ERROR(scatter(requests, batch.rows, stacked_, signature_, *session_, responses));
  const TimePoint scattered = clock_.now();
  stages = {gathered - batch.taken_at, computed - gathered, scattered - computed};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    responses[i].id = requests[i]->request.id;
    responses[i].model = description_;
    responses[i].batch = {batch.rows,    static_cast<std::int64_t>(requests.size()),
                          batch.reason,  batch.taken_at - requests[i]->accepted_at,
                          stages.gather, stages.compute};
  }
  if (delivery_) responses.back().delivery = {delivery_, scattered};
  return {};
}

void BatchRunner::count(std::span<const PendingRequest* const> requests, const BatchFacts& batch,
                        const Stages& stages, bool succeeded) noexcept {
  const TimePoint ended =
      succeeded ? batch.taken_at + stages.gather + stages.compute + stages.scatter : clock_.now();
  DurationTally queue;
  DurationTally whole;
  DurationTally failed;
  std::size_t failures = 0;
  for (std::size_t place = 0; place < requests.size(); ++place) {
    const TimePoint accepted = requests[place]->accepted_at;
    queue.record(batch.taken_at - accepted);
    const bool is_done =
        succeeded && std::ranges::find(unread_, place, &UnreadRequest::place) == unread_.end();
    (is_done ? whole : failed).record(ended - accepted);
    failures += is_done ? 0U : 1U;
  }
  metrics_.queue.add(queue);
  metrics_.last_batch.set(std::chrono::duration_cast<std::chrono::milliseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count());
  if (failures > 0) metrics_.failed.add(failed.total(), failures);
  if (!succeeded) return;
  const std::size_t done = requests.size() - failures;
  const auto size = static_cast<std::int64_t>(done);
  metrics_.succeeded.add(whole);
  metrics_.gather.add(stages.gather * size, done);
  metrics_.compute.add(stages.compute * size, done);
  metrics_.scatter.add(stages.scatter * size, done);
  metrics_.batch_compute.record(stages.compute);
  BatchStages& totals = metrics_.stages_by_rows.at(batch.rows);
  totals.gather.add(stages.gather);
  totals.compute.add(stages.compute);
  totals.scatter.add(stages.scatter);
}

}  // namespace muster
