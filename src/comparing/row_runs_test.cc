// SPDX-License-Identifier: Apache-2.0
#include "comparing/row_runs.h"

#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

// Answers with its first input, whatever the rows, and keeps the shapes of its batches.
class Echo final : public Session {
 public:
  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    if (index == 0) shapes.push_back(shape);
    inputs_[index].resize(size);
    return std::span(inputs_[index]);
  }
  Status run() override { return fails ? unavailable("the device is gone") : Status(); }
  Result<TensorView> output(std::size_t /*index*/) override {
    return TensorView{type, keeps_rows ? shapes.back() : Shape{1}, inputs_[0]};
  }

  DataType type = DataType::kInt32;
  bool keeps_rows = true;
  bool fails = false;
  std::vector<Shape> shapes;

 private:
  std::map<std::size_t, std::vector<std::byte>> inputs_;
};

const ModelSignature kSignature{{{"x", DataType::kInt32, {-1, 2}, {}}},
                                {{"y", DataType::kInt32, {-1, 2}, {}}}};
const std::vector<std::int32_t> kValues = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41};  // five rows

TensorView five_rows() {
  return {DataType::kInt32, {5, 2}, std::as_bytes(std::span(kValues))};
}

using Visits = std::vector<std::pair<std::int64_t, std::int32_t>>;

Result<Visits> visits_of(Echo& session, const RowRuns& runs) {
  Visits visits;
  const Status status = run_rows(session, kSignature, runs,
                                 [&](std::int64_t row, std::size_t, const TensorView& output) {
                                   EXPECT_EQ(output.shape, Shape{2});
                                   visits.emplace_back(row, output.elements<std::int32_t>()[0]);
                                   return Status();
                                 });
  if (!status.ok()) return status;
  return visits;
}

TEST(RowRuns, give_each_row_what_was_said_of_it) {
  Echo session;
  const auto visits = visits_of(session, {{five_rows()}, true, 1});
  EXPECT_EQ(visits.value(), (Visits{{0, 0}, {1, 10}, {2, 20}, {3, 30}, {4, 40}}));
  EXPECT_EQ(session.shapes, std::vector<Shape>(5, Shape{1, 2}));
}

TEST(RowRuns, fill_every_batch_from_the_beginning_again) {
  Echo session;
  const auto visits = visits_of(session, {{five_rows()}, true, 3});
  EXPECT_EQ(visits.value(), (Visits{{0, 0}, {1, 10}, {2, 20}, {3, 30}, {4, 40}, {0, 0}}));
  EXPECT_EQ(session.shapes, std::vector<Shape>(2, Shape{3, 2}));
}

TEST(RowRuns, make_batches_that_are_larger_than_what_is_there) {
  Echo session;
  const auto visits = visits_of(session, {{five_rows()}, true, 11});
  ASSERT_EQ(visits.value().size(), 11U);
  EXPECT_EQ(visits.value().back(), (std::pair<std::int64_t, std::int32_t>{0, 0}));
}

TEST(RowRuns, are_without_the_axis_where_there_is_no_batch) {
  Echo session;
  const auto visits = visits_of(session, {{five_rows()}, false, 1});
  EXPECT_EQ(visits.value().size(), 5U);
  EXPECT_EQ(session.shapes, std::vector<Shape>(5, Shape{2}));
}

TEST(RowRuns, cut_texts_apart) {
  Echo session;
  session.type = DataType::kBytes;
  const std::vector<std::string_view> words = {"a", "bbbb", "", "cc"};
  const Tensor texts = Tensor::of_strings({4}, words).value();
  std::vector<std::string> seen;
  const RowRuns runs{{texts.view()}, true, 3};
  ASSERT_TRUE(
      run_rows(session, kSignature, runs, [&](std::int64_t, std::size_t, const TensorView& output) {
        seen.emplace_back(bytes_elements(output).value().at(0));
        return Status();
      }).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "bbbb", "", "cc", "a", "bbbb"}));
}

TEST(RowRuns, end_where_an_output_has_no_rows) {
  Echo session;
  session.keeps_rows = false;
  const auto visits = visits_of(session, {{five_rows()}, true, 2});
  EXPECT_EQ(visits.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(visits.status().message(),
            "output 'y' has shape [1] for a batch of 2 rows, so it cannot be told which row said "
            "what");
}

TEST(RowRuns, end_where_the_session_or_the_visitor_fails) {
  Echo session;
  session.fails = true;
  EXPECT_EQ(visits_of(session, {{five_rows()}, true, 2}).status().message(), "the device is gone");
  session.fails = false;
  EXPECT_EQ(run_rows(session, kSignature, {{five_rows()}, true, 2},
                     [](std::int64_t, std::size_t, const TensorView&) {
                       return resource_exhausted("enough");
                     })
                .message(),
            "enough");
}

}  // namespace
}  // namespace muster
