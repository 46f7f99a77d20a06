// SPDX-License-Identifier: Apache-2.0
#include "app/classify_pipeline.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

namespace muster {
namespace {

constexpr auto kProgressPeriod = std::chrono::milliseconds(100);

}  // namespace

ClassifyPipeline::ClassifyPipeline(ModelService& service, const std::vector<std::string>& paths,
                                   const ClassifyOptions& options)
    : service_(service),
      paths_(paths),
      options_(options),
      batch_size_(static_cast<std::size_t>(options.batch_size)),
      // One batch to run in each thread, and one to fill meanwhile.
      window_(options.threads + 1) {}

ClassifyPipeline::~ClassifyPipeline() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    room_.notify_all();
  }
  for (std::thread& thread : threads_)
    thread.join();
}

std::size_t ClassifyPipeline::size_of(std::size_t batch) const {
  return std::min(batch_size_, paths_.size() - batch * batch_size_);
}

Status ClassifyPipeline::run(const OnResult& on_result, const OnProgress& on_progress) {
  const ModelConfig& config = service_.config();
  MUSTER_ASSIGN_OR_RETURN(const Shape shape, service_.picture_shape(options_.batch_size));
  MUSTER_ASSIGN_OR_RETURN(row_bytes_, byte_size(config.image->type, config.image->row_shape()));

  const std::size_t batches = (paths_.size() + batch_size_ - 1) / batch_size_;
  slots_.resize(std::min(window_, batches));
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    MUSTER_ASSIGN_OR_RETURN(slots_[i].rows, Tensor::allocate(config.image->type, shape));
    slots_[i].decoded.resize(batch_size_);
    slots_[i].left = size_of(i);
  }
  const std::size_t threads = std::min(options_.threads, paths_.size());
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
  for (std::size_t batch = 0; batch < batches; ++batch) {
    await_and_emit(batch, on_result, on_progress);
  }
  return {};
}

void ClassifyPipeline::work() {
  std::size_t index = 0;
  while (take_file(index)) {
    Slot& slot = slots_[index / batch_size_ % slots_.size()];
    Status& decoded = slot.decoded[index % batch_size_];
    try {
      decode(index);
    } catch (const std::exception& error) {
      decoded = internal_error(std::string("cannot be decoded: ") + error.what());
    }
    bool last = false;
    {
      const MutexLock lock(mutex_);
      last = --slot.left == 0;
    }
    if (!last) continue;
    run_batch(slot, size_of(index / batch_size_));
    const MutexLock lock(mutex_);
    slot.done = true;
    ready_.notify_one();
  }
}

bool ClassifyPipeline::take_file(std::size_t& index) {
  MutexLock lock(mutex_);
  while (!stopped_ && next_file_ < paths_.size() &&
         next_file_ / batch_size_ >= first_batch_ + slots_.size()) {
    room_.wait(lock);
  }
  if (stopped_ || next_file_ >= paths_.size()) return false;
  index = next_file_++;
  return true;
}

void ClassifyPipeline::decode(std::size_t index) {
  Slot& slot = slots_[index / batch_size_ % slots_.size()];
  const std::size_t row = index % batch_size_;
  const auto file = read_picture_file(paths_[index], options_.limits);
  slot.decoded[row] =
      file.ok()
          ? file_to_row(file->bytes(), *service_.config().image,
                        slot.rows.bytes().subspan(row * row_bytes_, row_bytes_), options_.limits)
          : file.status();
}

void ClassifyPipeline::run_batch(Slot& slot, std::size_t count) {
  // Rows that could not be decoded leave gaps: the others move up.
  std::size_t rows = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!slot.decoded[i].ok()) continue;
    if (rows != i) {
      std::byte* bytes = slot.rows.bytes().data();
      std::memcpy(bytes + rows * row_bytes_, bytes + i * row_bytes_, row_bytes_);
    }
    ++rows;
  }
  Result<std::vector<Scores>> scores = std::vector<Scores>();
  try {
    if (rows > 0) scores = infer(slot, static_cast<std::int64_t>(rows));
  } catch (const std::exception& error) {
    scores = internal_error(error.what());
  }
  slot.results.clear();
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!slot.decoded[i].ok()) {
      slot.results.emplace_back(std::move(slot.decoded[i]));
    } else if (!scores.ok()) {
      slot.results.emplace_back(scores.status());
    } else {
      slot.results.emplace_back(std::move((*scores)[next++]));
    }
    slot.decoded[i] = {};
  }
}

Result<std::vector<ClassifyPipeline::Scores>> ClassifyPipeline::infer(const Slot& slot,
                                                                      std::int64_t rows) {
  MUSTER_ASSIGN_OR_RETURN(Shape shape, service_.picture_shape(rows));
  const auto used = slot.rows.bytes().first(static_cast<std::size_t>(rows) * row_bytes_);
  InferRequest request;
  request.add_input(service_.config().inputs.front().name,
                    TensorView{slot.rows.type(), std::move(shape), used});
  MUSTER_ASSIGN_OR_RETURN(const InferResponse response, service_.infer(std::move(request)));
  MUSTER_ASSIGN_OR_RETURN(std::vector<Scores> scores, service_.scores(response, options_.top_k));
  if (scores.size() != static_cast<std::size_t>(rows)) {
    return internal_error("the model gave " + std::to_string(scores.size()) + " rows for " +
                          std::to_string(rows) + " pictures");
  }
  return scores;
}

void ClassifyPipeline::await_and_emit(std::size_t batch, const OnResult& on_result,
                                      const OnProgress& on_progress) {
  Slot& slot = slots_[batch % slots_.size()];
  {
    MutexLock lock(mutex_);
    while (!slot.done) {
      ready_.wait_until(lock, std::chrono::steady_clock::now() + kProgressPeriod);
      lock.unlock();
      on_progress(batch * batch_size_);
      lock.lock();
    }
  }
  const std::size_t first = batch * batch_size_;
  for (std::size_t i = 0; i < slot.results.size(); ++i) {
    on_result(paths_[first + i], slot.results[i]);
  }
  on_progress(first + slot.results.size());
  const std::size_t next_in_slot = batch + slots_.size();
  const MutexLock lock(mutex_);
  slot.done = false;
  slot.left = next_in_slot * batch_size_ < paths_.size() ? size_of(next_in_slot) : 0;
  ++first_batch_;
  room_.notify_all();
}

}  // namespace muster
