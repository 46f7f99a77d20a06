// SPDX-License-Identifier: Apache-2.0
#include "batching/scatter.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "batching/testing/requests.h"

namespace muster {
namespace {

using testing::Numbers;
using testing::numbers_of;
using testing::tensor_of;

// Gives out the tensors it was given, and counts how often each is asked for.
class ScatteringSession final : public Session {
 public:
  void add(std::string name, Tensor tensor) {
    signature.outputs.push_back({std::move(name), tensor.type(), tensor.shape(), {}});
    outputs.push_back(std::move(tensor));
    asked.push_back(0);
  }

  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape&, std::size_t) override {
    return internal_error("not to be filled");
  }
  Status run() override { return internal_error("not to be run"); }
  Result<TensorView> output(std::size_t index) override {
    ++asked[index];
    if (index == failing) return internal_error("the output is lost");
    return outputs[index].view();
  }

  ModelSignature signature;
  std::vector<Tensor> outputs;
  std::vector<int> asked;
  std::size_t failing = 99;
};

class Scatter : public ::testing::Test {
 protected:
  // A request of that many rows that wants those outputs, none = all.
  void add_request(std::int64_t rows, std::vector<std::size_t> outputs = {}) {
    owned_.push_back(std::make_unique<PendingRequest>());
    owned_.back()->rows = rows;
    owned_.back()->outputs = std::move(outputs);
  }

  Status run(bool stacked = true) {
    std::vector<const PendingRequest*> requests;
    std::int64_t rows = 0;
    for (const auto& request : owned_) {
      requests.push_back(request.get());
      rows += request->rows;
    }
    responses_.clear();
    responses_.resize(requests.size());
    return scatter(requests, rows, stacked, session_.signature, session_, responses_);
  }

  [[nodiscard]] std::vector<std::string> names(std::size_t response) const {
    std::vector<std::string> names;
    for (const InferOutput& output : responses_[response].outputs)
      names.push_back(output.name);
    return names;
  }
  [[nodiscard]] Numbers numbers(std::size_t response, std::string_view name) const {
    const Tensor* tensor = responses_[response].find(name);
    return tensor == nullptr ? Numbers{-1} : numbers_of(*tensor);
  }

  ScatteringSession session_;
  std::vector<InferResponse> responses_;

 private:
  std::vector<PendingRequestPtr> owned_;
};

using Names = std::vector<std::string>;

TEST_F(Scatter, gives_each_request_its_rows_of_every_output) {
  session_.add("one", tensor_of({1, 2, 3}, {3, 1}));
  session_.add("two", tensor_of({10, 11, 20, 21, 30, 31}, {3, 2}));
  add_request(1);
  add_request(2);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(names(0), Names({"one", "two"}));
  EXPECT_EQ(numbers(0, "one"), Numbers({1}));
  EXPECT_EQ(numbers(0, "two"), Numbers({10, 11}));
  EXPECT_EQ(responses_[0].find("two")->shape(), Shape({1, 2}));
  EXPECT_EQ(numbers(1, "one"), Numbers({2, 3}));
  EXPECT_EQ(numbers(1, "two"), Numbers({20, 21, 30, 31}));
  EXPECT_EQ(responses_[1].find("two")->shape(), Shape({2, 2}));
}

TEST_F(Scatter, copies_what_the_session_overwrites) {
  session_.add("one", tensor_of({1, 2}, {2, 1}));
  add_request(1);
  add_request(1);
  ASSERT_TRUE(run().ok());
  session_.outputs[0].elements<std::int64_t>()[0] = 99;
  EXPECT_EQ(numbers(0, "one"), Numbers({1}));
}

TEST_F(Scatter, gives_each_request_the_outputs_it_wants_in_its_order) {
  session_.add("a", tensor_of({1, 2, 3}, {3}));
  session_.add("b", tensor_of({4, 5, 6}, {3}));
  session_.add("c", tensor_of({7, 8, 9}, {3}));
  add_request(1, {2, 0});
  add_request(1, {1});
  add_request(1);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(names(0), Names({"c", "a"}));
  EXPECT_EQ(numbers(0, "c"), Numbers({7}));
  EXPECT_EQ(numbers(0, "a"), Numbers({1}));
  EXPECT_EQ(names(1), Names({"b"}));
  EXPECT_EQ(numbers(1, "b"), Numbers({5}));
  EXPECT_EQ(names(2), Names({"a", "b", "c"}));
  EXPECT_EQ(numbers(2, "c"), Numbers({9}));
}

TEST_F(Scatter, keeps_the_wanted_order_for_a_request_alone) {
  session_.add("a", tensor_of({1}, {1}));
  session_.add("b", tensor_of({2}, {1}));
  add_request(1, {1, 0});
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(names(0), Names({"b", "a"}));
}

TEST_F(Scatter, does_not_fetch_what_nobody_wants) {
  session_.add("a", tensor_of({1, 2}, {2}));
  session_.add("b", tensor_of({3, 4}, {2}));
  add_request(1, {1});
  add_request(1, {1});
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(session_.asked, std::vector<int>({0, 1}));
}

TEST_F(Scatter, cuts_strings_at_rows) {
  const std::string_view strings[] = {"a", "", "ccc", "dd", "e", "long enough to differ"};
  auto tensor = Tensor::of_strings({3, 2}, strings);
  ASSERT_TRUE(tensor.ok());
  session_.add("text", *std::move(tensor));
  add_request(2);
  add_request(1);
  ASSERT_TRUE(run().ok());
  const auto first = bytes_elements(responses_[0].outputs[0].tensor.view());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, std::vector<std::string_view>({"a", "", "ccc", "dd"}));
  EXPECT_EQ(responses_[0].outputs[0].tensor.shape(), Shape({2, 2}));
  const auto second = bytes_elements(responses_[1].outputs[0].tensor.view());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second, std::vector<std::string_view>({"e", "long enough to differ"}));
}

TEST_F(Scatter, refuses_strings_that_do_not_add_up) {
  auto broken = Tensor::allocate(DataType::kBytes, {2}, 3);
  ASSERT_TRUE(broken.ok());
  std::ranges::fill(broken->bytes(), std::byte{0});
  session_.add("text", *std::move(broken));
  add_request(1);
  add_request(1);
  EXPECT_FALSE(run().ok());
}

TEST_F(Scatter, gives_rows_without_elements) {
  session_.add("none", tensor_of({}, {2, 0}));
  add_request(1);
  add_request(1);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(responses_[1].outputs[0].tensor.shape(), Shape({1, 0}));
}

TEST_F(Scatter, refuses_an_output_with_other_rows) {
  session_.add("odd", tensor_of({1, 2, 3}, {3}));
  add_request(1);
  add_request(1);
  EXPECT_EQ(run().to_string(),
            "INTERNAL: output 'odd' has shape [3] for a batch of 2 rows, so its rows cannot be "
            "given to their requests");
}

TEST_F(Scatter, refuses_an_output_without_rows) {
  session_.add("sum", tensor_of({3}, {}));
  add_request(1);
  add_request(1);
  EXPECT_EQ(run().code(), StatusCode::kInternal);
}

TEST_F(Scatter, does_not_look_at_odd_rows_of_an_output_that_nobody_wants) {
  session_.add("odd", tensor_of({1, 2, 3}, {3}));
  session_.add("even", tensor_of({4, 5}, {2}));
  add_request(1, {1});
  add_request(1, {1});
  EXPECT_TRUE(run().ok());
}

TEST_F(Scatter, gives_a_request_alone_whatever_rows_there_are) {
  session_.add("found", tensor_of({1, 2, 3}, {3, 1}));
  session_.add("sum", tensor_of({6}, {}));
  add_request(2);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(responses_[0].find("found")->shape(), Shape({3, 1}));
  EXPECT_EQ(numbers(0, "found"), Numbers({1, 2, 3}));
  EXPECT_EQ(responses_[0].find("sum")->shape(), Shape());
}

TEST_F(Scatter, gives_everything_where_the_model_has_no_batch_axis) {
  session_.add("all", tensor_of({1, 2, 3}, {3}));
  add_request(1);
  ASSERT_TRUE(run(false).ok());
  EXPECT_EQ(numbers(0, "all"), Numbers({1, 2, 3}));
}

TEST_F(Scatter, hands_on_the_session_s_failure) {
  session_.add("a", tensor_of({1}, {1}));
  session_.failing = 0;
  add_request(1);
  EXPECT_EQ(run().to_string(), "INTERNAL: the output is lost");
}

}  // namespace
}  // namespace muster
