// SPDX-License-Identifier: Apache-2.0
#include "comparing/row_runs.h"

#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "tensor/rows.h"

namespace muster {
namespace {

class Batches {
 public:
  Batches(Session& session, const ModelSignature& signature, const RowRuns& runs,
          const RowVisitor& visit)
      : session_(session), signature_(signature), runs_(runs), visit_(visit) {}

  Status run() {
    rows_ = runs_.inputs.front().shape[0];
    for (const TensorView& input : runs_.inputs) {
      MUSTER_ASSIGN_OR_RETURN(auto offsets, row_offsets(input, rows_));
      offsets_.push_back(std::move(offsets));
    }
    for (std::int64_t first = 0; first < rows_; first += runs_.batch_size)
      MUSTER_RETURN_IF_ERROR(run_batch(first));
    return {};
  }

 private:
  [[nodiscard]] std::size_t row_at(std::int64_t place) const {
    return static_cast<std::size_t>(place % rows_);
  }

  Status run_batch(std::int64_t first) {
    for (std::size_t i = 0; i < runs_.inputs.size(); ++i)
      MUSTER_RETURN_IF_ERROR(fill(i, first));
    MUSTER_RETURN_IF_ERROR(session_.run());
    for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
      MUSTER_ASSIGN_OR_RETURN(const TensorView output, session_.output(i));
      MUSTER_RETURN_IF_ERROR(read(i, output, first));
    }
    return {};
  }

  Status fill(std::size_t index, std::int64_t first) {
    const TensorView& input = runs_.inputs[index];
    const std::vector<std::size_t>& offsets = offsets_[index];
    std::size_t size = 0;
    for (std::int64_t i = 0; i < runs_.batch_size; ++i)
      size += offsets[row_at(first + i) + 1] - offsets[row_at(first + i)];
    Shape shape = input.shape.without_first();
    if (runs_.stacked) shape = shape.with_first(runs_.batch_size);
    MUSTER_ASSIGN_OR_RETURN(const auto room, session_.prepare_input(index, shape, size));
    std::size_t at = 0;
    for (std::int64_t i = 0; i < runs_.batch_size; ++i) {
      const std::size_t row = row_at(first + i);
      const std::size_t bytes = offsets[row + 1] - offsets[row];
      if (bytes > 0) std::memcpy(room.data() + at, input.bytes.data() + offsets[row], bytes);
      at += bytes;
    }
    return {};
  }

  Status read(std::size_t index, const TensorView& output, std::int64_t first) {
    const std::int64_t size = runs_.batch_size;
    const bool has_rows = output.shape.rank() > 0 && output.shape[0] == size;
    if (size == 1) {
      TensorView row = output;
      if (runs_.stacked && has_rows) row.shape = output.shape.without_first();
      return visit_(first, index, row);
    }
    if (!has_rows) {
      return failed_precondition("output '" + printable(signature_.outputs[index].name) +
                                 "' has shape " + output.shape.to_string() + " for a batch of " +
                                 std::to_string(size) +
                                 " rows, so it cannot be told which row said what");
    }
    MUSTER_ASSIGN_OR_RETURN(const auto offsets, row_offsets(output, size));
    TensorView row{output.type, output.shape.without_first(), {}};
    for (std::int64_t i = 0; i < size; ++i) {
      const std::size_t begin = offsets[static_cast<std::size_t>(i)];
      row.bytes = output.bytes.subspan(begin, offsets[static_cast<std::size_t>(i) + 1] - begin);
      MUSTER_RETURN_IF_ERROR(visit_(static_cast<std::int64_t>(row_at(first + i)), index, row));
    }
    return {};
  }

  Session& session_;
  const ModelSignature& signature_;
  const RowRuns& runs_;
  const RowVisitor& visit_;
  std::int64_t rows_ = 0;
  std::vector<std::vector<std::size_t>> offsets_;  // by input, of its rows
};

}  // namespace

Status run_rows(Session& session, const ModelSignature& signature, const RowRuns& runs,
                const RowVisitor& visit) {
  return Batches(session, signature, runs, visit).run();
}

}  // namespace muster
