// SPDX-License-Identifier: Apache-2.0
#include "serving/request_check.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "inference/tensor_source.h"

namespace muster {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TensorSpec spec(std::string name, DataType type, Shape shape) {
  return {std::move(name), type, std::move(shape), {}};
}

// A model with two inputs and three outputs, of which it serves the first and the third.
class RequestCheck : public ::testing::Test {
 protected:
  RequestCheck() {
    signature_.inputs = {spec("ids", DataType::kInt64, {-1, -1}),
                         spec("text", DataType::kBytes, {-1, 1})};
    signature_.outputs = {spec("a", DataType::kFp32, {-1, 2}), spec("b", DataType::kFp32, {-1, 2}),
                          spec("c", DataType::kFp32, {-1, 2})};
    config_.name = "m";
    config_.inputs = signature_.inputs;
    config_.outputs = {signature_.outputs[0], signature_.outputs[2]};
    rules_ = {&config_, &signature_, true, 4, 4, false};
  }

  // The bytes live as long as the test.
  InferInput ids(Shape shape, std::size_t bytes) {
    const std::span<const std::byte> all = std::as_bytes(std::span(zeros_));
    return {"ids", {DataType::kInt64, std::move(shape), all.first(bytes)}};
  }
  static InferInput text(Shape shape, std::string_view bytes) {
    return {"text", {DataType::kBytes, std::move(shape), std::as_bytes(std::span(bytes))}};
  }
  InferInput good_ids() { return ids({1, 3}, 24); }
  static InferInput good_text() { return text({1, 1}, "\2\0\0\0hi"sv); }

  Result<PendingRequest> check(std::vector<InferInput> inputs,
                               std::vector<std::string> outputs = {}) {
    InferRequest request;
    request.inputs = std::move(inputs);
    request.outputs = std::move(outputs);
    return check_request(std::move(request), rules_);
  }
  std::string refusal(std::vector<InferInput> inputs, std::vector<std::string> outputs = {}) {
    const auto checked = check(std::move(inputs), std::move(outputs));
    EXPECT_EQ(checked.status().code(), StatusCode::kInvalidArgument);
    return std::string(checked.status().message());
  }

  const std::vector<std::int64_t> zeros_ = std::vector<std::int64_t>(1024, 0);
  ModelSignature signature_;
  ModelConfig config_;
  RequestRules rules_;
};

class NoSource final : public TensorSource {
 public:
  using TensorSource::TensorSource;
  [[nodiscard]] Status read(std::size_t, std::span<std::byte>) const override {
    return internal_error("not to be read");
  }
};

TEST_F(RequestCheck, holds_what_is_still_to_be_read_against_its_shape_and_reads_nothing) {
  const auto ids_of = [](std::size_t bytes) {
    return InferInput{
        "ids", {DataType::kInt64, {1, 3}, {}}, std::make_shared<const NoSource>(bytes)};
  };
  const auto checked = check({ids_of(24), good_text()});
  ASSERT_TRUE(checked.ok()) << checked.status().to_string();
  EXPECT_EQ(checked->bytes, 24 + 6U);
  EXPECT_NE(refusal({ids_of(16), good_text()}).find("takes 24 bytes, 16 given"), std::string::npos);
  // Strings are looked at here; nobody would look at them later.
  EXPECT_FALSE(check({good_ids(), InferInput{"text",
                                             {DataType::kBytes, {1, 1}, {}},
                                             std::make_shared<const NoSource>(6U)}})
                   .ok());
}

TEST_F(RequestCheck, puts_inputs_into_the_signatures_order) {
  const auto pending = check({good_text(), good_ids()});
  ASSERT_TRUE(pending.ok()) << pending.status().to_string();
  EXPECT_EQ(pending->request.inputs[0].name, "ids");
  EXPECT_EQ(pending->request.inputs[1].name, "text");
  EXPECT_EQ(pending->rows, 1);
  EXPECT_EQ(pending->bytes, 24 + 6U);
}

TEST_F(RequestCheck, refuses_an_input_the_model_does_not_have) {
  InferInput other = good_ids();
  other.name = "id";
  EXPECT_EQ(refusal({other, good_text()}),
            "model 'm' has no input 'id'; its inputs are 'ids', 'text'");
}

TEST_F(RequestCheck, shows_a_hostile_name_safely) {
  InferInput other = good_ids();
  other.name = "x\n\x1b[2J";
  EXPECT_EQ(refusal({other}),
            "model 'm' has no input 'x\\x0a\\x1b[2J'; its inputs are 'ids', 'text'");
  other.name = std::string(1 << 20, 'x');
  EXPECT_LT(refusal({other}).size(), 300U);
  EXPECT_EQ(refusal({good_ids(), good_text()}, {"\r"}),
            "model 'm' has no output '\\x0d'; its outputs are 'a', 'c'");
}

TEST_F(RequestCheck, refuses_an_input_that_is_given_twice) {
  EXPECT_EQ(refusal({good_ids(), good_text(), good_ids()}),
            "input 'ids' of model 'm' is given twice");
}

TEST_F(RequestCheck, refuses_a_request_without_an_input) {
  EXPECT_EQ(refusal({good_ids()}), "input 'text' of model 'm' is missing");
  EXPECT_EQ(refusal({good_text()}), "input 'ids' of model 'm' is missing");
  EXPECT_EQ(refusal({}), "input 'ids' of model 'm' is missing");
}

TEST_F(RequestCheck, refuses_another_type) {
  InferInput input = good_ids();
  input.tensor.type = DataType::kInt32;
  EXPECT_EQ(refusal({input, good_text()}),
            "input 'ids' of model 'm': type INT64 expected, INT32 given");
  input.tensor.type = DataType::kInvalid;
  EXPECT_EQ(refusal({input, good_text()}),
            "input 'ids' of model 'm': type INT64 expected, INVALID given");
  input = good_text();
  input.tensor.type = DataType::kUint8;
  EXPECT_EQ(refusal({good_ids(), input}),
            "input 'text' of model 'm': type BYTES expected, UINT8 given");
}

TEST_F(RequestCheck, refuses_another_shape) {
  EXPECT_EQ(refusal({ids({3}, 24), good_text()}),
            "input 'ids' of model 'm': shape [-1,-1] expected (-1 = any), [3] given");
  EXPECT_EQ(refusal({ids({1, 3, 1}, 24), good_text()}),
            "input 'ids' of model 'm': shape [-1,-1] expected (-1 = any), [1,3,1] given");
  EXPECT_EQ(refusal({good_ids(), text({1, 2}, "\0\0\0\0\0\0\0\0"sv)}),
            "input 'text' of model 'm': shape [-1,1] expected (-1 = any), [1,2] given");
  EXPECT_EQ(refusal({ids({}, 8), good_text()}),
            "input 'ids' of model 'm': shape [-1,-1] expected (-1 = any), [] given");
}

TEST_F(RequestCheck, refuses_negative_dimensions) {
  EXPECT_EQ(refusal({ids({-1, 3}, 24), good_text()}),
            "input 'ids' of model 'm': shape [-1,-1] expected (-1 = any), [-1,3] given");
  EXPECT_EQ(refusal({ids({1, -3}, 24), good_text()}),
            "input 'ids' of model 'm': shape [-1,-1] expected (-1 = any), [1,-3] given");
}

TEST_F(RequestCheck, refuses_a_shape_whose_size_overflows) {
  EXPECT_EQ(
      refusal({ids({kMost, kMost}, 24), good_text()}),
      "input 'ids' of model 'm': shape [9223372036854775807,9223372036854775807] has too many "
      "elements");
  // 2^61 elements of 8 bytes are 0 modulo 2^64.
  EXPECT_EQ(refusal({ids({1, std::int64_t{1} << 61}, 0), good_text()}),
            "input 'ids' of model 'm': shape [1,2305843009213693952] has too many elements");
}

TEST_F(RequestCheck, refuses_too_few_and_too_many_bytes) {
  EXPECT_EQ(refusal({ids({1, 3}, 23), good_text()}),
            "input 'ids' of model 'm': shape [1,3] takes 24 bytes, 23 given");
  EXPECT_EQ(refusal({ids({1, 3}, 32), good_text()}),
            "input 'ids' of model 'm': shape [1,3] takes 24 bytes, 32 given");
  EXPECT_EQ(refusal({ids({1, 3}, 0), good_text()}),
            "input 'ids' of model 'm': shape [1,3] takes 24 bytes, 0 given");
}

TEST_F(RequestCheck, refuses_strings_whose_lengths_are_wrong) {
  EXPECT_EQ(refusal({good_ids(), text({1, 1}, "\3\0\0\0hi"sv)}),
            "input 'text' of model 'm': BYTES tensor is cut off");
  EXPECT_EQ(refusal({good_ids(), text({1, 1}, "\1\0\0\0hi"sv)}),
            "input 'text' of model 'm': BYTES tensor has 1 bytes behind its last element");
  EXPECT_EQ(refusal({good_ids(), text({1, 1}, "\xFF\xFF\xFF\xFF"sv)}),
            "input 'text' of model 'm': BYTES tensor is cut off");
  EXPECT_EQ(refusal({good_ids(), text({1, 1}, "")}),
            "input 'text' of model 'm': BYTES tensor of shape [1,1] needs more than 0 bytes");
  EXPECT_EQ(refusal({good_ids(), text({kMost, 1}, "\0\0\0\0"sv)}),
            "input 'text' of model 'm': BYTES tensor of shape [9223372036854775807,1] needs more "
            "than 4 bytes");
}

TEST_F(RequestCheck, counts_the_rows) {
  const auto pending = check({ids({3, 2}, 48), text({3, 1}, "\0\0\0\0\0\0\0\0\0\0\0\0"sv)});
  ASSERT_TRUE(pending.ok()) << pending.status().to_string();
  EXPECT_EQ(pending->rows, 3);
}

TEST_F(RequestCheck, refuses_inputs_with_different_numbers_of_rows) {
  EXPECT_EQ(refusal({ids({2, 2}, 32), good_text()}),
            "the inputs of model 'm' have different numbers of rows: 2 in 'ids', 1 in 'text'");
}

TEST_F(RequestCheck, refuses_a_request_without_rows) {
  EXPECT_EQ(refusal({ids({0, 3}, 0), text({0, 1}, "")}), "the request to model 'm' has no rows");
}

TEST_F(RequestCheck, refuses_more_rows_than_a_batch_holds) {
  EXPECT_EQ(refusal({ids({5, 1}, 40), text({5, 1}, std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                                                    "\0\0\0\0\0\0",
                                                                    20))}),
            "the request to model 'm' has 5 rows, max_batch_size is 4: send it in parts");
}

TEST_F(RequestCheck, takes_rows_without_elements) {
  const auto pending = check({ids({1, 0}, 0), good_text()});
  ASSERT_TRUE(pending.ok()) << pending.status().to_string();
  EXPECT_EQ(pending->rows, 1);
}

TEST_F(RequestCheck, wants_the_served_outputs_where_none_are_named) {
  EXPECT_EQ(check({good_ids(), good_text()})->outputs, (std::vector<std::size_t>{0, 2}));
  config_.outputs = signature_.outputs;
  EXPECT_TRUE(check({good_ids(), good_text()})->outputs.empty());
}

TEST_F(RequestCheck, wants_the_named_outputs_in_their_order) {
  EXPECT_EQ(check({good_ids(), good_text()}, {"c", "a"})->outputs,
            (std::vector<std::size_t>{2, 0}));
  EXPECT_EQ(check({good_ids(), good_text()}, {"c"})->outputs, (std::vector<std::size_t>{2}));
}

TEST_F(RequestCheck, refuses_outputs_that_are_not_served) {
  EXPECT_EQ(refusal({good_ids(), good_text()}, {"a", "b"}),
            "model 'm' has no output 'b'; its outputs are 'a', 'c'");
  EXPECT_EQ(refusal({good_ids(), good_text()}, {""}),
            "model 'm' has no output ''; its outputs are 'a', 'c'");
}

TEST_F(RequestCheck, refuses_an_output_that_is_asked_for_twice) {
  EXPECT_EQ(refusal({good_ids(), good_text()}, {"a", "a"}), "output 'a' is asked for twice");
}

TEST_F(RequestCheck, gives_equal_row_shapes_equal_keys) {
  const auto key = [this](std::int64_t rows, std::int64_t length) {
    const std::string strings(static_cast<std::size_t>(rows) * 4, '\0');
    const auto pending = check({ids({rows, length}, static_cast<std::size_t>(rows * length) * 8),
                                text({rows, 1}, strings)});
    EXPECT_TRUE(pending.ok()) << pending.status().to_string();
    return pending->row_key;
  };
  EXPECT_EQ(key(1, 5), key(3, 5));
  EXPECT_NE(key(1, 5), key(1, 6));
  EXPECT_NE(key(1, 5), 0U);
  rules_.fixed_rows = true;
  EXPECT_EQ(key(1, 5), 0U);
}

TEST_F(RequestCheck, looks_for_no_rows_where_the_model_has_no_batch_axis) {
  rules_.stacked = false;
  rules_.max_rows = 1;
  const std::string strings(9 * 4, '\0');
  const auto pending = check({ids({7, 2}, 112), text({9, 1}, strings)});
  ASSERT_TRUE(pending.ok()) << pending.status().to_string();
  EXPECT_EQ(pending->rows, 1);
  EXPECT_EQ(pending->row_key, 0U);
}

TEST_F(RequestCheck, holds_a_model_without_a_batch_axis_to_its_shape) {
  rules_.stacked = false;
  config_.inputs[0].shape = {4, 3};
  EXPECT_EQ(refusal({ids({5, 3}, 120), good_text()}),
            "input 'ids' of model 'm': shape [4,3] expected (-1 = any), [5,3] given");
}

}  // namespace
}  // namespace muster
