// SPDX-License-Identifier: Apache-2.0
#include "python/src/direct_run.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace muster::python {
namespace {

// From so many bytes on the runtime reads an array where it lies. Less is copied sooner than the
// runtime is told another address.
constexpr std::size_t kLeastLent = std::size_t{16} << 10;

}  // namespace

DirectRun::DirectRun(LoadedModel& model, const Inputs& inputs, std::vector<WantedOutput> outputs)
    : model_(model), inputs_(inputs), outputs_(std::move(outputs)), made_(outputs_.size()) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const WantedOutput& wanted = outputs_[i];
    if (!wanted.given.is_valid()) continue;
    if (!given_) given_ = std::make_unique<BorrowedArray[]>(outputs_.size());
    given_[i].take(wanted.given, wanted.spec->type, wanted.spec->name, "output",
                   BorrowedArray::Use::kWrite);
    made_[i].bytes = given_[i].writable();
  }
}

nb::dict DirectRun::operator()() {
  const std::int64_t rows = inputs_.rows();
  const std::int64_t most = model_.stacked() ? model_.batch_range().max : 0;
  const std::int64_t part = most > 0 ? std::min(rows, most) : rows;
  for (std::int64_t first = 0; first < rows; first += part) {
    const std::int64_t size = std::min(part, rows - first);
    Status status;
    {
      const Outside outside;
      status = run_part(first, size);
    }
    if (status.code() == kBrokenForGood) session_.discard();
    raise_unless_ok(status);
    collect(first, size);
    raise_if_interrupted();
  }
  nb::dict result;
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    result[outputs_[i].name] = made_[i].array;
  return result;
}

Status DirectRun::run_part(std::int64_t first, std::int64_t rows) {
  if (!has_session_) {
    MUSTER_ASSIGN_OR_RETURN(session_, model_.lease());
    has_session_ = true;
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    MUSTER_RETURN_IF_ERROR(fill(i, first, rows));
  return session_->run();
}

Status DirectRun::fill(std::size_t input, std::int64_t first, std::int64_t rows) {
  std::span<const std::byte> bytes = inputs_[input].bytes();
  Shape shape = inputs_[input].shape();
  if (rows != inputs_.rows()) {
    if (model_.signature().inputs[input].type == DataType::kBytes)
      return unimplemented(
          "more text than the model's largest batch has rows for; run it in parts");
    const std::size_t row = bytes.size() / static_cast<std::size_t>(inputs_.rows());
    bytes =
        bytes.subspan(row * static_cast<std::size_t>(first), row * static_cast<std::size_t>(rows));
    shape.set(0, rows);
  }
  if (bytes.size() >= kLeastLent) {
    const Status lent = session_->lend_input(input, shape, bytes);
    if (lent.code() != StatusCode::kUnimplemented) return lent;
  }
  MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room,
                          session_->prepare_input(input, shape, bytes.size()));
  if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
  return {};
}

void DirectRun::collect(std::int64_t first, std::int64_t rows) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const TensorView view = value_or_raise(session_->output(outputs_[i].index));
    if (rows == inputs_.rows() && !outputs_[i].given.is_valid()) {
      made_[i].array = array_of(view);
      continue;
    }
    if (first == 0) make(i, view, rows);
    const std::size_t row = made_[i].bytes.size() / static_cast<std::size_t>(inputs_.rows());
    const std::size_t at = row * static_cast<std::size_t>(first);
    if (at + view.bytes.size() > made_[i].bytes.size())
      raise_named("InternalError",
                  "output '" + outputs_[i].spec->name + "' has not a row for each of the input");
    copy_bytes(view.bytes, made_[i].bytes.data() + at);
  }
}

void DirectRun::make(std::size_t output, const TensorView& view, std::int64_t rows) {
  const WantedOutput& wanted = outputs_[output];
  Shape shape = view.shape;
  if (rows != inputs_.rows()) {
    if (view.type == DataType::kBytes || shape.rank() == 0 || shape[0] != rows) {
      raise_named("Unimplemented", "output '" + wanted.spec->name +
                                       "' does not follow the rows; run the batch in parts");
    }
    shape.set(0, inputs_.rows());
  }
  if (wanted.given.is_valid()) {
    if (given_[output].shape() != shape) {
      raise_named("InvalidArgument", "output '" + wanted.spec->name + "': the run makes " +
                                         shape.to_string() + ", the array given for it is " +
                                         given_[output].shape().to_string());
    }
    made_[output].array = wanted.given;
    return;
  }
  NewArray made = new_array(view.type, shape.dims());
  made_[output].array = std::move(made.array);
  made_[output].bytes = made.bytes;
}

}  // namespace muster::python
