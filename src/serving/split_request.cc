// SPDX-License-Identifier: Apache-2.0
#include "serving/split_request.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/text.h"
#include "inference/tensor_source.h"

namespace muster {
namespace {

// Some bytes of another source, which it keeps.
class SourcePart final : public TensorSource {
 public:
  SourcePart(std::shared_ptr<const TensorSource> whole, std::size_t begin, std::size_t size)
      : TensorSource(size), whole_(std::move(whole)), begin_(begin) {
    if (const DeviceBytes* const all = whole_->device_bytes(); all != nullptr)
      on_device_ = DeviceBytes{all->device, all->address + begin, size};
  }

  [[nodiscard]] Status read(std::size_t offset, std::span<std::byte> into) const override {
    return whole_->read(begin_ + offset, into);
  }
  [[nodiscard]] const DeviceBytes* device_bytes() const noexcept override {
    return on_device_ ? &*on_device_ : nullptr;
  }

 private:
  const std::shared_ptr<const TensorSource> whole_;
  const std::size_t begin_;
  std::optional<DeviceBytes> on_device_;
};

// Where rows begin: one after the other, for one input.
class RowCutter {
 public:
  RowCutter(const InferInput& input, std::int64_t rows)
      : input_(input),
        tensor_(input.tensor),
        left_(input.tensor.bytes),
        rows_(static_cast<std::size_t>(rows)) {
    if (tensor_.type != DataType::kBytes) return;
    const auto elements = element_count(tensor_.shape);
    MUSTER_CHECK(elements.ok());  // the request has been checked
    row_elements_ = *elements / rows_;
  }

  // The next `rows` rows.
  InferInput cut(std::int64_t rows) {
    const std::size_t size = bytes_of(static_cast<std::size_t>(rows));
    InferInput part{input_.name, {tensor_.type, tensor_.shape, {}}};
    part.tensor.shape.set(0, rows);
    if (input_.source) {
      part.source = std::make_shared<const SourcePart>(input_.source, taken_, size);
      taken_ += size;
    } else {
      part.tensor.bytes = left_.first(size);
      left_ = left_.subspan(size);
    }
    return part;
  }

 private:
  [[nodiscard]] std::size_t bytes_of(std::size_t rows) const {
    if (tensor_.type != DataType::kBytes) return input_bytes(input_) / rows_ * rows;
    std::size_t size = 0;
    for (std::size_t i = 0; i < rows * row_elements_; ++i) {
      std::uint32_t length = 0;
      std::memcpy(&length, left_.data() + size, sizeof(length));
      size += sizeof(length) + length;
    }
    return size;
  }

  const InferInput& input_;
  const TensorView& tensor_;
  std::span<const std::byte> left_;
  std::size_t taken_ = 0;  // of the source
  const std::size_t rows_;
  std::size_t row_elements_ = 0;
};

// One output of all parts, one behind the other.
Result<Tensor> join(std::span<const InferResponse> parts, std::span<const std::int64_t> part_rows,
                    std::size_t index) {
  const Tensor& first = parts[0].outputs[index].tensor;
  std::int64_t rows = 0;
  std::size_t size = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tensor& part = parts[i].outputs[index].tensor;
    const Shape& shape = part.shape();
    if (shape.rank() == 0 || shape[0] != part_rows[i] || part.type() != first.type() ||
        !(shape.without_first() == first.shape().without_first())) {
      return internal_error("output '" + printable(parts[0].outputs[index].name) + "' has shape " +
                            shape.to_string() + " for a part of " + std::to_string(part_rows[i]) +
                            " rows, so the parts of the request cannot be put together");
    }
    rows += shape[0];
    size += part.bytes().size();
  }
  Shape shape = first.shape();
  shape.set(0, rows);
  MUSTER_ASSIGN_OR_RETURN(Tensor all, Tensor::allocate(first.type(), std::move(shape), size));
  std::size_t at = 0;
  for (const InferResponse& part : parts) {
    const auto bytes = part.outputs[index].tensor.bytes();
    if (!bytes.empty()) std::memcpy(all.bytes().data() + at, bytes.data(), bytes.size());
    at += bytes.size();
  }
  return all;
}

BatchReport report_of(std::span<const InferResponse> parts) {
  BatchReport report = std::ranges::max_element(parts, {}, [](const InferResponse& part) {
                         return part.batch.rows;
                       })->batch;
  report.gather = report.compute = {};
  for (const InferResponse& part : parts) {
    report.queue = std::min(report.queue, part.batch.queue);
    report.gather += part.batch.gather;
    report.compute += part.batch.compute;
  }
  return report;
}

// What the parts have in common; each part's completion holds it.
class Whole {
 public:
  Whole(PendingRequest whole, std::size_t parts, std::function<void(RequestTicket)> cancel)
      : whole_(std::move(whole)), cancel_(std::move(cancel)), answers_(parts), part_rows_(parts) {}

  [[nodiscard]] const PendingRequest& request() const noexcept { return whole_; }
  void set_rows(std::size_t part, std::int64_t rows) { part_rows_[part] = rows; }

  // Any thread, once a part.
  void answer(std::size_t part, Result<InferResponse> outcome) noexcept {
    bool is_first_failure = false;
    bool is_last = false;
    {
      const MutexLock lock(mutex_);
      if (outcome.ok()) {
        answers_[part] = *std::move(outcome);
      } else if (failure_.ok()) {
        failure_ = std::move(outcome).status();
        is_first_failure = true;
      }
      is_last = ++answered_ == answers_.size();
    }
    if (is_last) {
      finish();
    } else if (is_first_failure) {
      cancel_(whole_.request.ticket);
    }
  }

 private:
  // Nobody else is left: no lock.
  void finish() noexcept MUSTER_NO_THREAD_SAFETY_ANALYSIS {
    Result<InferResponse> outcome = failure_.ok() ? join_caught() : Result<InferResponse>(failure_);
    answers_.clear();
    Reply reply = std::move(whole_.reply);
    whole_.request = {};  // whoever gets the answer may reuse what it pointed to
    reply.answer(std::move(outcome));
  }

  Result<InferResponse> join_caught() noexcept MUSTER_REQUIRES(mutex_) {
    try {
      return join_all();
    } catch (const std::exception& error) {  // out of memory
      return internal_error(std::string("the parts of the request could not be put together: ") +
                            error.what());
    }
  }

  Result<InferResponse> join_all() MUSTER_REQUIRES(mutex_) {
    InferResponse all;
    all.id = whole_.request.id;
    all.model = answers_[0].model;
    all.batch = report_of(answers_);
    all.delivery = std::ranges::max_element(answers_, {}, [](const InferResponse& part) {
                     return part.delivery.computed_at;
                   })->delivery;
    for (std::size_t i = 0; i < answers_[0].outputs.size(); ++i) {
      MUSTER_ASSIGN_OR_RETURN(Tensor tensor, join(answers_, part_rows_, i));
      all.outputs.push_back({answers_[0].outputs[i].name, std::move(tensor)});
    }
    return all;
  }

  PendingRequest whole_;
  const std::function<void(RequestTicket)> cancel_;
  Mutex mutex_;
  std::vector<InferResponse> answers_ MUSTER_GUARDED_BY(mutex_);
  std::vector<std::int64_t> part_rows_;
  std::size_t answered_ MUSTER_GUARDED_BY(mutex_) = 0;
  Status failure_ MUSTER_GUARDED_BY(mutex_);
};

PendingRequestPtr part_of(const PendingRequest& whole) {
  auto part = std::make_unique<PendingRequest>();
  part->outputs = whole.outputs;
  part->row_key = whole.row_key;
  part->request.model = whole.request.model;
  part->request.version = whole.request.version;
  part->request.deadline = whole.request.deadline;
  part->request.received_at = whole.request.received_at;
  part->request.priority = whole.request.priority;
  part->request.ticket = whole.request.ticket;
  return part;
}

}  // namespace

std::vector<PendingRequestPtr> split_request(PendingRequest request, std::int64_t max_rows,
                                             std::function<void(RequestTicket)> cancel) {
  MUSTER_CHECK(max_rows >= 1 && request.rows >= 1);
  if (request.request.ticket == 0) request.request.ticket = new_ticket();
  const auto count = static_cast<std::size_t>((request.rows + max_rows - 1) / max_rows);
  const auto whole = std::make_shared<Whole>(std::move(request), count, std::move(cancel));

  std::vector<PendingRequestPtr> parts;
  parts.reserve(count);
  const std::vector<InferInput>& inputs = whole->request().request.inputs;
  std::vector<RowCutter> cutters;
  cutters.reserve(inputs.size());
  for (const InferInput& input : inputs)
    cutters.emplace_back(input, whole->request().rows);
  for (std::size_t i = 0; i < count; ++i) {
    PendingRequestPtr part = part_of(whole->request());
    part->rows =
        std::min(max_rows, whole->request().rows - static_cast<std::int64_t>(i) * max_rows);
    whole->set_rows(i, part->rows);
    for (RowCutter& cutter : cutters) {
      InferInput& input = part->request.inputs.emplace_back(cutter.cut(part->rows));
      part->bytes += input_bytes(input);
    }
    part->reply =
        Reply([whole, i](Result<InferResponse> outcome) { whole->answer(i, std::move(outcome)); });
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace muster
